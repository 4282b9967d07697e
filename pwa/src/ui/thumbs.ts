import type { Kith, PostRef } from "../core/kith.ts";

type Size = "thumb" | "full";

/** Views hold a picture's address for as long as they show it, and let go of it afterwards. */
export interface Held {
  readonly url: string;
  letGo(): void;
}

/** Pictures turns a post's pictures into addresses that an image element can show. Each is made once and
 * shared; those that nobody shows are kept for a while, so that going back is instant, and then revoked. */
export interface Pictures {
  hold(ref: PostRef, index: number, size: Size): Promise<Held>;
  /** The address, if it is there already. */
  peek(ref: PostRef, index: number, size: Size): string | undefined;
  /** Forgets a post's pictures, as after a delete. */
  drop(ref: PostRef): void;
}

/** Addresses of pictures that nobody shows and that are kept all the same. */
const spare = 48;

interface Entry {
  readonly url: string;
  holders: number;
}

/** picturesOf returns the pictures of a core. */
export function picturesOf(kith: Kith): Pictures {
  return new Addresses(kith);
}

class Addresses implements Pictures {
  readonly #kith: Kith;
  /** In the order of last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #asking = new Map<string, Promise<Entry>>();

  constructor(kith: Kith) {
    this.#kith = kith;
  }

  async hold(ref: PostRef, index: number, size: Size): Promise<Held> {
    const key = keyOf(ref, index, size);
    const entry = this.#entries.get(key) ?? (await this.#ask(key, ref, index, size));
    entry.holders += 1;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    let held = true;
    const letGo = (): void => {
      if (!held) return;
      held = false;
      entry.holders -= 1;
      this.#tidy();
    };
    return { url: entry.url, letGo };
  }

  peek(ref: PostRef, index: number, size: Size): string | undefined {
    return this.#entries.get(keyOf(ref, index, size))?.url;
  }

  drop(ref: PostRef): void {
    for (const [key, entry] of this.#entries) {
      if (key.startsWith(`${ref} `)) this.#revoke(key, entry);
    }
  }

  #ask(key: string, ref: PostRef, index: number, size: Size): Promise<Entry> {
    const asked = this.#asking.get(key) ?? this.#make(ref, index, size).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #make(ref: PostRef, index: number, size: Size): Promise<Entry> {
    const { bytes, mediaType } = await this.#kith.picture(ref, index, size);
    return { url: URL.createObjectURL(new Blob([bytes], { type: mediaType })), holders: 0 };
  }

  #tidy(): void {
    const idle = [...this.#entries].filter(([, entry]) => entry.holders === 0);
    for (const [key, entry] of idle.slice(0, Math.max(0, idle.length - spare))) this.#revoke(key, entry);
  }

  #revoke(key: string, entry: Entry): void {
    this.#entries.delete(key);
    URL.revokeObjectURL(entry.url);
  }
}

function keyOf(ref: PostRef, index: number, size: Size): string {
  return `${ref} ${index} ${size}`;
}
