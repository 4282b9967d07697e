/** Rows as the store holds them, and as a page spells them. */

import type { NewRow, Row } from "./store.ts";

/** A row and the slot of its body's key: 0 when its bytes are not here. */
export interface Held extends Row {
  readonly slot: number;
}

/** held returns the row that a put makes, before a new body has its slot. Without bytes those of `old` stay if
 * they are the same representation, by ETag. */
export function held(put: NewRow, bytes: Uint8Array | null, old: Held | undefined, now: number): Held {
  const { path, id, version, type, etag, modified, note } = put;
  const kept = bytes === null && old?.etag === etag ? old : undefined;
  return {
    ...{ path, id, version: { counter: version.counter, device: version.device }, type, etag, modified },
    ...(note !== undefined && { note: { ...note } }),
    size: bytes?.length ?? kept?.size ?? put.size ?? 0,
    here: bytes !== null || kept?.here === true,
    used: now,
    slot: kept?.slot ?? 0,
  };
}

/** packRow returns a row as a page spells it. */
export function packRow({ path, id, version, type, etag, size, modified, used, slot, note }: Held): readonly unknown[] {
  return [path, id, version.counter, version.device, type, etag, size, modified, used, slot, ...(note === undefined ? [] : [note])];
}

/** unpackRow reads what `packRow` wrote: it comes from a page that only this store can have sealed. */
export function unpackRow(packed: readonly unknown[]): Held {
  const [path, id, counter, device, type, etag, size, modified, used, slot, note] = packed as [
    string, string, number, string, string, string, number, number, number, number, Row["note"],
  ];
  const row = { path, id, version: { counter, device }, type, etag, size, modified, used, slot, here: slot > 0 };
  return note === undefined ? row : { ...row, note };
}
