/** One exchange with the owner's pod after another: follow it, do what that asks for, bring it what waits. */

import { KithError } from "../errors.ts";
import { forgetInvites } from "../pod/inviter.ts";
import { entries } from "../pod/outbox.ts";
import { followInvites } from "./invites.ts";
import { admitAgain, admitDevices, greetAgain, renewKeys, revokeAgain } from "./admitting.ts";
import { renewPodKey } from "./podkey.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { hearRemoval } from "./refused.ts";
import { unreachable } from "./replica.ts";
import { podClient } from "./clients.ts";
import type { Session } from "./session.ts";
import { tellPush } from "./wakers.ts";

/** Below this many steps no progress is shown. */
const noteworthy = 20;

/** Inbox is what reads what friends left; it returns the paths that changed. */
export type Inbox = { read(): Promise<readonly string[]> };

/** Exchange notes what came of the last one in the session's status. */
export class Exchange {
  readonly #session: Session;
  readonly #inbox: Inbox;
  #turn: Promise<void> = Promise.resolve();
  #listening: AbortController | undefined;

  constructor(session: Session, inbox: Inbox) {
    this.#session = session;
    this.#inbox = inbox;
  }

  /** interrupt ends a listening under way. */
  interrupt(): void {
    this.#listening?.abort();
  }

  /** run exchanges once, after those under way. It never rejects; it returns what went wrong. With `patient`, what the pod refused is not tried again at once. */
  run(patient = false): Promise<KithError | undefined> {
    this.interrupt();
    const session = this.#session;
    return this.#next(async () => {
      if (session.pod === undefined) return inTurn(this.#housekeeping());
      await inTurn([
        () => this.#follow(0),
        ...this.#housekeeping(),
        async () => session.heard(await push(session.tree, podClient(session), this.#tell, patient)),
        () => followInvites(session),
        () => tellPush(session),
      ]);
      await session.store.apply([{ set: "pod/last", value: session.env.now() }]);
    }).then(() => session.status.error);
  }

  /** listen waits for a change at the pod, for at most 25 seconds or until `run` is called; true when there was one. */
  async listen(): Promise<boolean> {
    const stop = new AbortController();
    let heard = false;
    this.#listening = stop;
    await this.#next(async () => {
      heard = (await this.#follow(25, stop.signal)).length > 0;
    }, stop.signal);
    if (this.#listening === stop) this.#listening = undefined;
    return heard;
  }

  /** next runs one thing after another and notes what came of it, unless it was cut short. */
  #next(act: () => Promise<void>, cut?: AbortSignal): Promise<void> {
    const mine = this.#turn.then(async () => {
      const before = standing(this.#session);
      try {
        await act();
        this.#session.status.error = undefined;
      } catch (error) {
        if (cut?.aborted !== true) this.#session.status.error = error instanceof KithError ? error : new KithError("bug", String(error), { cause: error });
        await hearRemoval(this.#session, error);
      }
      this.#session.status.progress = undefined;
      this.#session.emit("pod");
      this.#session.emit("outbox");
      if (standing(this.#session) !== before) this.#session.emit("posts");
    });
    this.#turn = mine;
    return mine;
  }

  async #follow(wait: number, signal?: AbortSignal): Promise<readonly string[]> {
    const session = this.#session;
    const changed = await pull(session.tree, podClient(session), this.#tell, wait, signal);
    await session.heard(changed);
    return changed;
  }

  /** housekeeping is what the pulled rows ask for, before the outbox is emptied. */
  #housekeeping(): readonly Act[] {
    const session = this.#session;
    return [
      async () => session.heard(await this.#inbox.read()),
      () => revokeAgain(session),
      () => greetAgain(session),
      () => admitAgain(session),
      () => renewKeys(session),
      () => renewPodKey(session),
      () => admitDevices(session),
      () => forgetInvites(session.tree),
      () => session.store.apply(session.tree.forgetOld()),
    ];
  }

  readonly #tell = (done: number, total: number): void => {
    if (total < noteworthy) return;
    this.#session.status.progress = { done, total };
    this.#session.emit("pod");
  };
}

type Act = () => Promise<unknown>;

/** inTurn does one act after another. What one of them met does not keep the others back, unless the pod cannot be reached; it throws what was met first. */
async function inTurn(acts: readonly Act[]): Promise<void> {
  let met: KithError | undefined;
  for (const act of acts) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof KithError) || unreachable(error)) throw error;
      met ??= error;
    }
  }
  if (met !== undefined) throw met;
}

/** standing is all by which the views tell how far posts have come: whether the pod was compared, and which posts wait. */
function standing({ store }: Session): string {
  return JSON.stringify([store.get("pod/cursor") !== undefined, entries(store).flatMap(({ post }) => post ?? [])]);
}
