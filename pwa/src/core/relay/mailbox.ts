/**
 * A connection to one relay, by which a device reads its queues there and answers (docs/protocol.md, Relays).
 *
 *     connecting → open → lost → connecting …      after 1 s, 2 s, … 5 min
 *     connecting → polling → lost …                where two WebSockets in a row did not open
 *
 * It keeps itself connected from `start` to `stop`. What was asked over a connection that is lost is answered with false; the relay
 * sends messages that were not acknowledged again.
 */

import { b64u, type Bytes, fromB64u, sha256 } from "../bytes.ts";
import type { Stop } from "../env.ts";
import { type Json, parse, string, whole } from "../json.ts";
import type { Net } from "./client.ts";
import { type Message, readMessage, replyFrame } from "./frames.ts";
import { type Line, type OpenLine, socketLine } from "./line.ts";

/** Subscription is a queue and the token of 32 bytes by which this device reads it. */
export interface Subscription {
  readonly queue: string;
  readonly token: Bytes;
}

/** MailboxState says how the relay is reached; `lost` is waiting before the next attempt. */
export type MailboxState = "connecting" | "open" | "polling" | "lost" | "stopped";

/** MailboxEvents is what a mailbox tells. None of these may throw. */
export interface MailboxEvents {
  /** Somebody left a message, or it was left before and not acknowledged. */
  readonly message: (message: Message) => void;
  readonly state?: (state: MailboxState) => void;
  /** The relay reads that queue to this device; so many messages wait in it. Told after each new connection. */
  readonly subscribed?: (queue: string, waiting: number) => void;
  /** The relay does not know the queue, or not the token. */
  readonly refused?: (queue: string) => void;
}

/** QueueChange is what a reader changes in a queue. */
export type QueueChange =
  | { readonly op: "send.add" | "send.remove"; readonly sends: readonly Bytes[] }
  | { readonly op: "token.add" | "token.remove"; readonly tokens: readonly Bytes[] }
  | { readonly op: "push"; readonly push: PushSubscription | null }
  | { readonly op: "delete" };

/** PushSubscription is where a browser wants to be woken (RFC 8030, RFC 8291, RFC 8292), as it gives it. */
export interface PushSubscription {
  readonly endpoint: string;
  readonly p256dh: string;
  readonly auth: string;
  readonly vapid: string;
}

/** Milliseconds: before the first new attempt and the longest, between two signs of life, and until a relay that is polled is tried
 * with a WebSocket again, before a queue is asked for once more that was refused, and before a message that was released is offered again, the first time. An answer that takes longer than `patience` does not come: the connection is dead, though nobody said so. */
const pauses = { first: 1_000, longest: 300_000, alive: 50_000, polled: 600_000, refused: 10_000, released: 10_000 };
const patience = 20_000;
/** What somebody waits for who looks at the app. */
const quickly = 5_000;
/** Hashes that a relay takes at once. */
const maxHashes = 256;
/** Sockets that fail before they open, after which the relay is polled. */
const tries = 2;

/** Mailbox reads and answers the queues of this device at one relay. */
export class Mailbox {
  readonly url: string;
  readonly #net: Net;
  readonly #subscriptions: readonly Subscription[];
  readonly #events: MailboxEvents;
  readonly #poll: OpenLine | undefined;
  readonly #waiting = new Map<string, (answer: Json | undefined) => void>();
  #state: MailboxState = "stopped";
  #line: Line | undefined;
  #again: Stop = () => undefined;
  #failed = 0;
  #released = 0;
  #count = 0;

  /** `poll` is what asks a relay to which no WebSocket comes through; without it there is nothing else to try. */
  constructor(net: Net, url: string, subscriptions: readonly Subscription[], events: MailboxEvents, poll?: OpenLine) {
    this.url = url;
    this.#poll = poll;
    this.#net = net;
    this.#subscriptions = subscriptions;
    this.#events = events;
  }

  get state(): MailboxState {
    return this.#state;
  }

  /** start connects, and again whenever the connection is lost. */
  start(): void {
    if (this.#state === "stopped") this.#connect();
  }

  /** stop ends the connection; nothing is told after it. */
  stop(): void {
    this.#become("stopped");
    this.#again();
    this.#hangUp();
  }

  /** wake tries at once, when the network has come back or somebody looks: a connection may have died while the device slept. */
  wake(): void {
    if (this.#state === "open" && this.#line !== undefined) return this.#ping(this.#line, quickly);
    if (this.#state !== "lost") return;
    this.#again();
    this.#connect();
  }

  /** claim says that this device answers a message, so that others need not; false when another does. */
  async claim(id: string): Promise<boolean> {
    return (await this.#asked({ claim: id }, `message ${id}`))?.claimed === id;
  }

  /** ack says that a message is done with: the relay erases it. False when that is not known to have happened. */
  async ack(id: string): Promise<boolean> {
    this.#released = 0;
    return (await this.#asked({ ack: id }, `message ${id}`))?.acked === id;
  }

  /** decline says that this device cannot answer a message, now or later. */
  decline(id: string): void {
    this.#line?.send(JSON.stringify({ decline: id }));
  }

  /** release says that this device does not answer a message now: it is offered to others, and to this one at the next connection,
   * which it makes after a while: it may be the only device. */
  release(id: string): void {
    const line = this.#line;
    line?.send(JSON.stringify({ release: id }));
    this.#net.after(Math.min(pauses.longest, pauses.released * 2 ** this.#released++), () => line !== undefined && this.#line === line && this.#reconnect());
  }

  /** reply answers a message; false when nobody waits for the answer any more. */
  async reply(id: string, answer: Bytes): Promise<boolean> {
    return (await this.#asked(replyFrame(fromB64u(id) ?? new Uint8Array(16), answer), `message ${id}`))?.replied === id;
  }

  /** change changes a queue; false when the relay refused or was not reached. Of many sends some may have been taken then. */
  async change(queue: string, change: QueueChange): Promise<boolean> {
    for (const part of await written(change)) {
      const n = ++this.#count;
      if ((await this.#asked({ do: n, queue, ...part }, `do ${n}`))?.done !== n) return false;
    }
    return true;
  }

  /** asked sends something and waits for what answers it; undefined when the connection is lost before. */
  #asked(what: object | Bytes, key: string, within = patience): Promise<Json | undefined> {
    const line = this.#line;
    if (line === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const late = this.#net.after(within, () => this.#line === line && this.#lost());
      this.#waiting.get(key)?.(undefined);
      this.#waiting.set(key, (answer) => {
        late();
        resolve(answer);
      });
      line.send(what instanceof Uint8Array ? what : JSON.stringify(what));
    });
  }

  #answered(key: string, answer: Json | undefined): void {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    waiting?.(answer);
  }

  #connect(): void {
    this.#become("connecting");
    const open = this.#failed % (tries + 1) === tries ? (this.#poll ?? socketLine) : socketLine;
    const line: Line = open(this.#net, this.url, this.#subscriptions, {
      opened: () => this.#opened(line, open === this.#poll ? "polling" : "open"),
      heard: (frame) => this.#line === line && this.#heard(frame),
      ended: () => this.#line === line && this.#lost(),
    });
    this.#line = line;
  }

  #opened(line: Line, state: "polling" | "open"): void {
    if (this.#line !== line) return;
    this.#become(state);
    this.#subscribe(line);
    if (state === "open") this.#beat(line);
    else this.#again = this.#net.after(pauses.polled, () => this.#reconnect());
  }

  #subscribe(line: Line | undefined, only?: string): void {
    if (line === undefined || this.#line !== line) return;
    for (const { queue, token } of this.#subscriptions) if ((only ?? queue) === queue) line.send(JSON.stringify({ sub: queue, token: b64u(token) }));
  }

  /** beat asks for a sign of life from time to time: a page does not see that its network went away. */
  #beat(line: Line): void {
    this.#again();
    this.#again = this.#net.after(pauses.alive, () => this.#ping(line, patience));
  }

  #ping(line: Line, within: number): void {
    if (this.#line !== line) return;
    void this.#asked({ ping: ++this.#count }, `pong ${this.#count}`, within).then((pong) => pong && this.#line === line && this.#beat(line));
  }

  #reconnect(): void {
    this.#hangUp();
    this.#connect();
  }

  #lost(): void {
    this.#failed++;
    this.#again();
    this.#hangUp();
    this.#become("lost");
    const pause = Math.min(pauses.longest, pauses.first * 2 ** (this.#failed - 1));
    const chance = (this.#net.random(1)[0] ?? 0) / 256;
    this.#again = this.#net.after(pause * (0.5 + chance / 2), () => this.#connect());
  }

  #hangUp(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.close();
    for (const key of [...this.#waiting.keys()]) this.#answered(key, undefined);
  }

  #become(state: MailboxState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#events.state?.(state);
  }

  #heard(frame: string | Bytes): void {
    if (typeof frame !== "string") {
      const message = readMessage(frame);
      if (message !== undefined) this.#events.message(message);
      return;
    }
    const told = parse(frame);
    const queue = string(told?.sub ?? told?.refused, 64);
    if (told === undefined || queue === undefined) return this.#settle(told);
    if (told.refused !== undefined) {
      // Another device of the person may be about to let this one in.
      const line = this.#line;
      this.#net.after(pauses.refused, () => this.#subscribe(line, queue));
      return this.#events.refused?.(queue);
    }
    this.#failed = 0;
    this.#events.subscribed?.(queue, whole(told.waiting) ?? 0);
  }

  /** settle gives an answer to who waits for it. */
  #settle(told: Json | undefined): void {
    const id = string(told?.claimed ?? told?.taken ?? told?.acked ?? told?.replied ?? told?.gone, 22);
    if (id !== undefined) this.#answered(`message ${id}`, told);
    else if (told?.pong !== undefined) this.#answered(`pong ${whole(told.pong) ?? 0}`, told);
    else this.#answered(`do ${whole(told?.done ?? told?.failed) ?? 0}`, told);
  }
}

/** written returns a change as the relay takes it: so many hashes at a time. */
async function written(change: QueueChange): Promise<readonly object[]> {
  if ("push" in change || change.op === "delete") return [change];
  const secrets = "sends" in change ? change.sends : change.tokens;
  const hashes = await Promise.all(secrets.map(async (secret) => b64u(await sha256(secret))));
  return Array.from({ length: Math.ceil(hashes.length / maxHashes) }, (_, i) => ({ op: change.op, hashes: hashes.slice(i * maxHashes, (i + 1) * maxHashes) }));
}
