/** A batch of writes, added up: later ones see what earlier ones did. */

import type { Bytes } from "../bytes.ts";
import { type Held, held } from "./row.ts";
import type { Write } from "./store.ts";

/** Batch is what the writes of one `apply` come to. */
export class Batch {
  /** Rows that change; undefined: erased. */
  readonly rows = new Map<string, Held | undefined>();
  /** Settings that change; undefined: unset. */
  readonly settings = new Map<string, unknown>();
  /** New bodies by path; their rows have no slot until `place`. */
  readonly bodies = new Map<string, Bytes>();
  readonly #before: (path: string) => Held | undefined;
  readonly #now: number;

  constructor(writes: readonly Write[], before: (path: string) => Held | undefined, now: number) {
    this.#before = before;
    this.#now = now;
    for (const write of writes) this.#add(write);
  }

  /** place gives a new body the slot of its key, and returns that. */
  place(path: string, slot: number): number {
    const row = this.rows.get(path);
    if (row !== undefined) this.rows.set(path, { ...row, slot });
    return slot;
  }

  /** freed returns the slots of bodies that are replaced, purged or erased. */
  freed(): number[] {
    const slots = [...this.rows].map(([path, row]) => {
      const slot = this.#before(path)?.slot ?? 0;
      return slot === row?.slot ? 0 : slot;
    });
    return slots.filter((slot) => slot > 0);
  }

  #row(path: string): Held | undefined {
    return this.rows.has(path) ? this.rows.get(path) : this.#before(path);
  }

  #add(write: Write): void {
    if ("put" in write) this.#put(write.put.path, held(write.put, write.bytes, this.#row(write.put.path), this.#now), write.bytes);
    else if ("erase" in write) this.#drop(write.erase, undefined);
    else if ("purge" in write) this.#purge(write.purge);
    else if ("set" in write) this.settings.set(write.set, copy(write.value));
    else this.settings.set(write.unset, undefined);
  }

  #put(path: string, row: Held, bytes: Bytes | null): void {
    this.rows.set(path, row);
    if (bytes !== null) this.bodies.set(path, bytes);
    else if (!row.here) this.bodies.delete(path);
  }

  #purge(path: string): void {
    const row = this.#row(path);
    if (row !== undefined) this.#drop(path, { ...row, here: false, slot: 0 });
  }

  #drop(path: string, row: Held | undefined): void {
    if (row !== undefined || this.#row(path) !== undefined) this.rows.set(path, row);
    this.bodies.delete(path);
  }
}

/** copy returns a JSON-like value that no later change of its argument reaches. */
function copy(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
