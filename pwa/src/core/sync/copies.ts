/** What the rows say of copies of friends' posts, and of how their owners were reached (cache.ts writes them). */

import type { ErrorCode } from "../errors.ts";
import { given } from "../given.ts";
import { type Json, string } from "../json.ts";
import type { ContactId } from "../kith.ts";
import { type Folder, inboxPath, peers } from "../pod/paths.ts";
import { usualLease } from "../pod/post.ts";
import type { NewRow, Row, Store } from "../store/store.ts";

/** Copy is the row of a friend's post, told apart. */
export interface Copy {
  readonly cid: ContactId;
  readonly folder: Folder;
  readonly published: number;
  /** The pod's ETag of the post's folder when its text was listed. */
  readonly state: string;
  /** The handle under which the feed speaks of it. */
  readonly item: string;
  /** The text is here and may have changed since. */
  readonly stale: boolean;
  /** The person dropped it; it comes back only when they ask. */
  readonly purged: boolean;
  /** For how many days the copy lasts without contact; 0: for good (protocol §4). */
  readonly lease: number;
  /** When the copy's lease ran out and its bytes went, in milliseconds since the epoch. */
  readonly lapsed?: number | undefined;
  readonly here: boolean;
}

/** Seen is how the last tries to reach a friend went. */
export interface Seen {
  /** The last time their pod answered, in milliseconds since the epoch. */
  readonly at?: number;
  readonly error?: ErrorCode;
  /** The pod whose door was read last, and when. */
  readonly door?: string;
  readonly doorAt?: number;
  /** What they called themself there. */
  readonly name?: string;
  /** Where they want what this person sends, below `social/`. */
  readonly inbox?: string;
}

/** inboxIn returns where a door says that messages go. */
export function inboxIn(door: Json | undefined): string | undefined {
  const folder = string(door?.inbox, 200);
  return folder !== undefined && /^in\/[A-Za-z0-9._-]+\/$/.test(folder) ? folder : undefined;
}

/** seenOf returns how the last tries to reach a friend went. */
export function seenOf(store: Store, cid: ContactId): Seen {
  return (store.get(`peer/${cid}/seen`) as Seen | undefined) ?? {};
}

/** unreachedOf returns the friends who could not be read the last time. */
export function unreachedOf(store: Store, friends: readonly ContactId[]): readonly ContactId[] {
  return friends.filter((cid) => seenOf(store, cid).error !== undefined);
}

/** cachedBytes returns how much of a friend's is here. */
export function cachedBytes(store: Store, cid: ContactId): number {
  let sum = 0;
  for (const { size, here } of store.rows(`${peers}${cid}/`)) if (here) sum += size;
  return sum;
}

const shape = /^peers\/([a-z2-7]{20})\/social\/posts\/([^/]+)\/post\.jsonld$/;

/** copyOf tells the row of a friend's post apart; undefined for any other row. */
export function copyOf(row: Row): Copy | undefined {
  const found = shape.exec(row.path);
  const { note, here } = row;
  if (found === null || note === undefined) return undefined;
  return {
    cid: found[1] as ContactId, folder: found[2] as Folder, published: Number(note.published), state: String(note.state), item: String(note.item),
    stale: note.stale === true, purged: note.purged === true, here,
    lease: typeof note.lease === "number" ? note.lease : usualLease, lapsed: typeof note.lapsed === "number" && !here ? note.lapsed : undefined,
  };
}

/** copiesOf returns what is known of one friend's posts, newest folder first. */
export function copiesOf(store: Store, cid: ContactId): readonly Copy[] {
  return [...store.rows(`${peers}${cid}/`, true)].flatMap((row) => copyOf(row) ?? []);
}

/** factsOfCopy returns the facts of a row as `copyOf` tells them apart. */
export function factsOfCopy({ published, state, item, stale, purged, lease, lapsed }: Omit<Copy, "cid" | "folder" | "here">): NonNullable<NewRow["note"]> {
  return given({ published, state, item, stale: stale || undefined, purged: purged || undefined, lease: lease === usualLease ? undefined : lease, lapsed });
}

/** keptOf returns the handles of the posts that a friend lets this person keep: what they wrote lies in the inbox. */
export function keptOf(store: Store, cid: ContactId): ReadonlySet<string> {
  return new Set([...store.rows(inboxPath(cid))].flatMap(({ note }) => (note?.type === "kith:Kept" ? [String(note.object)] : [])));
}

/** handleOf returns the handle that stands in a feed's id. */
export function handleOf(item: string): string {
  return item.replace(/^urn:kith:/, "");
}
