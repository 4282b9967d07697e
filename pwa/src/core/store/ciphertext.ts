/** Ciphertext by the number of the slot that holds its key: pages of the index, and bodies. */

import type { Bytes } from "../bytes.ts";

/** Sealed is ciphertext and the slot of its key. */
export type Sealed = readonly [slot: number, bytes: Bytes];

/** One step from a state of the store to the next. */
export interface Commit {
  readonly pages: readonly Sealed[];
  readonly bodies: readonly Sealed[];
  /** Slots whose page or body is to go. */
  readonly gone: readonly number[];
}

/** Ciphertext is where pages and bodies lie. */
export interface Ciphertext {
  pages(): Promise<readonly Sealed[]>;
  /** The slots that have a body. */
  bodies(): Promise<readonly number[]>;
  body(slot: number): Promise<Bytes | undefined>;
  /** Does all of it or nothing; when it resolves, it is on the disk. Rejects with `storage-full` or
   * `storage-unavailable`. */
  commit(step: Commit): Promise<void>;
  close(): Promise<void>;
}
