/**
 * Deletions that the pod, or another device, asks for: carried out, or held until the owner was asked (protocol §3.4).
 *
 *     pod/undecided[/<kid>]    tombstones of what is here, from the pod or that device, until the last page of them came
 *     removals/<source>        when it had things removed that a person notices, within the last hour, in milliseconds since the epoch
 */

import type { Bytes } from "../bytes.ts";
import type { PostRef } from "../kith.ts";
import { draftRows, lostDraft } from "../pod/drafts.ts";
import { nextNumber, waiting, without } from "../pod/outbox.ts";
import { devices, keys, kitPath, kitsPath, namePath, type Place, placeOf, postPath, relaysPath } from "../pod/paths.ts";
import { readNote } from "../pod/post.ts";
import { traced } from "../pod/traces.ts";
import { gone, newHandle, type Tree } from "../pod/tree.ts";
import type { Row, Write } from "../store/store.ts";
import { agree, agreed } from "./agreed.ts";
import { held, heldCount, heldIds, heldRows, thing } from "./held.ts";
import { toPush } from "./missing.ts";
import type { Tombstone } from "./replica.ts";
import type { Session } from "./session.ts";

/** Above this many posts and other things within an hour the owner is asked. One per cent is never less than this in trees that are small, and more than a person deletes in one go in larger ones. */
const askAbove = 10;
const hour = 3_600_000;

/** Who asks for deletions: the pod, "", or another device by its name. */
export type Source = string;

/** undecidedOf returns the setting with the tombstones of a source that were not decided about yet. */
export const undecidedOf = (source: Source): string => (source === "" ? "pod/undecided" : `pod/undecided/${source}`);
const removalsOf = (source: Source): string => `removals/${source}`;

/** What a person has as long as there is one: nobody deletes it, and who lost it gets it again. */
const lasting: ReadonlySet<string> = new Set([devices, keys, namePath, relaysPath, kitPath, kitsPath, "/.acl"]);

/** isLasting tells whether a path is of what is never deleted. */
export function isLasting(path: string): boolean {
  return lasting.has(path);
}

/** Deleted is a resource that is here and deleted at the pod. */
export interface Deleted {
  readonly row: Row;
  readonly tombstone: Tombstone;
}

/** deletedHere finds the resources of which the pod's tombstones speak. A delete stands against what it did not know of, so what `waits` for the pod goes too; and with its text goes all of a post. */
export function deletedHere(tree: Tree, tombstones: readonly Tombstone[], waits: (path: string) => boolean): readonly Deleted[] {
  if (tombstones.length === 0) return [];
  const byId = new Map(tombstones.map((each) => [each.id, each]));
  const found = new Map<string, Deleted>();
  for (const row of tree.store.rows("/")) {
    const tombstone = byId.get(row.id);
    if (tombstone !== undefined && (waits(row.path) || tombstone.version.counter >= row.version.counter)) found.set(row.path, { row, tombstone });
  }
  for (const { row, tombstone } of [...found.values()]) {
    const place = placeOf(row.path);
    if (place.kind !== "post") continue;
    for (const part of tree.store.rows(postPath(place.folder))) if (!found.has(part.path)) found.set(part.path, { row: part, tombstone });
  }
  return [...found.values()];
}

/** What comes and goes by itself, while the app answers friends. */
const passing: ReadonlySet<Place["kind"]> = new Set(["message", "deleted", "audience"]);

/** empties tells whether a person loses by these bytes, or by none as long as nobody fetches them, what is here: pictures are never written twice, and a post is a note. */
export function empties({ path, here, size }: Row, bytes: Bytes | null): boolean {
  const { kind } = placeOf(path);
  return here && size > 0 && (!bytes?.length || kind === "media" || (kind === "post" && readNote(new TextDecoder().decode(bytes)) === undefined));
}

/** Came is what a page brought: the bytes, of that entity tag, are here. */
type Came = Pick<Row, "path" | "etag">;

/** noticed returns the things that a person would miss: nothing that comes and goes by itself, and nothing whose bytes are elsewhere in the tree as what they were, or came with the page. */
function noticed(tree: Tree, deleted: readonly Deleted[], came: readonly Came[]): ReadonlySet<string> {
  const going = new Set([...deleted.map(({ row }) => row.path), ...came.map(({ path }) => path)]);
  const whatOf = ({ path, etag }: Came): string => placeOf(path).kind + etag;
  const staying = new Set([...[...tree.store.rows("/")].filter(({ path, here }) => here && !going.has(path)), ...came].map(whatOf));
  return new Set(deleted.flatMap(({ row }) => (passing.has(placeOf(row.path).kind) || staying.has(whatOf(row)) ? [] : [thing(row.path)])));
}

/** judged returns what remembers deletions, or undefined where they need the owner's word: more than ten things, at once or with those of that source within the last hour, or every post there is; and while others wait for it, each does. */
export function judged(tree: Tree, source: Source, deleted: readonly Deleted[], came: readonly Came[]): readonly Write[] | undefined {
  if (mustAsk(tree, deleted)) return undefined;
  const now = tree.env.now();
  const name = removalsOf(source);
  const things = noticed(tree, deleted, came);
  if (things.size === 0) return [];
  const lately = ((tree.store.get(name) as readonly number[] | undefined) ?? []).filter((at) => Math.abs(now - at) < hour);
  const all = [...lately, ...[...things].map(() => now)];
  return all.length > askAbove ? undefined : [{ set: name, value: all }];
}

function mustAsk(tree: Tree, deleted: readonly Deleted[]): boolean {
  const things = new Set(deleted.map(({ row }) => thing(row.path)));
  if (things.size > askAbove || (things.size > 0 && heldCount(tree) > 0)) return true;
  if (things.size < 2) return false;
  return [...tree.store.rows("/social/posts/")].every(({ path }) => !("folder" in placeOf(path)) || things.has(thing(path)));
}

/** hold returns the write that keeps deletions for the owner's word. */
export function hold(tree: Tree, deleted: readonly Pick<Row, "id" | "path">[]): Write {
  const ids = [...heldIds(tree), ...deleted.filter(({ path }) => !isLasting(path)).map(({ id }) => id)];
  return { set: held, value: [...new Set(ids)] };
}

/** decideHeld carries the held deletions out, on the person's other devices too, or brings everything back to the pod under new handles. */
export async function decideHeld(session: Session, accept: boolean): Promise<void> {
  const { tree } = session;
  if (accept) await agree(session, heldRows(tree));
  await tree.exclusive(async () => {
    const rows = heldRows(tree);
    await settleHeld(tree, rows, accept ? erasing(tree, rows) : reviving(tree, rows));
  });
}

/** carryAgreed carries out what is held and was agreed to on another device; returns the paths. */
export async function carryAgreed(tree: Tree): Promise<readonly string[]> {
  if (heldIds(tree).length === 0) return [];
  return tree.exclusive(async () => {
    const rows = await agreed(tree, heldRows(tree));
    if (rows.length === 0) return [];
    const { puts } = waiting(tree.store);
    const drafts = (await Promise.all(rows.filter(({ path }) => puts.has(path)).map((row) => unsent(tree, row)))).flat();
    await settleHeld(tree, rows, [...drafts, ...erasing(tree, rows)]);
    return [...rows.map(({ path }) => path), ...(drafts.length === 0 ? [] : [draftRows])];
  });
}

/** unsent returns the writes that keep the text of an edit which nobody else has seen. */
async function unsent(tree: Tree, { path }: Row): Promise<readonly Write[]> {
  const place = placeOf(path);
  const text = place.kind === "post" ? readNote((await tree.text(path)) ?? "")?.text : undefined;
  return place.kind !== "post" || text === undefined ? [] : lostDraft(tree, `me/${place.folder}` as PostRef, text);
}

async function settleHeld(tree: Tree, rows: readonly Row[], writes: readonly Write[]): Promise<void> {
  const decided = new Set(rows.map(({ id }) => id));
  const left = heldIds(tree).filter((id) => !decided.has(id));
  const traces = await traced(tree.store, writes, (path) => tree.store.row(path)?.version ?? { counter: 0, device: "" }, tree.env.now());
  await tree.store.apply([...writes, ...traces, left.length === 0 ? { unset: held } : { set: held, value: left }]);
}

function erasing(tree: Tree, rows: readonly Row[]): readonly Write[] {
  const counter = tree.counter;
  const erased = rows.flatMap((row): readonly Write[] => [{ erase: row.path }, gone(row, { counter: Math.max(counter, row.version.counter), device: tree.device }, tree.env.now())]);
  return [...erased, ...without(tree.store, rows.map(({ path }) => path))];
}

function reviving(tree: Tree, rows: readonly Row[]): readonly Write[] {
  const version = { counter: tree.counter + 1, device: tree.device };
  const revived = rows.map((row): Write => ({ put: { ...row, id: newHandle(tree.env), version }, bytes: null }));
  const queued = tree.tracked ? toPush(tree, rows.map(({ path }) => path), [], nextNumber(tree.store)) : [];
  return [...revived, ...queued, { set: "counter", value: version.counter }];
}
