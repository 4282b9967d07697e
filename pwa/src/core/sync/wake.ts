/** Waiting that can be cut short, and how long to wait after failures. */

import type { Env, Stop } from "../env.ts";

/** Wake is one who waits. */
export class Wake {
  readonly #env: Env;
  #end: (() => void) | undefined;
  #woken = false;

  constructor(env: Env) {
    this.#env = env;
  }

  /** wake ends the waiting, or the next one when nobody waits. */
  wake(): void {
    this.#woken = true;
    this.#end?.();
  }

  /** wait resolves after so many milliseconds, never when absent, or as soon as it is woken. */
  wait(milliseconds?: number): Promise<void> {
    return new Promise((resolve) => {
      let stop: Stop = () => undefined;
      this.#end = () => {
        stop();
        this.#end = undefined;
        this.#woken = false;
        resolve();
      };
      if (this.#woken) this.#end();
      else if (milliseconds !== undefined) stop = this.#env.after(milliseconds, () => this.#end?.());
    });
  }
}

const first = 2_000;
const last = 15 * 60_000;

/** backOff returns how long to wait after so many failures in a row, in milliseconds: doubling, never in step with others. */
export function backOff(env: Env, failures: number): number {
  const whole = Math.min(last, first * 2 ** Math.min(failures, 20));
  return whole * (0.5 + (env.random(1)[0] ?? 0) / 512);
}
