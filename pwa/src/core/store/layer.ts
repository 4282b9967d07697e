/**
 * The store as whoever may only read the disk sees it: the pages as they lie there, and over them, in memory, what was
 * written since. It says the same as the page's own store (phone.ts) that has taken those writes in.
 */

import { KithError } from "../errors.ts";
import { type Bytes, text } from "../bytes.ts";
import { Batch } from "./batch.ts";
import type { Ciphertext } from "./ciphertext.ts";
import { Paths } from "./paths.ts";
import { type Held, unpackRow } from "./row.ts";
import { unseal } from "./seal.ts";
import type { Slots } from "./slots.ts";
import type { Row, Store, Write } from "./store.ts";

/** Disk is what lies there. */
export interface Disk {
  readonly slots: Pick<Slots, "read" | "erases">;
  readonly ciphertext: Pick<Ciphertext, "pages" | "body" | "close">;
  readonly now: () => number;
}

/** Layer reads the disk and keeps writes in memory. */
export class Layer implements Store {
  readonly closed: Promise<void>;
  readonly #disk: Disk;
  readonly #rows = new Map<string, Held>();
  readonly #settings = new Map<string, unknown>();
  readonly #paths = new Paths();
  /** Bodies that were written since. */
  readonly #bodies = new Map<string, Bytes>();
  #end: () => void = () => undefined;

  private constructor(disk: Disk) {
    this.#disk = disk;
    this.closed = new Promise((resolve) => (this.#end = resolve));
  }

  /** open reads all pages; throws `storage-unavailable` when one cannot be opened. */
  static async open(disk: Disk): Promise<Layer> {
    const layer = new Layer(disk);
    const sealed = await disk.ciphertext.pages();
    const keys = await disk.slots.read(sealed.map(([slot]) => slot));
    await Promise.all(sealed.map(async ([slot, page], i) => {
      const plain = keys[i] && (await unseal(keys[i], page));
      if (plain === undefined) throw new KithError("storage-unavailable", `open store: no key opens page ${slot}`);
      layer.#take(JSON.parse(text(plain)) as readonly ["rows" | "settings", readonly (readonly unknown[])[]]);
    }));
    layer.#paths.change([...layer.#rows.keys()], []);
    return layer;
  }

  #take([kind, entries]: readonly ["rows" | "settings", readonly (readonly unknown[])[]]): void {
    for (const entry of entries) {
      if (kind === "rows") this.#rows.set(String(entry[0]), unpackRow(entry));
      else this.#settings.set(String(entry[0]), entry[1]);
    }
  }

  get erases(): boolean {
    return this.#disk.slots.erases;
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
    return [...this.#settings.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  usage(): { readonly bytes: number; readonly cached: number } {
    const sum = (prefix: string): number => [...this.rows(prefix)].reduce((all, { here, size }) => all + (here ? size : 0), 0);
    return { bytes: sum(""), cached: sum("peers/") };
  }

  async bytes(path: string): Promise<Bytes | undefined> {
    const slot = this.#rows.get(path)?.slot ?? 0;
    if (slot === 0) return this.#bodies.get(path);
    const { slots, ciphertext } = this.#disk;
    const [[key], sealed] = await Promise.all([slots.read([slot]), ciphertext.body(slot)]);
    const plain = key && sealed && (await unseal(key, sealed));
    if (plain === undefined) throw new KithError("storage-unavailable", `read bytes: ${path} is damaged`);
    return plain;
  }

  async apply(writes: readonly Write[]): Promise<void> {
    const { rows, settings, bodies } = new Batch(writes, (path) => this.#rows.get(path), this.#disk.now());
    const [added, removed]: [string[], string[]] = [[], []];
    for (const [path, row] of rows) {
      if (row !== undefined && !this.#rows.has(path)) added.push(path);
      if (row === undefined && this.#rows.has(path)) removed.push(path);
      this.#put(path, row, bodies.get(path));
    }
    this.#paths.change(added, removed);
    for (const [name, value] of settings) value === undefined ? this.#settings.delete(name) : this.#settings.set(name, value);
  }

  #put(path: string, row: Held | undefined, body: Bytes | undefined): void {
    if (row === undefined) this.#rows.delete(path);
    else this.#rows.set(path, row);
    if (body !== undefined) this.#bodies.set(path, body);
    else if (row?.here !== true) this.#bodies.delete(path);
  }

  async close(): Promise<void> {
    await this.#disk.ciphertext.close();
    this.#end();
  }
}
