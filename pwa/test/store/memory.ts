/** Slots and ciphertext that last as long as they are held: the store without a browser. */

import type { Bytes } from "../../src/core/bytes.ts";
import type { Ciphertext, Commit } from "../../src/core/store/ciphertext.ts";
import { keyBytes, type SlotChange, type Slots } from "../../src/core/store/slots.ts";

/** A disk that is a value: a store closed over it can be opened over it again. */
export interface MemoryDisk {
  readonly slots: Slots;
  readonly ciphertext: Ciphertext;
}

/** memoryDisk returns an empty one. */
export function memoryDisk(): MemoryDisk {
  return { slots: memorySlots(), ciphertext: memoryCiphertext() };
}

function memorySlots(): Slots {
  const keys = new Map<number, Bytes>();
  const change = ([slot, key]: SlotChange): void => void (key === null ? keys.delete(slot) : keys.set(slot, key.slice()));
  return {
    erases: true,
    used: async () => [...keys.keys()],
    read: async (slots) => slots.map((slot) => keys.get(slot)?.slice() ?? new Uint8Array(keyBytes)),
    write: async (changes) => changes.forEach(change),
    close: async () => undefined,
  };
}

function memoryCiphertext(): Ciphertext {
  const pages = new Map<number, Bytes>();
  const bodies = new Map<number, Bytes>();
  return {
    pages: async () => [...pages],
    bodies: async () => [...bodies.keys()],
    body: async (slot) => bodies.get(slot),
    commit: async (step: Commit) => {
      for (const slot of step.gone) pages.delete(slot), bodies.delete(slot);
      for (const [slot, bytes] of step.pages) pages.set(slot, bytes);
      for (const [slot, bytes] of step.bodies) bodies.set(slot, bytes);
    },
    close: async () => undefined,
  };
}
