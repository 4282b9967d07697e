/** Devices in plain Node: the real store on a disk in memory, real keys, and a network, clock and presence that a test can turn. */

import { type Env, type Kith, memoryKeyRecords, type NewPicture, openKith } from "../../src/core/index.ts";
import type { KeyRecords } from "../../src/core/webid/records.ts";
import { memoryDisk } from "../store/memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import type { Store } from "../../src/core/store/store.ts";

/** Timer is something that the app wants to do later. */
interface Timer {
  readonly due: number;
  readonly run: () => void;
  readonly stop: () => void;
}

/** Device is one browser profile. What is public may be changed while it runs. */
export class Device {
  /** Added to the machine's clock, in milliseconds. */
  ahead = 0;
  /** Whether requests reach anything. */
  network = true;
  /** Whether the app asks by itself; `syncNow` and acts of the views always may. */
  asks = false;
  /** For how many seconds relays are asked to hold a request open at most: less than the app asks for where somebody is known to sleep. Who joins waits in full: who lets them in is awake. */
  hold = 25;
  /** Every request that was made: method and URL. */
  readonly requests: string[] = [];
  /** Runs before each request that goes out, and may change what is sent. */
  before: (method: string, url: string, init: RequestInit) => Promise<void> | void = () => undefined;
  /** Runs before the app gets an answer. */
  after: (method: string, url: string, answer: Response) => Promise<void> | void = () => undefined;
  /** What was said to relays over WebSockets. */
  readonly frames: string[] = [];
  /** Answers a request in the place of whom it is for, when it returns something: a proxy in between. */
  answer: (method: string, url: string) => Response | undefined = () => undefined;
  /** The store of the app that is open. */
  store: Store | undefined;
  private readonly disk = memoryDisk();
  private readonly keys: KeyRecords = memoryKeyRecords();
  private readonly watchers = new Set<() => void>();
  private readonly timers = new Set<Timer>();
  private open: Kith | undefined;

  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** kith opens the app, or returns the one that is open. */
  async kith(): Promise<Kith> {
    this.open ??= await openKith(this.env());
    return this.open;
  }

  /** close closes the app; the disk stays. */
  async close(): Promise<void> {
    await this.open?.close();
    this.open = undefined;
  }

  /** wake lets the app ask by itself from now on. */
  wake(): void {
    this.asks = true;
    for (const changed of this.watchers) changed();
  }

  /** pass lets so many milliseconds go by: what is due by then runs. */
  pass(milliseconds: number): void {
    this.ahead += milliseconds;
    for (const timer of [...this.timers]) if (timer.due <= Date.now() + this.ahead) timer.run();
  }

  /** env returns what its app gets from the place where it runs. */
  env(): Env {
    return {
      now: () => Date.now() + this.ahead,
      random: (count) => crypto.getRandomValues(new Uint8Array(count)),
      fetch: (url, init) => this.fetch(url, init),
      page: "https://app.example/",
      socket: (url, protocol) => this.socket(new WebSocket(url, protocol)),
      openStore: async () => {
        const random = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count));
        this.store = await openStoreOver({ ...this.disk, now: () => Date.now() + this.ahead, random });
        return this.store;
      },
      keys: this.keys,
      deviceName: this.name,
      after: (milliseconds, run) => {
        const timer: Timer = { due: Date.now() + this.ahead + milliseconds, run: () => (timer.stop(), run()), stop: () => (clearTimeout(real), void this.timers.delete(timer)) };
        const real = setTimeout(timer.run, milliseconds);
        this.timers.add(timer);
        return timer.stop;
      },
      presence: {
        online: () => this.asks,
        visible: () => this.asks,
        watch: (changed) => {
          this.watchers.add(changed);
          return () => this.watchers.delete(changed);
        },
      },
      persist: async () => true,
      quota: async () => 1 << 30,
    };
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    this.requests.push(`${init.method} ${url}`);
    await this.before(init.method ?? "GET", url, init);
    if (!this.network) throw new TypeError("no network");
    const hold = this.store?.get("me") === undefined ? 25 : this.hold;
    const shorter = url.replace(/(\/s\/[^/]*\?wait=)(\d+)$/, (_, before: string, wait: string) => before + String(Math.min(Number(wait), hold)));
    const answer = this.answer(init.method ?? "GET", url) ?? (await fetch(shorter, init));
    await this.after(init.method ?? "GET", url, answer);
    return answer;
  }

  private socket(socket: WebSocket): WebSocket {
    const send = socket.send.bind(socket);
    socket.send = (frame) => {
      if (typeof frame === "string") this.frames.push(frame);
      send(frame);
    };
    return socket;
  }
}

/** until resolves once `is` holds; it fails after the deadline, in milliseconds. */
export async function until(is: () => boolean | Promise<boolean>, what: string, deadline = 60_000): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${deadline} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** picture makes a picture with random bytes, so that each is another. */
export function picture(alt: string, size = 2_000): NewPicture {
  return { full: noise(size), thumb: noise(200), mediaType: "image/webp", width: 1600, height: 1200, thumbWidth: 320, thumbHeight: 240, alt };
}

function noise(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

/** meet lets each ask the others, twice: what the first heard of in the first turn reaches the last in the second. */
export async function meet(...all: readonly Kith[]): Promise<void> {
  for (let turn = 0; turn < 2; turn++) for (const kith of all) await kith.syncNow();
}
