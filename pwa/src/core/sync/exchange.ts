/** One exchange with the owner's pod after another: follow it, do what that asks for, bring it what waits. */

import { KithError } from "../errors.ts";
import type { PodState } from "../kith.ts";
import { given } from "../given.ts";
import { entries } from "../pod/outbox.ts";
import { decideHeld, heldCount } from "./deletions.ts";
import { followInvites } from "./invites.ts";
import { admitDevices, renewKeys, revokeAgain } from "./joining.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import type { Session } from "./session.ts";
import { readMessages, sendTells } from "./ways.ts";

/** Below this many steps no progress is shown. */
const noteworthy = 20;

/** Exchange keeps what came of the last one. */
export class Exchange {
  readonly #session: Session;
  #turn: Promise<void> = Promise.resolve();
  #listening: AbortController | undefined;
  #progress: { readonly done: number; readonly total: number } | undefined;
  #error: KithError | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** state returns where the pod stands. */
  state(): PodState {
    const { store, pod, tree } = this.#session;
    const waiting = entries(store).length;
    if (pod === undefined) return { kind: "none", waiting };
    const lastSync = store.get("pod/last") as number | undefined;
    const askDeletions = heldCount(tree) || undefined;
    return given({ kind: this.#kind(), url: pod.pod, waiting, lastSync, progress: this.#progress, error: this.#error, askDeletions });
  }

  #kind(): PodState["kind"] {
    if (this.#error !== undefined) return this.#error.code === "pod-refused" ? "refused" : "unreachable";
    return this.#session.store.get("pod/cursor") === undefined ? "connecting" : "connected";
  }

  /** interrupt ends a listening under way. */
  interrupt(): void {
    this.#listening?.abort();
  }

  /** forget makes the state that of a pod that was not asked yet. */
  forget(): void {
    this.#error = undefined;
  }

  /** run exchanges once, after those under way. It never rejects; it returns what went wrong. */
  run(): Promise<KithError | undefined> {
    this.interrupt();
    return this.#next(async () => {
      if (this.#session.pod === undefined) return;
      await this.#follow(0);
      await this.#housekeeping();
      const { tree } = this.#session;
      await this.#session.heard(await push(tree, this.#session.podClient(), this.#tell));
      await followInvites(this.#session);
      await this.#session.store.apply([{ set: "pod/last", value: this.#session.env.now() }]);
    }).then(async () => {
      if (this.#session.pod !== undefined && this.#error === undefined) await sendTells(this.#session).catch(ignore);
      return this.#error;
    });
  }

  /** listen waits for a change at the pod, for at most 25 seconds or until `run` is called; true when there was one. */
  async listen(): Promise<boolean> {
    const stop = new AbortController();
    let heard = false;
    await this.#next(async () => {
      this.#listening = stop;
      heard = (await this.#follow(25, stop.signal)).length > 0;
    }, stop.signal);
    return heard;
  }

  /** decide carries held deletions out or not. */
  async decide(accept: boolean): Promise<void> {
    await decideHeld(this.#session.tree, accept);
  }

  /** next runs one thing after another and notes what came of it, unless it was cut short. */
  #next(act: () => Promise<void>, cut?: AbortSignal): Promise<void> {
    const mine = this.#turn.then(async () => {
      try {
        await act();
        this.#error = undefined;
      } catch (error) {
        if (cut?.aborted !== true) this.#error = error instanceof KithError ? error : new KithError("bug", String(error), { cause: error });
      }
      this.#listening = undefined;
      this.#progress = undefined;
      this.#session.emit("pod");
      this.#session.emit("outbox");
    });
    this.#turn = mine;
    return mine;
  }

  async #follow(wait: number, signal?: AbortSignal): Promise<readonly string[]> {
    const session = this.#session;
    const changed = await pull(session.tree, session.podClient(), this.#tell, wait, signal);
    await session.heard(changed);
    return changed;
  }

  /** housekeeping does what the pulled rows ask for, before the outbox is emptied. */
  async #housekeeping(): Promise<void> {
    const session = this.#session;
    await session.heard(await readMessages(session));
    await revokeAgain(session);
    await renewKeys(session);
    await admitDevices(session);
    const old = session.tree.forgetOld();
    if (old.length > 0) await session.store.apply(old);
  }

  readonly #tell = (done: number, total: number): void => {
    if (total < noteworthy) return;
    this.#progress = { done, total };
    this.#session.emit("pod");
  };
}

/** Friends who cannot be told are told another time; a store that ended meanwhile says so at the next act. */
function ignore(error: unknown): void {
  if (!(error instanceof KithError)) throw error;
}
