/**
 * The key-slot file, as the worker that holds it sees it.
 *
 *     0        "kith slots 1" and zeros, 64 bytes
 *     64 · n   slot n: a key of 32 bytes and 32 zeros; all zeros when it is empty
 *
 * A slot never crosses a sector, so a torn write touches no other one.
 */

import type { Bytes } from "../bytes.ts";
import { keyBytes, type SlotChange } from "./slots.ts";

/** What is needed of a file that is read and written in place: a part of `FileSystemSyncAccessHandle`. */
export interface PlainFile {
  getSize(): number;
  truncate(size: number): void;
  read(to: Uint8Array, options: { readonly at: number }): number;
  write(from: Uint8Array, options: { readonly at: number }): number;
  flush(): void;
  close(): void;
}

const slotBytes = 64;
/** The file grows by this much at a time. */
const growth = 1024 * slotBytes;
const mark = new TextEncoder().encode("kith slots 1");

/** keysIn returns what reads keys, as `Slots.read` does, from the content of such a file. Throws an error named `VersionError` where it is of another format. */
export function keysIn(file: Bytes): (slots: readonly number[]) => Promise<readonly Bytes[]> {
  checkMark(file);
  return async (slots) => slots.map((slot) => file.slice(slot * slotBytes, slot * slotBytes + keyBytes));
}

function checkMark(start: Bytes): void {
  if (mark.some((byte, i) => byte !== start[i])) throw new DOMException("open slots: another format", "VersionError");
}

/** SlotFile reads and writes the slots of one open file. */
export class SlotFile {
  readonly #file: PlainFile;

  /** Takes an empty file or one of its own format; throws an error named `VersionError` otherwise. */
  constructor(file: PlainFile) {
    this.#file = file;
    if (file.getSize() === 0) this.write([[0, mark]]);
    checkMark(this.#get(0));
  }

  /** used returns the slots that hold a key. */
  used(): readonly number[] {
    const all = new Uint8Array(this.#file.getSize());
    this.#file.read(all, { at: 0 });
    const words = new Uint32Array(all.buffer, 0, all.length >> 2);
    const found: number[] = [];
    const step = slotBytes / 4;
    for (let slot = 1; slot * step < words.length; slot++) {
      if (words.subarray(slot * step, (slot + 1) * step).some((word) => word !== 0)) found.push(slot);
    }
    return found;
  }

  read(slots: readonly number[]): readonly Bytes[] {
    return slots.map((slot) => this.#get(slot).slice(0, keyBytes));
  }

  write(changes: readonly SlotChange[]): void {
    const end = changes.reduce((most, [slot]) => Math.max(most, slot + 1), 0) * slotBytes;
    if (end > this.#file.getSize()) this.#file.truncate(Math.ceil(end / growth) * growth);
    for (const [slot, key] of changes) this.#put(slot, key ?? new Uint8Array(0));
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }

  #get(slot: number): Bytes {
    const bytes = new Uint8Array(slotBytes);
    this.#file.read(bytes, { at: slot * slotBytes });
    return bytes;
  }

  #put(slot: number, content: Uint8Array): void {
    const bytes = new Uint8Array(slotBytes);
    bytes.set(content);
    const written = this.#file.write(bytes, { at: slot * slotBytes });
    if (written !== slotBytes) throw new DOMException(`write slot: ${written} bytes`, "QuotaExceededError");
  }
}
