/** One page of the pod's rows, merged into the own tree as one batch. */

import type { AudienceId } from "../acl/group.ts";
import { narrower } from "../acl/narrower.ts";
import type { PostRef } from "../kith.ts";
import type { Client } from "../ldp/client.ts";
import { draftRows, lostDraft } from "../pod/drafts.ts";
import { baseAt, unheard } from "../pod/bases.ts";
import { covers, nextNumber, type Step, type Waiting, waiting, without } from "../pod/outbox.ts";
import { devices, keys, kitsPath, placeOf } from "../pod/paths.ts";
import { audienceSize } from "../pod/people.ts";
import { readNote } from "../pod/post.ts";
import { acceptable } from "../pod/profile.ts";
import { gathered } from "../pod/gather.ts";
import { heardOf, traced } from "../pod/traces.ts";
import { gone, newer, newHandle, newRow, type Tree } from "../pod/tree.ts";
import type { Row, Version, Write } from "../store/store.ts";
import { type Bytes, utf8 } from "../bytes.ts";
import { carryAgreed, type Deleted, deletedHere, empties, hold, isLasting, judged, undecidedOf } from "./deletions.ts";
import { isKit, rank } from "./kits.ts";
import { merge, type Verdict } from "./merge.ts";
import { toPush } from "./missing.ts";
import { pool } from "./pool.ts";
import { type Page, readBytes, type RemoteRow, type Tombstone } from "./replica.ts";

/** So many bytes are fetched of a resource that nobody has looked at. */
const eagerBytes = 4 << 20;

/** isLarge tells whether a resource is a picture at full size, or as large, whose bytes are fetched when somebody looks. */
function isLarge({ path, size }: Pick<RemoteRow, "path" | "size">): boolean {
  return size > eagerBytes || (placeOf(path).kind === "media" && !/-t\.[a-z]+$/.test(path));
}

/** Other is another device of the person, of which a page came: it is told nothing, since it follows this one in its turn, and a deletion stands
 * by its handle alone, since neither has the last word on what came first. */
export interface Other {
  /** By which what it asks for is told from what others do. */
  readonly kid: string;
  /** The highest counter of this device that it has heard of. */
  readonly heard: number;
  /** Tells whether it is still one of the person's devices: it may have been removed while its answer was on the way. */
  readonly listed: () => boolean;
}

/** Told is what of a page is merged. Of one after which `more` come the deletions wait, so that all of them are decided together. */
export type Told = Pick<Page, "rows" | "gone" | "counter"> & Partial<Pick<Page, "more">>;

/** No honest clock is so far ahead of another; one that was taken over could not be counted up any more at last. */
const leap = 2 ** 32;

/** likely leaves out of a page what no device of this person can have counted to. */
function likely({ counter }: Tree, page: Told): Told {
  const near = (each: { readonly version: Version }): boolean => each.version.counter <= counter + leap;
  return { ...page, rows: page.rows.filter(near), gone: page.gone.filter(near), counter: page.counter <= counter + leap ? page.counter : 0 };
}

/** settle merges a page, of the pod's unless it is another's, together with the writes given; returns the paths that changed here, `drafts/` among them when a text was kept. */
export async function settle(tree: Tree, client: Client, told: Told, also: readonly Write[], other?: Other): Promise<readonly string[]> {
  const page = likely(tree, told);
  const fetched = new Map<string, Bytes>();
  const { dels } = waitingFor(tree, other);
  await pool(4, page.rows.filter((remote) => wanted(tree, dels, remote, other)), async ({ path }) => {
    const bytes = await readBytes(client, path);
    if (bytes !== undefined) fetched.set(path, bytes);
  });
  // Everything is decided within one turn of the tree, because acts may have happened while bytes came.
  const changed = await tree.exclusive(async () => {
    if (other?.listed() === false) return [];
    const settling = new Settling(tree, fetched, page.rows.reduce((most, { version }) => Math.max(most, version.counter), page.counter), other);
    for (const remote of listsFirst(page.rows)) await settling.row(remote);
    await settling.deletions(page);
    const heard = heardOf(tree.store, [...page.rows, ...page.gone].map(({ version }) => version));
    const writes = [...(await settling.finish()), ...heard, ...also];
    if (writes.length > 0) await tree.store.apply(writes);
    return settling.changed;
  });
  return [...changed, ...(await carryAgreed(tree))];
}

/** waitingFor returns what the pod, or the other device, has not heard of. */
function waitingFor({ store, device }: Tree, other: Other | undefined): Waiting {
  return other === undefined ? waiting(store) : { puts: unheard(store, device, other.heard), dels: [] };
}

/** goneHere returns the counter at which this device deleted a resource; undefined too for what it must not have deleted. */
function goneHere(tree: Tree, { path, id, version }: RemoteRow, other: Other | undefined): number | undefined {
  return isLasting(path) ? undefined : tree.goneAt(id, other === undefined ? version : undefined);
}

/** wanted tells whether the bytes of a row are fetched at once. */
function wanted(tree: Tree, dels: Waiting["dels"], remote: RemoteRow, other: Other | undefined): boolean {
  const { path, id, version, etag } = remote;
  if (goneHere(tree, remote, other) !== undefined || doomed(dels, remote)) return placeOf(path).kind === "post" && tree.overtaken(id, version) !== undefined;
  return tree.store.row(path)?.etag !== etag && !isLarge(remote);
}

/** doomed tells whether a deletion that waits will take the pod's row away: a folder's takes all below it, another what it knew of. */
function doomed(dels: Waiting["dels"], { path, version }: RemoteRow): boolean {
  return dels.some((step) => covers(step.del, path) && (step.del !== path || step.version.counter >= version.counter));
}

/** listsFirst brings the device list to the front: what follows may be signed by a device that it names first. */
function listsFirst(rows: readonly RemoteRow[]): readonly RemoteRow[] {
  return [...rows.filter(({ path }) => path === devices), ...rows.filter(({ path }) => path !== devices)];
}

type Put = Extract<Write, { put: unknown }>;

const nowhere: Version = { counter: 0, device: "" };

/** Settling gathers the batch of one page. */
class Settling {
  readonly changed: string[] = [];
  readonly #tree: Tree;
  readonly #fetched: ReadonlyMap<string, Bytes>;
  readonly #waits: Waiting;
  readonly #writes: Write[] = [];
  /** Paths that the outbox need not bring to the pod any more, and those that it has to. */
  readonly #dropped: string[] = [];
  readonly #pushed: string[] = [];
  readonly #deletedThere: Extract<Step, { del: string }>[] = [];
  /** Of which version a deletion is. */
  readonly #erased = new Map<string, Version>();
  /** What would take the place of something, and holds nothing. */
  readonly #emptied: (Deleted & { readonly put: Put })[] = [];
  readonly #other: Other | undefined;
  #counter: number;
  #list: string | undefined;

  constructor(tree: Tree, fetched: ReadonlyMap<string, Bytes>, counter: number, other: Other | undefined) {
    this.#tree = tree;
    this.#fetched = fetched;
    this.#other = other;
    this.#waits = waitingFor(tree, other);
    this.#counter = Math.max(counter, tree.counter);
  }

  /** finish returns the batch. */
  async finish(): Promise<readonly Write[]> {
    const { store, env } = this.#tree;
    const traces = await traced(store, this.#writes, (path) => this.#erased.get(path) ?? nowhere, env.now());
    const queued = this.#tree.tracked ? toPush(this.#tree, this.#pushed, this.#deletedThere, nextNumber(store)) : [];
    const counter = this.#counter > this.#tree.counter ? [{ set: "counter", value: this.#counter }] : [];
    return [...this.#writes, ...traces, ...without(store, this.#dropped), ...queued, ...counter];
  }

  /** deletions carries out what the pod's tombstones say once all of them are here, and takes what empties something, or holds it for the owner's word. What the page brought is decided before. */
  async deletions({ gone: tombstones, more = false }: Told): Promise<void> {
    const source = this.#other?.kid ?? "";
    const undecided = undecidedOf(source);
    const before = (this.#tree.store.get(undecided) as readonly Tombstone[] | undefined) ?? [];
    const found = deletedHere(this.#tree, [...before, ...tombstones], this.#other === undefined ? (path) => this.#waits.puts.has(path) : () => true);
    const revived = found.flatMap(({ row }) => (isLasting(row.path) ? [this.#revive(row)] : []));
    const all = found.filter(({ row }) => !isLasting(row.path));
    const first: Write[] = [...revived];
    if (!more && before.length > 0) first.push({ unset: undecided });
    if (more && all.length > 0) first.push({ set: undecided, value: [...new Set(all.map(({ tombstone }) => tombstone))] });
    const deleted = more ? [] : all;
    const came = this.#writes.flatMap((write) => ("put" in write && write.bytes !== null ? [write.put] : []));
    const removed = [...deleted, ...this.#emptied];
    const remembered = judged(this.#tree, source, removed, came);
    if (remembered === undefined) first.push(hold(this.#tree, removed.map(({ row }) => row)));
    else {
      first.push(...remembered, ...(await this.#erase(deleted)));
      for (const { put } of this.#emptied) this.#place(put);
    }
    // What was deleted may have come again.
    this.#writes.unshift(...first);
  }

  /** erase returns the writes that carry deletions out. */
  async #erase(deleted: readonly Deleted[]): Promise<readonly Write[]> {
    const writes: Write[] = [];
    for (const { row, tombstone } of deleted) {
      if (this.#waits.puts.has(row.path)) await this.#draft(row.path, await this.#tree.text(row.path), undefined);
      writes.push({ erase: row.path }, gone(row, tombstone.version, this.#tree.env.now()));
      this.#erased.set(row.path, tombstone.version);
      this.#dropped.push(row.path);
      this.changed.push(row.path);
    }
    return writes;
  }

  /** revive returns the write that brings what was deleted elsewhere, and must not be, back under a new handle. */
  #revive(row: Row): Write {
    const { device, env } = this.#tree;
    this.#push(row.path);
    return { put: { ...row, id: newHandle(env), version: { counter: ++this.#counter, device } }, bytes: null };
  }

  /** row merges one row. */
  async row(remote: RemoteRow): Promise<void> {
    const { path } = remote;
    const goneAt = goneHere(this.#tree, remote, this.#other);
    const waits = doomed(this.#waits.dels, remote);
    if (waits || goneAt !== undefined) await this.#overtaken(remote);
    if (waits) return;
    if (goneAt !== undefined) return this.#deleteThere(path, goneAt);
    const local = this.#tree.store.row(path);
    if (local?.etag === remote.etag) return this.#join(local, remote);
    if (local !== undefined && placeOf(path).kind === "replies") return this.#gather(local, remote);
    const verdict = await this.#decide(local, remote);
    if (verdict.do === "take") await this.#take(remote, verdict.lost);
    if (verdict.do === "keep" && local !== undefined) await this.#keep(local, remote, verdict.lost);
  }

  /** join gives bytes that both have one handle, the pod's, and one version, the higher. A pod that knows an older one, as after its index was lost, hears of ours; pictures are never written twice, so theirs decides nothing. */
  #join(local: Row, remote: RemoteRow): void {
    const ahead = newer(local.version, remote.version);
    if (ahead && local.here && !isLarge(local)) return this.#push(local.path);
    this.#dropped.push(local.path);
    const version = ahead ? local.version : remote.version;
    // Two devices that took each other's handle would go on for ever.
    const id = this.#other !== undefined && (ahead || (!newer(version, local.version) && local.id < remote.id)) ? local.id : remote.id;
    if (id !== local.id || newer(version, local.version)) this.#writes.push({ put: { ...local, id, version }, bytes: null });
  }

  /** gather joins what was said to a post: nothing that one of the two heard is lost. */
  async #gather(local: Row, remote: RemoteRow): Promise<void> {
    const { path, id } = remote;
    const { device, env } = this.#tree;
    const [ours, theirs] = [await this.#tree.text(path), this.#textOf(path)];
    if (ours === undefined || theirs === undefined) return this.#take(remote, false);
    const all = gathered(ours, theirs);
    if (all === theirs) return this.#take(remote, false);
    if (all === ours) return this.#keep(local, remote, false);
    const bytes = utf8(all);
    const version = { counter: ++this.#counter, device };
    this.#writes.push({ put: await newRow({ path, id, version, type: local.type, modified: env.now() }, bytes), bytes });
    this.#push(path);
    this.changed.push(path);
  }

  async #decide(local: Row | undefined, remote: RemoteRow): Promise<Verdict> {
    const { path } = remote;
    const { store, device: self } = this.#tree;
    const theirs = this.#textOf(path);
    if (path === devices || path === keys) return this.#decideList(path, theirs);
    const kit = isKit(path) ? await this.#decideKit(remote, theirs) : undefined;
    if (kit !== undefined) return kit;
    const ours = local === undefined || theirs === undefined ? undefined : await this.#tree.text(path);
    const size = (id: AudienceId): number | undefined => audienceSize(store, id);
    const width = ours === undefined || theirs === undefined ? 0 : narrower(path, ours, theirs, size);
    return merge({ local, remote, pending: this.#waits.puts.get(path), self, narrower: width });
  }

  /** decideKit decides between documents that open backups, as far as they tell; of the kits of its own backups the pod knows best. */
  async #decideKit(remote: RemoteRow, text: string | undefined): Promise<Verdict | undefined> {
    const { path } = remote;
    const { label } = this.#tree.store.get("me") as { readonly label: string };
    const [ours = 0, theirs = 0] = await Promise.all([await this.#tree.text(path), text].map((each = "") => rank(path, label, each)));
    if (theirs > 0 && theirs === ours && (path !== kitsPath || this.#other !== undefined)) return undefined;
    // Bytes that did not come are not taken either: they come again.
    const take = text === undefined ? !isLarge(remote) : theirs > 0 && theirs >= ours;
    return { do: take ? "take" : "keep", lost: false };
  }

  /** decideList takes a signed list when it follows the one that is here, whatever its version says. */
  async #decideList(path: string, theirs: string | undefined): Promise<Verdict> {
    const pinned = this.#list ?? (await this.#tree.text(devices));
    const take = theirs !== undefined && (await acceptable(this.#tree, path, theirs, pinned, this.#other !== undefined));
    if (take && path === devices) this.#list = theirs;
    return take ? { do: "take", lost: false } : { do: "nothing" };
  }

  async #take(remote: RemoteRow, lost: boolean): Promise<void> {
    const { path, id, version, type, modified, etag } = remote;
    const bytes = this.#fetched.get(path) ?? null;
    // What went away or changed since the page was made comes again in a later page.
    if (bytes === null && !isLarge(remote)) return;
    const row = await newRow({ path, id, version, type, modified }, bytes ?? utf8(""));
    if (bytes !== null && row.etag !== etag) return;
    if (lost) await this.#draft(path, await this.#tree.text(path), this.#textOf(path));
    const put: Put = { put: { ...row, etag, ...(bytes === null && { size: remote.size }) }, bytes };
    const local = this.#tree.store.row(path);
    if (local !== undefined && empties(local, bytes)) this.#emptied.push({ row: local, tombstone: { id: local.id, version }, put });
    else this.#place(put);
  }

  /** place takes what the pod has. */
  #place(put: Put): void {
    const { path } = put.put;
    this.#writes.push(put);
    this.#dropped.push(path);
    this.changed.push(path);
  }

  /** keep brings the device's bytes to the pod, under a version above the pod's where it is not. */
  async #keep(local: Row, remote: RemoteRow, lost: boolean): Promise<void> {
    const { path } = local;
    if (lost) await this.#draft(path, this.#textOf(path), await this.#tree.text(path));
    if (!newer(local.version, remote.version)) {
      this.#writes.push({ put: { ...local, version: { counter: ++this.#counter, device: this.#tree.device } }, bytes: null });
    }
    if (this.#other !== undefined) this.#writes.push(baseAt(path, remote.version));
    this.#push(path);
  }

  /** push lets the outbox bring a path to the pod, unless it will anyway. */
  #push(path: string): void {
    if (!this.#waits.puts.has(path)) this.#pushed.push(path);
  }

  /** draft keeps the text of an edit that came second, when it says something else. */
  async #draft(path: string, lost: string | undefined, won: string | undefined): Promise<void> {
    const place = placeOf(path);
    const [text, other] = [lost, won].map((each) => (each === undefined ? undefined : readNote(each)?.text));
    if (place.kind !== "post" || text === undefined || text === other) return;
    this.#writes.push(...lostDraft(this.#tree, `me/${place.folder}` as PostRef, text));
    this.changed.push(draftRows);
  }

  /** overtaken keeps the text of an edit that was made elsewhere while this device deleted the post. */
  async #overtaken({ path, id, version }: RemoteRow): Promise<void> {
    const noted = this.#tree.overtaken(id, version);
    const text = this.#textOf(path);
    if (noted === undefined || text === undefined) return;
    await this.#draft(path, text, undefined);
    this.#writes.push(noted);
  }

  /** deleteThere tells the pod once more what this device deleted. */
  #deleteThere(path: string, counter: number): void {
    this.#deletedThere.push({ del: path, version: { counter, device: this.#tree.device } });
  }

  #textOf(path: string): string | undefined {
    const bytes = this.#fetched.get(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  }
}
