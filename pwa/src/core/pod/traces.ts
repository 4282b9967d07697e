/**
 * What this device remembers of who won, lost or could read a post, so that it can tell them when they ask what is new
 * (docs/protocol.md, Cursors). It is kept with each batch that changes an access list or takes something away.
 *
 *     known             {device: counter}: the highest version of each of the owner's devices that this one has heard of
 *     trace/<digest>    Trace of the post of which this is the digest
 *     unclear           Version: access changed in a way that only another app understands; who asks from before lists anew
 */

import { b64u, sha256 } from "../bytes.ts";
import type { AudienceId } from "../acl/group.ts";
import type { ContactId } from "../kith.ts";
import type { NewRow, Store, Version, Write } from "../store/store.ts";
import { packed, unpacked } from "./facts.ts";
import { audiencePath, type Folder, placeOf, postPath, posts } from "./paths.ts";

/** Happened is what a contact may be told: `gone` and `lost` after which they have to drop it, `won` that they may read it, `changed` that something of it was taken away. */
export interface Happened {
  readonly how: "gone" | "lost" | "won" | "changed";
  readonly version: Version;
}

/** Trace is the last that happened to each contact with one post. */
export interface Trace {
  /** The version of the access list up to which that is known. */
  readonly acl?: Version | undefined;
  /** By contacts, packed. */
  readonly events: readonly (Happened & { readonly who: string })[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const prefix = "trace/";
const known = "known";
/** unclear is the setting that says from where on nobody can be told. */
export const unclear = "unclear";
/** For so long what happened is told, in milliseconds (protocol §3.2). */
const remembered = 90 * 86_400_000;

/** digestOf returns by what a feed names a post (docs/protocol.md, What every responder computes alike). */
export async function digestOf(folder: string): Promise<string> {
  return b64u((await sha256(`kith post 1\n${folder}`)).subarray(0, 16));
}

/** traces returns what is remembered, by the digests of posts. */
export function traces(store: Store): ReadonlyMap<string, Trace> {
  return new Map(store.names(prefix).map((name) => [name.slice(prefix.length), store.get(name) as Trace]));
}

/** happened returns the last that happened to a contact. */
export function happened({ events }: Trace, cid: ContactId): Happened | undefined {
  return events.find(({ who }) => unpacked(who).includes(cid));
}

/** knownOf returns the highest counter of each device that was heard of. */
export function knownOf(store: Store): Readonly<Record<string, number>> {
  const kept = store.get(known) as Readonly<Record<string, number>> | undefined;
  if (kept !== undefined) return kept;
  const found: Record<string, number> = {};
  for (const { version } of store.rows("/")) raise(found, version);
  return found;
}

function raise(counters: Record<string, number>, { counter, device }: Version): boolean {
  if (device === "" || (counters[device] ?? 0) >= counter) return false;
  counters[device] = counter;
  return true;
}

/** heardOf returns the write that notes versions, if any of them is news. */
export function heardOf(store: Store, versions: Iterable<Version>): readonly Write[] {
  const counters = { ...knownOf(store) };
  const raised = [...versions].filter((version) => raise(counters, version));
  return raised.length > 0 || store.get(known) === undefined ? [{ set: known, value: counters }] : [];
}

/** forgetTraces returns the writes that drop what is too old to be told. */
export function forgetTraces(store: Store, now: number): readonly Write[] {
  const old = store.names(prefix).filter((name) => (store.get(name) as Trace).at < now - remembered);
  return old.map((name) => ({ unset: name }));
}

/** traced returns the writes that remember what a batch does to the readers of posts. `erased` says of which version the deletions are. */
export async function traced(store: Store, writes: readonly Write[], erased: (path: string) => Version, now: number): Promise<readonly Write[]> {
  const after = new Map(writes.flatMap((write): [string, NewRow | undefined][] => ("put" in write ? [[write.put.path, write.put]] : "erase" in write ? [[write.erase, undefined]] : [])));
  const folders = new Set<Folder>();
  for (const [path, row] of after) {
    const place = placeOf(path);
    if ("folder" in place && (place.kind === "acl" || row === undefined)) folders.add(place.folder);
    if (place.kind === "audience") for (const folder of postsOf(store, place.id)) folders.add(folder);
  }
  const found: Write[] = [];
  for (const folder of folders) found.push(...(await traceOf(store, folder, after, erased, now)));
  return found;
}

function* postsOf(store: Store, audience: AudienceId): Generator<Folder> {
  for (const { path, note } of store.rows(posts)) {
    const place = note?.audience === audience ? placeOf(path) : undefined;
    if (place?.kind === "acl") yield place.folder;
  }
}

type After = ReadonlyMap<string, NewRow | undefined>;

async function traceOf(store: Store, folder: Folder, after: After, erased: (path: string) => Version, now: number): Promise<readonly Write[]> {
  const acl = `${postPath(folder)}.acl`;
  const note = `${postPath(folder)}post.jsonld`;
  const gone = after.has(note) && after.get(note) === undefined;
  const before = readersOf(store, new Map(), acl);
  const readers = gone ? [] : (readersOf(store, after, acl) ?? []);
  const version = versionOf(store, folder, after, erased);
  // A post that was just made has no past.
  if (before === undefined || version === undefined) return [];
  if (before === "unclear" || readers === "unclear") return [{ set: unclear, value: version }];
  const taken = [...after].some(([path, row]) => row === undefined && path !== acl && path.startsWith(postPath(folder)));
  const events = [
    { how: gone ? "gone" : "lost", who: before.filter((cid) => !readers.includes(cid)), version },
    { how: "won", who: readers.filter((cid) => !before.includes(cid)), version },
    { how: "changed", who: taken ? readers.filter((cid) => before.includes(cid)) : [], version },
  ] as const;
  const name = prefix + (await digestOf(folder));
  const old = store.get(name) as Trace | undefined;
  const told = merged(old, events);
  if (old === undefined && told.length === 0) return [];
  if (gone && told.length === 0) return [{ unset: name }];
  return [{ set: name, value: { acl: (after.get(acl) ?? store.row(acl))?.version, events: told, at: now } satisfies Trace }];
}

/** merged adds events; of one contact only the last is kept. */
function merged(old: Trace | undefined, events: readonly (Happened & { readonly who: readonly ContactId[] })[]): Trace["events"] {
  const newest = new Set(events.flatMap(({ who }) => who));
  const kept = (old?.events ?? []).map((event) => ({ ...event, who: unpacked(event.who).filter((cid) => !newest.has(cid)) }));
  return [...events, ...kept].filter(({ who }) => who.length > 0).map((event) => ({ ...event, who: packed(event.who) }));
}

/** readersOf returns who may read a post by its own access list: undefined where there is none. */
function readersOf(store: Store, after: After, acl: string): readonly ContactId[] | "unclear" | undefined {
  const row = after.has(acl) ? after.get(acl) : store.row(acl);
  if (row === undefined) return undefined;
  if (row.note?.readers === "me") return [];
  if (row.note?.readers !== "audience") return "unclear";
  const path = audiencePath(row.note.audience as AudienceId);
  const group = after.has(path) ? after.get(path) : store.row(path);
  if (group === undefined) return [];
  return group.note?.members === undefined ? "unclear" : unpacked(group.note.members);
}

/** versionOf returns the newest version among the writes that concern a post. */
function versionOf(store: Store, folder: Folder, after: After, erased: (path: string) => Version): Version | undefined {
  let newest: Version | undefined;
  for (const [path, row] of after) {
    const place = placeOf(path);
    const about = "folder" in place ? place.folder === folder && (place.kind === "acl" || row === undefined) : place.kind === "audience";
    const version = about ? (row?.version ?? (store.row(path) === undefined ? undefined : erased(path))) : undefined;
    if (version !== undefined && (newest === undefined || version.counter > newest.counter)) newest = version;
  }
  return newest;
}
