/**
 * Pages: many small named values packed into few pages, so that ten thousand open quickly and each can still
 * be erased: a page is never changed but replaced by another in another slot, under another key.
 *
 * A page is JSON, `[kind, [entry, …]]`. Its weight is the length of that JSON.
 */

import { type Bytes, utf8 } from "../bytes.ts";

/** Page is one page: never changed once written, but for what `touch` does. */
export interface Page<V> {
  readonly slot: number;
  readonly weight: number;
  readonly entries: Map<string, V>;
}

/** What some changes come to: pages that go, and pages that come, each with its JSON. */
export interface Repacking<V> {
  readonly old: readonly Page<V>[];
  readonly fresh: readonly { readonly page: Page<V>; readonly slot: number; readonly plain: Bytes }[];
}

interface Draft<V> {
  readonly entries: Map<string, V>;
  weight: number;
}

/** A page that weighs this much takes no further entries; from one that grew to twice of it, those move out that
 * change. */
const fullWeight = 24 << 10;

/** Pages holds all values of one kind in memory, and knows which page each is written in. */
export class Pages<V> {
  readonly #pages = new Set<Page<V>>();
  readonly #where = new Map<string, Page<V>>();
  readonly #kind: string;
  readonly #pack: (name: string, value: V) => unknown;

  /** `pack` returns an entry as JSON spells it. */
  constructor(kind: string, pack: (name: string, value: V) => unknown) {
    this.#kind = kind;
    this.#pack = pack;
  }

  get(name: string): V | undefined {
    return this.#where.get(name)?.entries.get(name);
  }

  names(): Iterable<string> {
    return this.#where.keys();
  }

  /** touch changes a value in memory alone: it is written when its page is, for whatever reason. */
  touch(name: string, value: V): void {
    this.#where.get(name)?.entries.set(name, value);
  }

  /** repack plans changes (undefined removes) without making them; `allot` gives a page its slot. */
  repack(changes: ReadonlyMap<string, V | undefined>, allot: () => number): Repacking<V> {
    const drafts = new Map<Page<V>, Draft<V>>();
    const draftOf = (page: Page<V>): Draft<V> => {
      const draft = drafts.get(page) ?? { weight: page.weight, entries: new Map(page.entries) };
      drafts.set(page, draft);
      return draft;
    };
    const added: [string, V][] = [];
    for (const [name, value] of changes) {
      const page = this.#where.get(name);
      const stays = page !== undefined && value !== undefined && page.weight < 2 * fullWeight;
      if (stays) draftOf(page).entries.set(name, value);
      else if (page !== undefined) draftOf(page).entries.delete(name);
      if (!stays && value !== undefined) added.push([name, value]);
    }
    const more = this.#place(added, drafts, draftOf);
    const filled = [...drafts.values(), ...more].filter(({ entries }) => entries.size > 0);
    return { old: [...drafts.keys()], fresh: filled.map(({ entries }) => this.#finish(entries, allot())) };
  }

  /** replace makes what `repack` planned true in memory. */
  replace(old: readonly Page<V>[], fresh: readonly Page<V>[]): void {
    for (const page of old) {
      this.#pages.delete(page);
      for (const name of page.entries.keys()) this.#where.delete(name);
    }
    for (const page of fresh) {
      this.#pages.add(page);
      for (const name of page.entries.keys()) this.#where.set(name, page);
    }
  }

  /** #place puts new entries into pages that are rewritten anyway, then into others with room, then into new
   * ones, which it returns. */
  #place(added: readonly [string, V][], drafts: ReadonlyMap<Page<V>, Draft<V>>, draftOf: (page: Page<V>) => Draft<V>): Draft<V>[] {
    const room = [...this.#pages].filter(({ weight }) => weight < fullWeight);
    room.sort((a, b) => Number(drafts.has(a)) - Number(drafts.has(b)));
    const made: Draft<V>[] = [];
    let open: Draft<V> | undefined;
    for (const [name, value] of added) {
      while (open === undefined || open.weight >= fullWeight) {
        const page = room.pop();
        open = page === undefined ? { weight: 0, entries: new Map<string, V>() } : draftOf(page);
        if (page === undefined) made.push(open);
      }
      open.entries.set(name, value);
      open.weight += JSON.stringify(this.#pack(name, value)).length;
    }
    return made;
  }

  #finish(entries: Map<string, V>, slot: number): Repacking<V>["fresh"][number] {
    const plain = utf8(JSON.stringify([this.#kind, [...entries].map(([name, value]) => this.#pack(name, value))]));
    return { slot, plain, page: { slot, weight: plain.length, entries } };
  }
}
