/** The direct connections of a device, by the friend at their other end. */

import type { Bytes } from "../bytes.ts";
import type { Env } from "../env.ts";
import { type Connecting, Conversation, describes, type Serve } from "./direct.ts";

/** How many connections there are at once, and how long a friend who could not be reached directly is left alone, in milliseconds. */
const maxDirect = 16;
const pause = 600_000;

/** Signal carries an offer to a friend and returns the answer; undefined when the friend does not want it or does not answer. */
export type Signal = (offer: string) => Promise<string | undefined>;

/** Directs keeps the conversations of this device; with each friend the newest that is open is used. Older ones end when nobody uses
 * them: two who connect to each other at once would otherwise each close what the other opened. */
export class Directs {
  readonly #env: Pick<Env, "after" | "now">;
  readonly #connecting: Connecting;
  readonly #serve: Serve;
  readonly #all = new Map<Conversation, string>();
  readonly #newest = new Map<string, Conversation>();
  readonly #tried = new Map<string, number>();

  constructor(env: Pick<Env, "after" | "now">, connecting: Connecting, serve: Serve) {
    this.#env = env;
    this.#connecting = connecting;
    this.#serve = serve;
  }

  /** has tells whether there is a connection with a friend. */
  has(cid: string): boolean {
    return this.#newest.has(cid);
  }

  /** ask asks a friend with whom there is a connection; undefined when there is none, or no answer came. */
  async ask(cid: string, message: Bytes): Promise<Bytes | undefined> {
    return this.#newest.get(cid)?.ask(message);
  }

  /** connect begins a connection with a friend unless there is one, or one was tried lately; true when it is there. */
  async connect(cid: string, signal: Signal): Promise<boolean> {
    if (this.#newest.has(cid)) return true;
    if (this.#env.now() < (this.#tried.get(cid) ?? -Infinity) + pause || this.#all.size >= maxDirect) return false;
    this.#tried.set(cid, this.#env.now());
    const conversation = this.#begin(cid);
    try {
      const { offer, channel, accept } = await this.#connecting.offer(conversation.events);
      conversation.over(channel);
      const answer = await signal(offer);
      if (answer === undefined || !describes(answer)) throw new RangeError("connect: no answer");
      await accept(answer);
    } catch {
      conversation.close();
    }
    return conversation.opened;
  }

  /** answer takes a friend's offer; undefined when it is none, or there are too many connections. */
  async answer(cid: string, offer: string): Promise<string | undefined> {
    if (!describes(offer) || this.#all.size >= maxDirect) return undefined;
    const conversation = this.#begin(cid);
    try {
      const { answer, channel } = await this.#connecting.answer(offer, conversation.events);
      conversation.over(channel);
      return answer;
    } catch {
      conversation.close();
      return undefined;
    }
  }

  /** keep ends the connections with those to whom the address is not to be shown. */
  keep(allows: (cid: string) => boolean): void {
    for (const [conversation, of] of [...this.#all]) if (!allows(of)) conversation.close();
  }

  /** stop ends all connections. */
  stop(): void {
    for (const conversation of [...this.#all.keys()]) conversation.close();
  }

  #begin(cid: string): Conversation {
    const conversation: Conversation = new Conversation(this.#env, this.#serve, () => {
      this.#all.delete(conversation);
      if (this.#newest.get(cid) === conversation) this.#newest.delete(cid);
    });
    this.#all.set(conversation, cid);
    void conversation.opened.then((opened) => opened && this.#all.has(conversation) && this.#newest.set(cid, conversation));
    return conversation;
  }
}
