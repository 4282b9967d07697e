/**
 * The person's other devices while there is no pod: each follows each, by sealed requests at their own relays, and answers them
 * (docs/protocol.md, Replicas). Nothing is pushed: what this one has the others fetch, as soon as both are awake.
 *
 *     asked, or asks ──▶ awake: waits for news at the other ──▶ no answer: asks again after 2 s, 4 s … 15 min, or when it is asked itself
 *
 * Who asks is known to be awake, so it is asked back if this device took it to sleep; else each answer would lead to the next question.
 */

import type { Stop } from "../env.ts";
import { KithError } from "../errors.ts";
import { network } from "../loaded.ts";
import { forgetBases, knownName } from "../pod/bases.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import type { SealedRequest } from "../sealed/request.ts";
import type { Did } from "../webid/key.ts";
import { Following } from "./following.ts";
import { others } from "./others.ts";
import { type Asker, Serving, type Stored } from "./serving.ts";
import type { Session } from "./session.ts";

/** Seconds that a device that is awake is asked to wait for news; one that answers at once instead is asked no more often than this, in milliseconds. */
const [patience, rest] = [15, 10_000];

/** Replicas runs from `start` to `stop`; it answers before that too. */
export class Replicas {
  readonly #session: Session;
  readonly #serving: Serving;
  readonly #lines = new Map<Did, Line>();
  readonly #watchers = new Set<() => void>();
  #came: (() => void) | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#serving = new Serving(session, (changed) => (this.#watchers.add(changed), () => this.#watchers.delete(changed)));
  }

  /** answer answers a request of another device, or of who wants to be one; undefined where only a pod can. */
  async answer(asker: Asker, request: SealedRequest): Promise<SealedResponse | Stored | undefined> {
    const answer = await this.#serving.answer(asker, request);
    if (asker.kind === "owner") this.#lines.get(asker.kid as Did)?.asked();
    return answer;
  }

  /** unlisted hears what somebody asks who is in no list here, and says to be a device of the person. */
  unlisted(request: SealedRequest): Promise<void> {
    return this.#serving.unlisted(request);
  }

  /** changed tells who waits that something may be new. */
  changed(): void {
    for (const tell of [...this.#watchers]) tell();
  }

  /** start follows the devices that are in the list, and calls `came` when something came of one. */
  start(came: () => void): void {
    this.#came = came;
    this.#follow();
  }

  /** once asks each of them once; who does not answer is passed over. */
  async once(): Promise<void> {
    for (const kid of others(this.#session)) await this.#line(kid).ask(0);
  }

  /** bytes returns those of an own resource that is not here; undefined when nobody who is awake has them. */
  async bytes(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (const kid of others(this.#session)) {
      const found = await this.#line(kid).following.bytes(path);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** stop resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#came = undefined;
    this.changed();
    await Promise.all([...this.#lines.values()].map((line) => line.stop()));
    this.#lines.clear();
  }

  #follow(): void {
    const wanted = others(this.#session);
    for (const [kid, line] of [...this.#lines]) {
      if (wanted.includes(kid)) continue;
      this.#lines.delete(kid);
      void line.stop();
    }
    for (const kid of wanted) this.#line(kid).start(() => this.#came?.());
    const { store, tree } = this.#session;
    const gone = store.names(knownName("")).filter((name) => !wanted.some((kid) => knownName(kid) === name));
    // What a store that is closed keeps is dropped the next time.
    if (wanted.length > 0 && gone.length > 0) store.apply([...gone.map((name) => ({ unset: name })), ...forgetBases(store, tree.device, wanted)]).catch(() => undefined);
  }

  #line(kid: Did): Line {
    const line = this.#lines.get(kid) ?? new Line(this.#session, kid);
    this.#lines.set(kid, line);
    return line;
  }
}

/** Line is one other device: it is asked again and again from `start` to `stop`. */
class Line {
  readonly following: Following;
  readonly #session: Session;
  readonly #stopping = new AbortController();
  #unwatch: Stop = () => undefined;
  #timer: Stop = () => undefined;
  #turning: Promise<void> | undefined;
  /** So many milliseconds after what is under way has ended it is to be asked once more. */
  #again: number | undefined;
  /** When it was asked the last time. */
  #began = -Infinity;
  #came: (() => void) | undefined;
  #failures = 0;

  constructor(session: Session, kid: Did) {
    this.#session = session;
    this.following = new Following(session, kid);
  }

  start(came: () => void): void {
    const began = this.#came === undefined;
    this.#came = came;
    if (!began) return;
    this.#unwatch = this.#session.env.presence.watch(() => this.hurry());
    this.hurry();
  }

  /** asked asks a device that was taken to sleep, and has just asked itself, though not twice within a rest. */
  asked(): void {
    if (!this.following.awake) this.hurry(Math.min(rest, Math.max(0, this.#began + rest - this.#session.env.now())));
  }

  /** hurry asks now, or after so many milliseconds. */
  hurry(pause = 0): void {
    this.#failures = 0;
    if (this.#came === undefined || this.#stopping.signal.aborted) return;
    this.#timer();
    if (this.#turning !== undefined) this.#again = Math.min(pause, this.#again ?? pause);
    else if (pause === 0) this.#next();
    else this.#timer = this.#session.env.after(pause, () => this.#next());
  }

  /** ask follows the device once; returns whether something came, undefined when it does not answer. */
  async ask(wait: number): Promise<boolean | undefined> {
    try {
      const came = await this.following.follow(wait, this.#stopping.signal);
      if (came) this.#came?.();
      return came;
    } catch (error) {
      if (!(error instanceof KithError)) throw error;
      return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unwatch();
    this.#timer();
    await this.#turning;
  }

  #turned(pause: number | undefined): void {
    this.#turning = undefined;
    const wait = this.#again === undefined ? pause : Math.min(this.#again, pause ?? this.#again);
    if (wait !== undefined && !this.#stopping.signal.aborted) this.#timer = this.#session.env.after(wait, () => this.#next());
  }

  #next(): void {
    this.#again = undefined;
    this.#began = this.#session.env.now();
    this.#turning = this.#turn().then((pause) => this.#turned(pause));
  }

  /** turn asks once and returns after how many milliseconds to do so again; undefined: when somebody hurries. */
  async #turn(): Promise<number | undefined> {
    const { env } = this.#session;
    if (!env.presence.online()) return undefined;
    const [wait, began] = [this.following.awake ? patience : 0, env.now()];
    // Whatever one device answers, the others are followed, and this one is asked again.
    const came = await this.ask(wait).catch(() => undefined);
    if (came === undefined) return (await network()).backOff(env, this.#failures++);
    this.#failures = 0;
    return came || wait === 0 || env.now() - began > rest ? 0 : rest;
  }
}
