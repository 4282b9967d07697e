/**
 * What is asked of whatever reads what comes from outside: that it returns a value or throws an error with a code, and
 * that this costs little. `internal/fuzztest` asks the same of the parsers in Go.
 *
 *     time     at most 250 ms of the processors, however busy the machine is; the best of five runs counts
 *     memory   the value is of at most 10 bytes for each byte that was read, over 64 KiB
 *
 * FUZZ_COUNT is how many inputs each target reads, FUZZ_SEED which; an input that fails stands in the message as JSON, bytes in base64.
 */

import { test } from "vitest";
import { KithError } from "../../src/core/errors.ts";
import { Chance, seedOf } from "./chance.ts";
import type { Kind } from "./mutate.ts";

/** Target is a reader and what it is asked. */
export interface Target<T, V> {
  readonly kind: Kind<T>;
  readonly samples: readonly T[] | Promise<readonly T[]>;
  readonly read: (input: T) => V | Promise<V>;
  /** Errors that its documentation names besides those with a code. */
  readonly refuses?: readonly (abstract new (...parts: never[]) => Error)[];
  /** holds throws when a value that was read is not of its type, or is not read again from what is written of it. */
  readonly holds?: (value: V, input: T) => unknown;
  /** Whether nothing of it may be read: something is missing that these samples cannot have. */
  readonly none?: boolean;
  /** How many inputs it reads where others read 100. */
  readonly share?: number;
}

const count = Number(process.env["FUZZ_COUNT"] ?? 300);
const run = Number(process.env["FUZZ_SEED"] ?? 1);
const bounds = { time: 250_000, each: 10, floor: 64 << 10, tries: 5, changes: 6 };

/** bears makes a test that a target bears its samples, and `FUZZ_COUNT` inputs that were made of them. */
export function bears<T, V>(name: string, target: Target<T, V>): void {
  test(name, async () => {
    const samples = await target.samples;
    let read = 0;
    for (const sample of samples) read += await asked(target, sample);
    // A sample that is refused changes into what is refused for the same reason.
    if (read === 0 && target.none !== true) throw new Error(`${name}: no sample is read`);
    const chance = new Chance(seedOf(name, run));
    for (let i = 0; i < (count * (target.share ?? 100)) / 100; i++) {
      let input = chance.of(samples);
      for (let n = chance.below(bounds.changes); n >= 0; n--) input = target.kind.changed(chance, input, samples);
      await asked(target, input);
    }
  }, 24 * 3600_000);
}

/** asked reads an input and judges what came of it; 1 when it was read, 0 when it was refused. */
async function asked<T, V>(target: Target<T, V>, input: T): Promise<number> {
  const { kind, read, refuses = [], holds, none = false } = target;
  const known = (error: unknown): boolean => (error instanceof KithError && error.code !== "bug") || refuses.some((refusal) => error instanceof refusal);
  try {
    const outcome = await quickly(() => read(input));
    if ("error" in outcome) {
      if (known(outcome.error)) return 0;
      throw outcome.error;
    }
    const most = bounds.each * kind.size(input) + bounds.floor;
    if (weight(outcome.value, most) > most) throw new Error(`the value is of more than ${most} bytes`);
    if (none) throw new Error("it is read");
    await holds?.(outcome.value, input);
    return outcome.value === undefined ? 0 : 1;
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : "it is no error"}, of ${shown(input)}`, { cause });
  }
}

/** quickly runs a reader, again where it took long, and throws when it always does. */
async function quickly<V>(read: () => V | Promise<V>): Promise<{ readonly value: V } | { readonly error: unknown }> {
  for (let tries = 1; ; tries++) {
    const before = process.cpuUsage();
    const outcome = await Promise.resolve().then(read).then((value) => ({ value }), (error: unknown) => ({ error }));
    const { user, system } = process.cpuUsage(before);
    if (user + system <= bounds.time) return outcome;
    if (tries === bounds.tries) throw new Error(`it takes ${(user + system) / 1000} ms`);
  }
}

/** weight returns of how many bytes a value is, or something above `most`. */
function weight(value: unknown, most: number): number {
  let sum = 0;
  const open: unknown[] = [value];
  while (open.length > 0 && sum <= most) {
    const one = open.pop();
    sum += 8;
    if (typeof one === "string") sum += one.length;
    else if (one instanceof Uint8Array) sum += one.length;
    else if (one instanceof Map || one instanceof Headers) for (const pair of one) open.push(...pair);
    else if (one instanceof Set) open.push(...one);
    else if (typeof one === "object" && one !== null) open.push(...Object.values(one));
  }
  return sum;
}

function shown(input: unknown): string {
  return JSON.stringify(input, (_, value: unknown) => (value instanceof Uint8Array ? `base64:${Buffer.from(value).toString("base64")}` : value)).slice(0, 200_000);
}
