/**
 * Key slots: numbered places of one key each, of which an emptied one leaves nothing behind.
 *
 * Slots count from 1. What a slot holds is all that opens one piece of ciphertext, so emptying it is what
 * erases (app.md §1.1). A slot has room for a wrapped key (RFC 3394: 40 bytes), which is what an app lock
 * would put there.
 */

import type { Bytes } from "../bytes.ts";

/** Bytes of one key: AES-256. */
export const keyBytes = 32;

/** A slot and the key that it is to hold, or null to empty it. */
export type SlotChange = readonly [slot: number, key: Bytes | null];

/** Slots is where keys lie. */
export interface Slots {
  /** Whether an emptied slot leaves no trace in the browser's files. */
  readonly erases: boolean;
  /** The slots that hold a key. */
  used(): Promise<readonly number[]>;
  /** The keys of these slots, in their order; zeros for an empty slot. */
  read(slots: readonly number[]): Promise<readonly Bytes[]>;
  /** Writes; when it resolves, the changes are on the disk. Rejected with `storage-full`, any of them may have
   * been made. */
  write(changes: readonly SlotChange[]): Promise<void>;
  close(): Promise<void>;
}

/** Which slots are taken: numbers are given out lowest first, so that the file stays as small as its content. */
export class Allotment {
  #free: number[] = [];
  #end = 1;

  /** fill begins anew with these slots taken. */
  fill(taken: ReadonlySet<number>): void {
    this.#end = 1;
    for (const slot of taken) this.#end = Math.max(this.#end, slot + 1);
    this.#free = Array.from({ length: this.#end - 1 }, (_, i) => this.#end - 1 - i).filter((slot) => !taken.has(slot));
  }

  take(): number {
    return this.#free.pop() ?? this.#end++;
  }

  give(slots: readonly number[]): void {
    for (const slot of slots) this.#free.push(slot);
  }
}
