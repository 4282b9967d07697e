/**
 * The phone's store over slots and ciphertext.
 *
 *     slot n  ->  key  ->  page n  =  ["rows", [row, …]] or ["settings", [[name, value], …]]
 *                          body n  =  the bytes of the row whose `slot` is n
 *
 * A write makes three steps: (1) the keys of everything new go into empty slots, flushed; (2) one transaction
 * takes the new pages and bodies in and the old ones out; (3) the old slots are emptied, flushed. A crash
 * before (2) leaves keys without ciphertext, one after (2) keys whose ciphertext is gone: opening the store
 * empties every slot that no page and no row names, and drops every body that no row names.
 */

import { KithError } from "../errors.ts";
import { type Bytes, text } from "../bytes.ts";
import { Batch } from "./batch.ts";
import type { Ciphertext, Sealed } from "./ciphertext.ts";
import { Pages, type Repacking } from "./pages.ts";
import { Paths } from "./paths.ts";
import { type Held, packRow, unpackRow } from "./row.ts";
import { seal, unseal } from "./seal.ts";
import { Allotment, keyBytes, type Slots } from "./slots.ts";
import type { Row, Store, Write } from "./store.ts";

/** Parts are what a store stands on. */
export interface Parts {
  readonly slots: Slots;
  readonly ciphertext: Ciphertext;
  readonly now: () => number;
  readonly random: (length: number) => Bytes;
}

/** openStoreOver opens the store that lies in these parts; throws `storage-unavailable`, and has touched nothing,
 * when a page cannot be opened. */
export async function openStoreOver(parts: Parts): Promise<Store> {
  const store = new PhoneStore(parts);
  await store.load();
  return store;
}

/** A page or body that a batch makes, and the slot of the key that will seal it. */
interface Fresh {
  readonly slot: number;
  readonly plain: Bytes;
}

class PhoneStore implements Store {
  readonly closed: Promise<void>;
  readonly #parts: Parts;
  readonly #rows = new Pages<Held>("rows", (_, row) => packRow(row));
  readonly #settings = new Pages<unknown>("settings", (name, value) => [name, value]);
  readonly #paths = new Paths();
  readonly #allotment = new Allotment();
  readonly #used = { bytes: 0, cached: 0 };
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  /** Why nothing more is done, once that is so. */
  #ended: string | undefined;
  #end: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.closed = new Promise((resolve) => (this.#end = resolve));
  }

  get erases(): boolean {
    return this.#parts.slots.erases;
  }

  row(path: string): Row | undefined {
    return this.#rows.get(path);
  }

  *rows(prefix: string, descending = false): Generator<Row> {
    for (const path of this.#paths.below(prefix, descending)) {
      const row = this.#rows.get(path);
      if (row !== undefined) yield row;
    }
  }

  get(name: string): unknown {
    return this.#settings.get(name);
  }

  names(prefix: string): readonly string[] {
    return [...this.#settings.names()].filter((name) => name.startsWith(prefix)).sort();
  }

  usage(): { readonly bytes: number; readonly cached: number } {
    return { ...this.#used };
  }

  async bytes(path: string): Promise<Bytes | undefined> {
    const { slots, ciphertext, now } = this.#parts;
    for (let tries = 0; ; tries++) {
      this.#check();
      const slot = this.#rows.get(path)?.slot ?? 0;
      if (slot === 0) return undefined;
      const [[key], sealed] = await Promise.all([slots.read([slot]), ciphertext.body(slot)]);
      const plain = key && sealed && (await unseal(key, sealed));
      const row = this.#rows.get(path);
      if (plain !== undefined && row?.slot === slot) {
        this.#rows.touch(path, { ...row, used: now() });
        return plain;
      }
      if (row?.slot === slot && tries > 0) throw unavailable(`read bytes: ${path} is damaged`);
      // A write under way may have taken them; when it is over, the row says where they are.
      await this.#turn;
    }
  }

  apply(writes: readonly Write[]): Promise<void> {
    return this.#next(() => this.#apply(writes));
  }

  close(): Promise<void> {
    this.#closing ??= this.#turn.then(async () => {
      this.#ended ??= "it is closed";
      await Promise.all([this.#parts.slots.close(), this.#parts.ciphertext.close()]);
      this.#end();
    });
    return this.#closing;
  }

  async load(): Promise<void> {
    const { slots, ciphertext } = this.#parts;
    const sealed = await ciphertext.pages();
    const keys = await slots.read(sealed.map(([slot]) => slot));
    await Promise.all(sealed.map(([slot, page], i) => this.#loadPage(slot, page, keys[i])));
    this.#paths.change([...this.#rows.names()], []);
    for (const path of this.#rows.names()) this.#count(this.#rows.get(path), 1);
    this.#next(() => this.#sweep(sealed)).catch(() => (this.#ended = "it cannot be swept"));
  }

  async #loadPage(slot: number, sealed: Bytes, key: Bytes | undefined): Promise<void> {
    const plain = key && (await unseal(key, sealed));
    if (plain === undefined) throw unavailable(`open store: no key opens page ${slot}`);
    const [kind, entries] = JSON.parse(text(plain)) as ["rows" | "settings", readonly (readonly unknown[])[]];
    const weight = plain.length;
    if (kind === "rows") {
      const rows = entries.map(unpackRow).map((row) => [row.path, row] as const);
      this.#rows.replace([], [{ slot, weight, entries: new Map(rows) }]);
    } else {
      this.#settings.replace([], [{ slot, weight, entries: new Map(entries as [string, unknown][]) }]);
    }
  }

  /** #sweep empties the slots and drops the bodies that an interrupted write left over. Rows can be read
   * meanwhile; writes wait for it. */
  async #sweep(pages: readonly Sealed[]): Promise<void> {
    const { slots, ciphertext } = this.#parts;
    const live = new Set(pages.map(([slot]) => slot));
    for (const path of this.#rows.names()) live.add(this.#rows.get(path)?.slot ?? 0);
    const [used, bodies] = await Promise.all([slots.used(), ciphertext.bodies()]);
    const dead = (slot: number): boolean => !live.has(slot);
    const [keys, gone] = [used.filter(dead), bodies.filter(dead)];
    if (keys.length > 0) await slots.write(keys.map((slot) => [slot, null]));
    if (gone.length > 0) await ciphertext.commit({ pages: [], bodies: [], gone });
    this.#allotment.fill(live);
  }

  /** #next runs one thing after everything that was begun before. */
  #next<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => {
      this.#check();
      return run();
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #check(): void {
    if (this.#ended !== undefined) throw unavailable(`use store: ${this.#ended}`);
  }

  async #apply(writes: readonly Write[]): Promise<void> {
    const batch = new Batch(writes, (path) => this.#rows.get(path), this.#parts.now());
    const allot = (): number => this.#allotment.take();
    const bodies = [...batch.bodies].map(([path, plain]) => ({ plain, slot: batch.place(path, allot()) }));
    const rows = this.#rows.repack(batch.rows, allot);
    const settings = this.#settings.repack(batch.settings, allot);
    const gone = [...rows.old, ...settings.old].map(({ slot }) => slot).concat(batch.freed());
    await this.#commit([...rows.fresh, ...settings.fresh], bodies, gone);
    this.#settings.replace(settings.old, settings.fresh.map(({ page }) => page));
    this.#replaceRows(batch.rows, rows);
    await this.#empty(gone);
  }

  /** #commit makes the batch durable, or leaves nothing of it. */
  async #commit(pages: readonly Fresh[], bodies: readonly Fresh[], gone: readonly number[]): Promise<void> {
    if (pages.length + gone.length === 0) return;
    const { slots, ciphertext, random } = this.#parts;
    const fresh = [...pages, ...bodies].map((each) => ({ ...each, key: random(keyBytes) }));
    try {
      const written = fresh.length > 0 ? slots.write(fresh.map(({ slot, key }) => [slot, key])) : undefined;
      const sealed = Promise.all(fresh.map(async ({ slot, key, plain }): Promise<Sealed> => [slot, await seal(key, plain)]));
      const [all] = await Promise.all([sealed, written]);
      await ciphertext.commit({ pages: all.slice(0, pages.length), bodies: all.slice(pages.length), gone });
    } catch (cause) {
      await this.#empty(fresh.map(({ slot }) => slot));
      throw cause;
    }
  }

  #replaceRows(changed: Batch["rows"], { old, fresh }: Repacking<Held>): void {
    const had = new Map([...changed.keys()].map((path) => [path, this.#rows.get(path)]));
    this.#rows.replace(old, fresh.map(({ page }) => page));
    const added: string[] = [];
    const removed: string[] = [];
    for (const [path, row] of changed) {
      const before = had.get(path);
      this.#count(before, -1);
      this.#count(row, 1);
      if (before === undefined && row !== undefined) added.push(path);
      if (before !== undefined && row === undefined) removed.push(path);
    }
    this.#paths.change(added, removed);
  }

  #count(row: Held | undefined, sign: 1 | -1): void {
    if (row === undefined || !row.here) return;
    this.#used.bytes += sign * row.size;
    if (row.path.startsWith("peers/")) this.#used.cached += sign * row.size;
  }

  /** #empty erases keys. Where that fails the store stops: the next one to open it will sweep. */
  async #empty(slots: readonly number[]): Promise<void> {
    if (slots.length === 0) return;
    try {
      await this.#parts.slots.write(slots.map((slot) => [slot, null]));
    } catch (cause) {
      this.#ended = "its keys cannot be erased";
      throw unavailable(`erase keys: ${slots.length} are left`, cause);
    }
    this.#allotment.give(slots);
  }
}

function unavailable(why: string, cause?: unknown): KithError {
  return new KithError("storage-unavailable", why, { cause });
}
