/**
 * Copies of friends' posts on this device: rows below `peers/<cid>/`, with the paths that they have at
 * their pods (protocol §3.3). A row without bytes is a post that is known and was not fetched, or purged.
 */

import { utf8 } from "../bytes.ts";
import { KithError } from "../errors.ts";
import type { ContactId } from "../kith.ts";
import { type Attachment, type Note, noteOf, usualLease } from "../pod/post.ts";
import { given } from "../given.ts";
import { type Folder, peers, postPath } from "../pod/paths.ts";
import { repliesFacts, repliesName } from "../pod/replies.ts";
import { etagOf, jsonLD, newHandle } from "../pod/tree.ts";
import type { Env } from "../env.ts";
import type { NewRow, Store, Write } from "../store/store.ts";
import type { Bytes } from "../bytes.ts";
import { type Copy, copiesOf, copyOf, factsOfCopy as facts, handleOf, keptOf } from "./copies.ts";
import type { Item } from "./feedwire.ts";
import { dropping, lapsing } from "./leases.ts";

/** More cached bytes than this and the least used pictures go. */
const limit = 256 << 20;

/** Cache writes copies. */
export class Cache {
  readonly #env: Env;
  readonly #store: Store;

  constructor(env: Env, store: Store) {
    this.#env = env;
    this.#store = store;
  }

  /** list records what a feed said of a post; a text that came with it is kept, one that is here already stays until the newer comes. */
  async list(cid: ContactId, item: Extract<Item, { kind: "seen" }>): Promise<readonly Write[]> {
    const path = `${postPath(item.folder, cid)}post.jsonld`;
    const old = this.#store.row(path);
    const known = old === undefined ? undefined : copyOf(old);
    if (known?.state === item.state && known.item === item.id && (known.here || known.purged || item.post === undefined)) return [];
    const replies = known?.purged === true ? [] : await this.#replies(cid, item);
    const purged = known?.purged === true;
    // A date that is still to come would stay at the top for good.
    const published = Math.min(item.published, this.#env.now());
    const note = { published, state: item.state, item: item.id, stale: old?.here === true, purged, lease: known?.lease ?? usualLease, lapsed: known?.lapsed };
    if (!purged && item.post !== undefined && noteOf(item.post) !== undefined) return [...(await this.text(cid, item.folder, utf8(JSON.stringify(item.post)), note)), ...replies];
    const row: NewRow = { path, id: old?.id ?? newHandle(this.#env), version: nowhere, type: jsonLD, etag: old?.etag ?? "", modified: this.#env.now(), note: facts(note) };
    return [{ put: row, bytes: null }, ...replies];
  }

  /** replies keeps what was said to a post as far as it came along, or that there is something to fetch. */
  async #replies(cid: ContactId, { folder, replies }: Extract<Item, { kind: "seen" }>): Promise<readonly Write[]> {
    const path = postPath(folder, cid) + repliesName;
    const old = this.#store.row(path);
    if (replies === undefined) return old === undefined ? [] : [{ erase: path }];
    if (typeof replies === "object") return [await this.#said(path, utf8(JSON.stringify(replies)))];
    if (old?.etag === replies) return [];
    const row = { path, id: old?.id ?? newHandle(this.#env), version: nowhere, type: jsonLD, etag: replies, modified: this.#env.now() };
    return [{ put: given({ ...row, note: old?.note }), bytes: null }];
  }

  /** said keeps what was said to a friend's post, as it was fetched. */
  async said(cid: ContactId, folder: Folder, bytes: Bytes): Promise<void> {
    const path = postPath(folder, cid) + repliesName;
    if (this.#store.row(path) !== undefined) await this.apply([await this.#said(path, bytes)]);
  }

  async #said(path: string, bytes: Bytes): Promise<Write> {
    return { put: await this.#row(path, jsonLD, bytes, repliesFacts(new TextDecoder().decode(bytes))), bytes };
  }

  /** text keeps the text of a post; pictures that it does not name any more go. */
  async text(cid: ContactId, folder: Folder, bytes: Bytes, known: Pick<Copy, "published" | "state" | "item">): Promise<readonly Write[]> {
    const base = postPath(folder, cid);
    const note = noteOf(JSON.parse(new TextDecoder().decode(bytes))) as Note;
    const named = new Set([repliesName, ...note.attachments.flatMap((each) => [each.url, each.thumb?.url ?? ""])].map((url) => base + url));
    const left = [...this.#store.rows(base)].filter(({ path }) => path !== `${base}post.jsonld` && !named.has(path));
    const published = Math.min(note.published, this.#env.now());
    const put = await this.#row(`${base}post.jsonld`, jsonLD, bytes, facts({ ...known, published, stale: false, purged: false, lease: note.lease ?? usualLease, lapsed: undefined }));
    return [...left.map(({ path }) => ({ erase: path })), { put, bytes }];
  }

  /** keepPicture keeps one size of a picture, and makes room where the browser has none left. */
  async keepPicture(path: string, { mediaType }: Pick<Attachment, "mediaType">, bytes: Bytes): Promise<void> {
    await this.apply([{ put: await this.#row(path, mediaType, bytes), bytes }]);
    await this.#evict(limit);
  }

  /** apply applies writes; when the storage is full, half of the copies go first. */
  async apply(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0) return;
    try {
      await this.#store.apply(writes);
    } catch (error) {
      if (!(error instanceof KithError) || error.code !== "storage-full") throw error;
      await this.#evict(this.#store.usage().cached / 2);
      await this.#store.apply(writes);
    }
  }

  /** forget returns the writes that erase a post with everything of it. */
  forget(cid: ContactId, folder: Folder): readonly Write[] {
    return [...this.#store.rows(postPath(folder, cid))].map(({ path }) => ({ erase: path }));
  }

  /** forgetAll erases all that is known of a friend's posts. */
  async forgetAll(cid: ContactId): Promise<void> {
    const forgotten = copiesOf(this.#store, cid).flatMap(({ folder }) => this.forget(cid, folder));
    await this.apply([...forgotten, { unset: `peer/${cid}/cursor` }]);
  }

  /** purge drops the bytes of posts and keeps that they exist. */
  async purge(cid: ContactId, folders: readonly Folder[]): Promise<void> {
    await this.apply(folders.flatMap((folder) => dropping(this.#store, { cid, folder })));
  }

  /** lapse drops the bytes of copies whose leases ran out, and tells whether there were any. */
  async lapse(): Promise<boolean> {
    const writes = lapsing(this.#store, this.#env.now());
    await this.apply(writes);
    return writes.length > 0;
  }

  /** askable returns the writes that let a purged post be fetched again. */
  askable(cid: ContactId, folder: Folder): readonly Write[] {
    const row = this.#store.row(`${postPath(folder, cid)}post.jsonld`);
    const copy = row === undefined ? undefined : copyOf(row);
    return row === undefined || copy === undefined ? [] : [{ put: { ...row, note: facts({ ...copy, purged: false }) }, bytes: null }];
  }

  /** evict drops the least used copies until no more than `most` bytes are left: full pictures, then thumbnails, then texts. */
  async #evict(most: number): Promise<void> {
    let over = this.#store.usage().cached - most;
    if (over <= 0) return;
    const rows = [...this.#store.rows(peers)].filter(({ here }) => here);
    rows.sort((a, b) => rank(a.path) - rank(b.path) || a.used - b.used);
    const dropped: Write[] = [];
    for (const { path, size } of rows) {
      if (over <= 0) break;
      if (this.#keeps(path)) continue;
      dropped.push({ purge: path });
      over -= size;
    }
    await this.#store.apply(dropped);
  }

  /** keeps tells whether a path belongs to a post that its owner lets this person keep. */
  #keeps(path: string): boolean {
    const [cid, folder] = /^peers\/([^/]+)\/social\/posts\/([^/]+)\//.exec(path)?.slice(1) ?? [];
    const row = this.#store.row(`${postPath(folder as Folder, cid as ContactId)}post.jsonld`);
    const copy = row === undefined ? undefined : copyOf(row);
    return copy !== undefined && keptOf(this.#store, copy.cid).has(handleOf(copy.item));
  }

  async #row(path: string, type: string, bytes: Bytes, note?: NonNullable<NewRow["note"]>): Promise<NewRow> {
    const id = this.#store.row(path)?.id ?? newHandle(this.#env);
    const row = { path, id, version: nowhere, type, etag: await etagOf(type, bytes), modified: this.#env.now() };
    return note === undefined ? row : { ...row, note };
  }
}

/** Copies are not replicated, so their version says nothing. */
const nowhere = { counter: 0, device: "" };

function rank(path: string): number {
  if (path.endsWith("/post.jsonld")) return 2;
  return /-t\.[a-z]+$/.test(path) ? 1 : 0;
}
