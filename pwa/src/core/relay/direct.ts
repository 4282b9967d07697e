/**
 * Direct connections between two devices that are awake at once: another way for sealed requests, beside mailboxes.
 *
 *     asker     POST /.rtc, sealed, through a relay: its offer (SDP)      → 200: the other's answer (SDP)
 *     channel   one data channel, ordered and reliable (RFC 8831); both sides ask over it
 *
 *     frame     kind u8 | number u32 | length u32 | piece ≤ 16 KiB
 *               0x01 a sealed request, 0x02 its sealed answer, 0x03 no answer; the pieces of a message of that length come one after
 *               another, with none of another message between them
 *
 * Each shows the other its network address, so a device connects only to friends for whom its owner allowed it. What goes over the
 * channel is sealed like everything else; the channel itself is not trusted.
 */

import { type Bytes, join } from "../bytes.ts";
import type { Env, Stop } from "../env.ts";

/** Channel is the platform's end of a data channel. */
export interface Channel {
  readonly send: (frame: Bytes) => void;
  /** Bytes that were given to `send` and have not left. */
  readonly waiting: () => number;
  readonly close: () => void;
}

/** ChannelEvents is what a channel tells. */
export interface ChannelEvents {
  readonly opened: () => void;
  readonly heard: (frame: Bytes) => void;
  /** Little enough is waiting that more may be sent. */
  readonly drained: () => void;
  /** It failed, or the other side ended it. Told once. */
  readonly ended: () => void;
}

/** Connecting makes direct connections; a page has it, a service worker has not. */
export interface Connecting {
  /** offer returns a description of this device and what takes the other's. */
  readonly offer: (events: ChannelEvents) => Promise<{ readonly offer: string; readonly channel: Channel; readonly accept: (answer: string) => Promise<void> }>;
  /** answer returns this device's description for an offer; rejects when that is none. */
  readonly answer: (offer: string, events: ChannelEvents) => Promise<{ readonly answer: string; readonly channel: Channel }>;
}

/** Descriptions that are taken: of at most so many characters and addresses, and of data channels alone. */
const most = { characters: 16 << 10, candidates: 32 };
/** More than this is not left waiting in a channel, in bytes. */
const highWater = 512 << 10;
const piece = 16 << 10;
const head = 9;
const maxMessage = 17 << 16;
/** Messages of the other side that are answered at once; others get no answer. */
const maxOpen = 8;
/** Milliseconds until a request is given up, until a connection must be open, and until one that is not used is closed. */
const patience = { answer: 30_000, open: 15_000, idle: 120_000 };

const asks = 1;
const answers = 2;
const declines = 3;

/** Serve answers a sealed request; undefined when it gets no answer. */
export type Serve = (message: Bytes) => Promise<Bytes | undefined>;

/** Conversation asks and answers over one channel. */
export class Conversation {
  readonly opened: Promise<boolean>;
  readonly #env: Pick<Env, "after">;
  readonly #serve: Serve;
  readonly #ended: () => void;
  readonly #asked = new Map<number, (answer: Bytes | undefined) => void>();
  #coming: { readonly key: string; readonly parts: Bytes[]; have: number } | undefined;
  #channel: Channel | undefined;
  #idle: Stop = () => undefined;
  #open: (opened: boolean) => void = () => undefined;
  #flow: () => void = () => undefined;
  #sending: Promise<void> = Promise.resolve();
  #serving = 0;
  #count = 0;
  #over = false;

  /** `ended` is told once, when the channel is gone. */
  constructor(env: Pick<Env, "after">, serve: Serve, ended: () => void) {
    this.#env = env;
    this.#serve = serve;
    this.#ended = ended;
    this.opened = new Promise((resolve) => (this.#open = resolve));
    this.#idle = env.after(patience.open, () => this.close());
  }

  /** events is what the channel tells this conversation. */
  get events(): ChannelEvents {
    return {
      opened: () => {
        this.#used();
        this.#open(true);
      },
      heard: (frame) => this.#heard(frame),
      drained: () => this.#flow(),
      ended: () => this.close(),
    };
  }

  /** over hands the conversation its channel. */
  over(channel: Channel): void {
    this.#channel = channel;
    if (this.#over) channel.close();
  }

  /** ask returns the answer to a sealed request; undefined when none comes this way. */
  async ask(message: Bytes): Promise<Bytes | undefined> {
    if (this.#over || !(await this.opened)) return undefined;
    const number = (this.#count = (this.#count + 1) >>> 0);
    return new Promise((resolve) => {
      // Whoever is silent for so long is gone, though nobody said so.
      const late = this.#env.after(patience.answer, () => this.close());
      this.#asked.set(number, (answer) => {
        late();
        resolve(answer);
      });
      this.#send(asks, number, message);
    });
  }

  /** close ends the conversation; what was asked gets no answer this way. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#idle();
    this.#open(false);
    this.#flow();
    this.#channel?.close();
    for (const number of [...this.#asked.keys()]) this.#answered(number, undefined);
    this.#coming = undefined;
    this.#ended();
  }

  #answered(number: number, answer: Bytes | undefined): void {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    asked?.(answer);
  }

  /** used puts the end of an idle channel off. */
  #used(): void {
    this.#idle();
    if (!this.#over) this.#idle = this.#env.after(patience.idle, () => this.close());
  }

  /** send sends a message in pieces, after those before it, no faster than the channel takes them. */
  #send(kind: number, number: number, message: Bytes): void {
    this.#sending = this.#sending.then(async () => {
      for (let at = 0; at === 0 || at < message.length; at += piece) {
        if ((this.#channel?.waiting() ?? 0) > highWater) await new Promise<void>((resolve) => (this.#flow = resolve));
        if (this.#over) return;
        this.#channel?.send(join(headOf(kind, number, message.length), message.subarray(at, at + piece)));
        this.#used();
      }
    });
  }

  #heard(frame: Bytes): void {
    if (this.#over) return;
    const message = this.#gathered(frame);
    if (message === "wrong") return this.close();
    this.#used();
    if (message === undefined) return;
    const [kind, number] = [frame[0], numberAt(frame, 1)];
    if (kind === asks) void this.#answer(number, message);
    else this.#answered(number, kind === answers ? message : undefined);
  }

  /** gathered returns the message that a frame completes; undefined when more is to come, `wrong` when it breaks the rules. */
  #gathered(frame: Bytes): Bytes | undefined | "wrong" {
    const [kind = 0] = frame;
    if (frame.length < head || kind < asks || kind > declines) return "wrong";
    const length = numberAt(frame, 5);
    const key = frame.subarray(0, head).join();
    const coming = this.#coming ?? { key, parts: [], have: 0 };
    coming.parts.push(frame.subarray(head));
    coming.have += frame.length - head;
    if (coming.key !== key || length > maxMessage || coming.have > length || (frame.length === head && length > 0)) return "wrong";
    this.#coming = coming.have < length ? coming : undefined;
    return this.#coming === undefined ? join(...coming.parts) : undefined;
  }

  async #answer(number: number, message: Bytes): Promise<void> {
    this.#serving++;
    const answer = this.#serving > maxOpen ? undefined : await this.#serve(message).catch(() => undefined);
    this.#serving--;
    if (answer === undefined) this.#send(declines, number, new Uint8Array(0));
    else this.#send(answers, number, answer);
  }
}

/** describes tells whether a text from elsewhere may be given to the platform as a description: it would look for each address in it. */
export function describes(text: string): boolean {
  const lines = text.split(/\r?\n/);
  const candidates = lines.filter((line) => line.startsWith("a=candidate:")).length;
  const media = lines.filter((line) => line.startsWith("m="));
  return text.length <= most.characters && candidates <= most.candidates && media.length === 1 && /^m=application \d+ UDP\/DTLS\/SCTP /.test(media[0] ?? "");
}

function headOf(kind: number, number: number, length: number): Bytes {
  const bytes = new Uint8Array(head);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, number);
  new DataView(bytes.buffer).setUint32(5, length);
  return bytes;
}

function numberAt(frame: Bytes, at: number): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(at);
}
