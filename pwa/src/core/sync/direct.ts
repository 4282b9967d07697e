/**
 * The direct way to friends (docs/protocol.md, Direct connections): a device that has just been answered through a relay knows that the
 * other is awake, and asks for a connection. What is asked while it holds goes over it.
 *
 * Whom the owner lets see network addresses stands in the friend's record, which all devices and the pod share.
 */

import type { Bytes } from "../bytes.ts";
import type { ContactId } from "../kith.ts";
import { changeFriend } from "../pod/friends.ts";
import { cardPath } from "../pod/paths.ts";
import { Directs } from "../relay/directs.ts";
import type { Serve } from "../relay/direct.ts";
import type { Direct } from "./reach.ts";
import type { Session } from "./session.ts";

/** Introduce carries an offer to the devices of a friend that can connect, and returns the answer of one. */
export type Introduce = (cid: ContactId, offer: string) => Promise<string | undefined>;

/** DirectWay keeps the connections with friends for whom the owner allows them. */
export class DirectWay implements Direct {
  /** Answers what friends ask over a connection; until somebody sets it, nothing is answered. */
  serve: Serve = async () => undefined;
  readonly #session: Pick<Session, "env" | "tree">;
  readonly #introduce: Introduce;
  #directs: Directs | undefined;

  constructor(session: Pick<Session, "env" | "tree">, introduce: Introduce) {
    this.#session = session;
    this.#introduce = introduce;
  }

  /** allows tells whether a friend may see the network address of this device. */
  allows(cid: ContactId): boolean {
    const { direct, blocked } = this.#session.tree.store.row(cardPath(cid))?.note ?? {};
    return direct === true && blocked !== true;
  }

  /** allow lets them, or ends what connection there is. */
  async allow(cid: ContactId, direct: boolean): Promise<void> {
    await changeFriend(this.#session.tree, cid, (card) => ({ ...card, direct }));
    this.tidy();
  }

  /** tidy ends the connections with those who may not have them any more. */
  tidy(): void {
    this.#directs?.keep((cid) => this.allows(cid as ContactId));
  }

  /** has tells whether there is a connection with a friend. */
  has(cid: ContactId): boolean {
    return this.#directs?.has(cid) ?? false;
  }

  /** ask asks a friend over the connection; undefined when no answer came that way. */
  async ask(cid: ContactId, message: Bytes): Promise<Bytes | undefined> {
    return this.#directs?.ask(cid, message);
  }

  /** meet begins a connection with a friend who is awake, where the owner allows it. */
  async meet(cid: ContactId): Promise<void> {
    if (!this.allows(cid)) return;
    await (await this.#opened())?.connect(cid, (offer) => this.#introduce(cid, offer));
  }

  /** answer takes a friend's offer; undefined when this device may not connect, or cannot. */
  async answer(cid: ContactId, offer: string): Promise<string | undefined> {
    return this.allows(cid) ? (await this.#opened())?.answer(cid, offer) : undefined;
  }

  /** stop ends all connections. */
  stop(): void {
    this.#directs?.stop();
  }

  /** opened loads what connects, once; undefined where there is nothing, or it cannot be had now. */
  async #opened(): Promise<Directs | undefined> {
    const { env } = this.#session;
    const found = this.#directs === undefined ? await env.connecting?.().catch(() => undefined) : undefined;
    if (found !== undefined) this.#directs ??= new Directs(env, found, (message) => this.serve(message));
    return this.#directs;
  }
}
