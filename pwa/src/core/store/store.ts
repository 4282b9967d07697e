/**
 * The phone's store: rows of a tree of paths, each with its bytes, all of it ciphertext at rest.
 *
 * Every body has a key of its own. Keys lie in one file of fixed-size slots that is overwritten on
 * delete; IndexedDB holds ciphertext and random ids (app.md §1.1). A path names either the owner's
 * own tree (`/social/posts/…`) or, below `peers/<cid>/`, copies of what a friend's pod answered.
 */

/** A Lamport counter and the device that wrote (protocol §3.4). */
export interface Version {
  readonly counter: number;
  readonly device: string;
}

/** Row is what is known of one resource without opening its bytes. */
export interface Row {
  /** `/a/b`, `/a/` for a container, or `peers/<cid>/…` for a cached copy. */
  readonly path: string;
  /** The random handle that all replicas share. */
  readonly id: string;
  readonly version: Version;
  readonly type: string;
  readonly etag: string;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
  /** False when the bytes were purged and only the row is here. */
  readonly here: boolean;
  /** Last use of the bytes, for eviction of cached copies. */
  readonly used: number;
  /** Small plain facts the owner of the row wants without opening the body (kept encrypted with the row). */
  readonly note?: Readonly<Record<string, string | number | boolean>>;
}

/** NewRow is a row as it is put; the store knows the rest, but for the size of bytes that are not here. */
export type NewRow = Omit<Row, "size" | "here" | "used"> & { readonly size?: number };

/** One write: all of a batch is applied or none. */
export type Write =
  | { readonly put: NewRow; readonly bytes: Uint8Array<ArrayBuffer> | null }
  | { readonly erase: string }
  | { readonly purge: string }
  | { readonly set: string; readonly value: unknown }
  | { readonly unset: string };

/** The store of one person on one device. Reads of rows are synchronous: the index is in memory. */
export interface Store {
  row(path: string): Row | undefined;
  /** Rows whose path begins with `prefix`, by path; `descending` from the end. Lazy. */
  rows(prefix: string, descending?: boolean): Iterable<Row>;
  /** The bytes; undefined when there is no row or its bytes were purged. */
  bytes(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Small settings and queues (outbox, cursors, counters), JSON-like values, encrypted at rest like everything else. */
  get(name: string): unknown;
  names(prefix: string): readonly string[];
  /** Applies all writes or none; when it resolves they are durable and erased bytes are gone. Bytes given to it
   * must not change before that. Rejects with `storage-full` or `storage-unavailable`. */
  apply(writes: readonly Write[]): Promise<void>;
  usage(): { readonly bytes: number; readonly cached: number };
  /** Whether a delete leaves no trace on this browser (false on file:// in Chromium). */
  readonly erases: boolean;
  /** Resolves once the store is closed: by `close`, or because another tab took it over. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}
