/** What an agent may know of the owner's posts, and what of it is new (docs/protocol.md, Cursors). */

import { audiencePath, posts } from "../pod/paths.ts";
import type { AudienceId } from "../acl/group.ts";
import { digestOf, happened, type Trace, traces, unclear } from "../pod/traces.ts";
import type { Row, Store, Version } from "../store/store.ts";
import { type Counted, covers, DeviceKeys, including, type Seen } from "./cursor.ts";
import type { Judge } from "./judge.ts";
import { Refusal } from "./refusal.ts";
import { has, read } from "./rules.ts";
import { byBytes } from "./spelled.ts";

/** Visible is a post that the agent may read. */
export interface Visible {
  /** The name of its folder. */
  readonly name: string;
  readonly digest: string;
  /** Of the files of it that the agent may read. */
  readonly files: readonly Counted[];
  /** Of the writes that gave it to the agent, as far as they are known to have. */
  readonly given: readonly Counted[];
  /** It was there before it was given. */
  readonly won: boolean;
}

/** Event is one item of a feed. */
export interface Event {
  readonly kind: "Create" | "Update" | "Add" | "Remove" | "Delete";
  readonly digest: string;
  /** The post's folder; undefined where it is no longer for the agent. */
  readonly name?: string;
  /** The newest version that is told. */
  readonly newest: Counted;
  readonly told: readonly Counted[];
}

/** Posts are the posts of one moment as one agent sees them. */
export class Posts {
  /** The last name first. */
  readonly visible: readonly Visible[];
  readonly #taken: readonly Event[];
  readonly #unclear: readonly Counted[];

  private constructor(visible: readonly Visible[], taken: readonly Event[], open: readonly Counted[]) {
    this.visible = visible;
    this.#taken = taken;
    this.#unclear = open;
  }

  /** look gathers them. */
  static async look(store: Store, judge: Judge): Promise<Posts> {
    const keys = new DeviceKeys();
    const known = traces(store);
    const found: Visible[] = [];
    for (const [name, rows] of folders(store)) {
      if (has(await judge.modes(`${posts}${name}/`), read)) found.push(await visibleOf(store, judge, keys, known, name, rows));
    }
    const open = store.get(unclear) as Version | undefined;
    const here = new Set(found.map(({ digest }) => digest));
    const taken = await takenFrom(judge, keys, [...known].filter(([digest]) => !here.has(digest)));
    return new Posts(found.sort((a, b) => byBytes(b.name, a.name)), taken, open === undefined ? [] : [await keys.of(open)]);
  }

  /** all returns what the agent has seen once all of it was told. */
  get all(): Seen {
    const told = [...this.visible.flatMap(({ files, given }) => [...files, ...given]), ...this.#taken.flatMap(({ told: each }) => each)];
    return including(new Map(), [...told, ...this.#unclear]);
  }

  /** since returns what happened that `seen` does not cover, the oldest first; throws a `Refusal` where nobody can tell. */
  since(seen: Seen): readonly Event[] {
    if (!this.#unclear.every((each) => covers(seen, each))) throw new Refusal("gone");
    const changed = this.visible.flatMap((post) => changeOf(post, seen) ?? []);
    const gone = this.#taken.filter(({ newest }) => !covers(seen, newest));
    return [...changed, ...gone].sort((a, b) => byAge(a.newest, b.newest) || (a.digest < b.digest ? -1 : 1));
  }
}

/** first returns the first events, at most `limit` of them if that leaves no half of one write. */
export function first(events: readonly Event[], limit: number): readonly Event[] {
  let end = Math.min(limit, events.length);
  const together = (a: Event | undefined, b: Event | undefined): boolean => a !== undefined && b !== undefined && byAge(a.newest, b.newest) === 0;
  while (end > 0 && together(events[end - 1], events[end])) end--;
  if (end > 0) return events.slice(0, end);
  end = Math.min(limit, events.length);
  while (together(events[end - 1], events[end])) end++;
  return events.slice(0, end);
}

function byAge(a: Counted, b: Counted): number {
  return a.counter - b.counter || (a.device < b.device ? -1 : a.device > b.device ? 1 : 0);
}

function folders(store: Store): ReadonlyMap<string, readonly Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of store.rows(posts)) {
    const [name = "", ...deeper] = row.path.slice(posts.length).split("/");
    if (deeper.length === 0) continue;
    const rows = found.get(name);
    if (rows === undefined) found.set(name, [row]);
    else rows.push(row);
  }
  return found;
}

async function visibleOf(store: Store, judge: Judge, keys: DeviceKeys, known: ReadonlyMap<string, Trace>, name: string, rows: readonly Row[]): Promise<Visible> {
  const digest = await digestOf(name);
  const files: Counted[] = [];
  for (const { path, version } of rows) {
    if (!/\.(acl|meta)$/.test(path) && has(await judge.modes(path), read)) files.push(await keys.of(version));
  }
  const { versions, won } = givenBy(store, judge, known.get(digest), rows);
  return { name, digest, files, given: await Promise.all(versions.map((version) => keys.of(version))), won };
}

/** givenBy returns the version of the write by which the agent got a post: as it was traced, or that of the access list and its group where nobody knows. */
function givenBy(store: Store, { agent }: Judge, trace: Trace | undefined, rows: readonly Row[]): { readonly versions: readonly Version[]; readonly won: boolean } {
  const acl = rows.find(({ path }) => path.endsWith("/.acl"));
  if (acl === undefined || agent.kind !== "contact") return { versions: [], won: false };
  const group = acl.note?.audience === undefined ? undefined : store.row(audiencePath(acl.note.audience as AudienceId));
  const told = trace?.acl !== undefined && equal(trace.acl, acl.version);
  const later = group === undefined || group.version.counter <= acl.version.counter ? [] : [group.version];
  if (!told) return { versions: [acl.version, ...later], won: false };
  const last = happened(trace, agent.cid);
  return { versions: last === undefined ? [] : [last.version], won: last?.how === "won" };
}

function equal(a: Version, b: Version): boolean {
  return a.counter === b.counter && a.device === b.device;
}

async function takenFrom({ agent }: Judge, keys: DeviceKeys, all: readonly (readonly [string, Trace])[]): Promise<readonly Event[]> {
  if (agent.kind !== "contact") return [];
  const found: Event[] = [];
  for (const [digest, trace] of all) {
    const last = happened(trace, agent.cid);
    if (last?.how !== "gone" && last?.how !== "lost") continue;
    const newest = await keys.of(last.version);
    found.push({ kind: last.how === "gone" ? "Delete" : "Remove", digest, newest, told: [newest] });
  }
  return found;
}

function changeOf({ name, digest, files, given, won }: Visible, seen: Seen): Event | undefined {
  const all = [...files, ...given];
  const fresh = all.filter((each) => !covers(seen, each)).sort(byAge);
  const newest = fresh.at(-1);
  if (newest === undefined) return undefined;
  const added = given.some((each) => !covers(seen, each));
  const kind = fresh.length === all.length && !(won && added) ? "Create" : added ? "Add" : "Update";
  return { kind, digest, name, newest, told: all };
}
