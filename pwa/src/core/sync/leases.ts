/**
 * Leases: for how long copies of friends' posts may be read without a word from their owners (protocol §4). Whoever reads
 * a copy asks here first, so one that ran out is not read in the time until its keys are gone.
 */

import type { ContactId } from "../kith.ts";
import { cardPath, contacts, placeOf, postPath } from "../pod/paths.ts";
import { repliesName } from "../pod/replies.ts";
import type { Store, Write } from "../store/store.ts";
import { copiesOf, type Copy, copyOf, factsOfCopy, handleOf, keptOf, type Seen, seenOf } from "./copies.ts";

const day = 24 * 3600_000;

/** endOf returns when a copy ends unless its owner is reached before, in milliseconds since the epoch; undefined when it does not. */
export function endOf(store: Store, { cid, item, lease }: Copy): number | undefined {
  if (lease === 0) return undefined;
  const end = (seenOf(store, cid).at ?? Number(store.row(cardPath(cid))?.note?.since ?? 0)) + lease * day;
  return keptOf(store, cid).has(handleOf(item)) ? undefined : end;
}

/** lapsedOf returns when the lease of a copy ran out; undefined while it has not. */
export function lapsedOf(store: Store, copy: Copy, now: number): number | undefined {
  if (!copy.here || now - (seenOf(store, copy.cid).at ?? 0) < copy.lease * day) return copy.lapsed;
  const end = endOf(store, copy);
  return end === undefined || end > now ? undefined : end;
}

/** anySilent tells whether a friend has not answered for a day, the shortest lease there is. */
export function anySilent(store: Store, now: number): boolean {
  return store.names("peer/").some((name) => name.endsWith("/seen") && now - ((store.get(name) as Seen).at ?? 0) > day);
}

/** lapsing returns the writes that drop the bytes of all copies whose leases ran out, and with them their keys. */
export function lapsing(store: Store, now: number): readonly Write[] {
  const silent = friendsIn(store).filter((cid) => now - (seenOf(store, cid).at ?? 0) > day);
  const here = silent.flatMap((cid) => copiesOf(store, cid)).filter(({ here }) => here);
  return here.flatMap((copy) => {
    const lapsed = lapsedOf(store, copy, now);
    return lapsed === undefined ? [] : dropping(store, copy, lapsed);
  });
}

function friendsIn(store: Store): readonly ContactId[] {
  return [...store.rows(contacts)].flatMap(({ path }) => {
    const place = placeOf(path);
    return place.kind === "contact" ? [place.cid] : [];
  });
}

/** dropping returns the writes that drop the bytes of a copy and keep that there is a post: until its owner is reached where its lease ran out at `lapsed`, else until the person asks for it. */
export function dropping(store: Store, { cid, folder }: Pick<Copy, "cid" | "folder">, lapsed?: number): readonly Write[] {
  const base = postPath(folder, cid);
  const row = store.row(`${base}post.jsonld`);
  const copy = row === undefined ? undefined : copyOf(row);
  if (row === undefined || copy === undefined) return [];
  const note = factsOfCopy({ ...copy, stale: false, purged: lapsed === undefined, lapsed });
  const rest = [...store.rows(base)].filter(({ path }) => path !== row.path).map(({ path }) => path);
  const drop = (path: string): Write => (path.endsWith(repliesName) ? { purge: path } : { erase: path });
  return [{ put: { ...row, note }, bytes: null }, { purge: row.path }, ...rest.map(drop)];
}
