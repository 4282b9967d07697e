/**
 * Reading friends: the door, the feed behind a cursor, and then, selectively, the newest texts and
 * thumbnails. What the owner of a post took back is dropped here at once (protocol §3.2, §3.3).
 *
 *     peer/<cid>/cursor   the friend's feed has been read up to here
 *     peer/<cid>/seen     Seen (copies.ts)
 */

import { KithError } from "../errors.ts";
import { given } from "../given.ts";
import { objectIn, string } from "../json.ts";
import type { ContactId } from "../kith.ts";
import type { Client } from "../ldp/client.ts";
import { Failure, retryAfterOf, statusOf } from "../ldp/errors.ts";
import { changeFriend, tidyName } from "../pod/friends.ts";
import { cardPath, type Folder, postPath } from "../pod/paths.ts";
import { card, type Contact, contact, contactsOf, reachable } from "../pod/people.ts";
import { type Image, noteOf } from "../pod/post.ts";
import { repliesName } from "../pod/replies.ts";
import type { Write } from "../store/store.ts";
import { readDeviceList } from "../webid/devices.ts";
import type { Cache } from "./cache.ts";
import { copiesOf, type Copy, copyOf, inboxIn, type Seen, seenOf } from "./copies.ts";
import { firstPage, type Item, readFeed, since } from "./feedwire.ts";
import { lapsedOf } from "./leases.ts";
import { pool } from "./pool.ts";
import { friendClient } from "./clients.ts";
import type { Session } from "./session.ts";
import { backOff } from "./wake.ts";
import type { Talking } from "./talk.ts";
import { updated, updateOf } from "./ways.ts";

/** So many friends are asked at once. */
const width = 6;
/** So many of the newest posts are fetched without being asked for; so many of one friend's, and of all friends' together, as soon as that friend has answered. */
const eager = 40;
const prompt = 6;
/** A door is read again after this many milliseconds. */
const doorLife = 6 * 3600_000;
/** That a friend answered is noted no more often than this, in milliseconds. */
const seenEvery = 300_000;
/** What could not be fetched for a view is not tried again sooner than this, in milliseconds. */
const patience = 30_000;
/** Who asks so soon after others began is given what those hear, in milliseconds. */
const justNow = 3_000;
const maxNote = 256 << 10;
const maxPicture = 32 << 20;

/** Turn is one reading of a friend, and the one that begins when it has ended. */
interface Turn {
  readonly end: Promise<unknown>;
  next?: Promise<boolean>;
}

/** Reader asks friends for what is new. */
export class Reader {
  readonly #session: Session;
  readonly #cache: Cache;
  readonly #talk: Talking;
  readonly #fetching = new Map<string, Promise<unknown>>();
  readonly #tried = new Map<string, number>();
  /** Friends who could not be reached, how often in a row, until when they are left alone, and whether their pod asked for it. */
  readonly #tired = new Map<ContactId, { readonly failures: number; readonly until: number; readonly asked: boolean }>();
  readonly #turns = new Map<ContactId, Turn>();
  #running: { readonly end: Promise<void>; readonly began: number; readonly all: boolean } | undefined;
  #next: Promise<void> | undefined;

  constructor(session: Session, cache: Cache, talk: Talking) {
    this.#session = session;
    this.#cache = cache;
    this.#talk = talk;
  }

  /** asking tells whether friends are being asked now. */
  get asking(): boolean {
    return this.#running !== undefined;
  }

  /** refresh asks one friend, or all, for what is new. It never rejects: what went wrong is kept with the friend. With `patient`, those who could not be reached are left alone for a while. */
  refresh(only?: ContactId, patient = false): Promise<void> {
    const { env, store } = this.#session;
    if (only !== undefined) return this.#refreshAll([contact(store, only)]).catch(ignore);
    const running = this.#running;
    if (running !== undefined && (patient || (running.all && Math.abs(env.now() - running.began) < justNow))) return running.end;
    if (running !== undefined) return (this.#next ??= this.#after(running.end));
    const friends = contactsOf(store);
    const due = friends.filter(({ cid }) => !patient || (this.#tired.get(cid)?.until ?? 0) <= env.now());
    const end = this.#refreshAll(due).catch(ignore).finally(() => {
      this.#running = undefined;
      this.#session.emit("feed");
    });
    this.#running = { end, began: env.now(), all: due.length === friends.length };
    return end;
  }

  /** after asks everybody once more when those under way have answered: some may have done so a while ago. */
  async #after(end: Promise<void>): Promise<void> {
    await end;
    this.#next = undefined;
    await this.refresh();
  }

  /** hurry forgets who could not be reached, since the network may be another one. Whoever asked for patience has it. */
  hurry(): void {
    for (const [cid, { asked }] of this.#tired) if (!asked) this.#tired.delete(cid);
  }

  async #refreshAll(friends: readonly Contact[]): Promise<void> {
    let left = eager;
    await pool(width, friends.filter(reachable), async ({ cid }) => {
      // Whoever is awake now may sleep by the time all others have answered, or have not.
      if (await this.#inTurn(cid)) left -= await this.#fetchNewest([cid], Math.min(prompt, left));
    });
    await this.#fetchNewest(friends.map(({ cid }) => cid), eager);
    await this.#session.overtaken();
  }

  /** inTurn asks a friend; who comes while that is under way shares the turn after it, so that no question is asked that an answer overtakes. */
  #inTurn(cid: ContactId): Promise<boolean> {
    const turn = this.#turns.get(cid);
    if (turn === undefined) return this.#begin(cid);
    return (turn.next ??= turn.end.then(() => this.#begin(cid)));
  }

  #begin(cid: ContactId): Promise<boolean> {
    const mine = this.#refreshOne(cid);
    const turn: Turn = { end: mine.catch(() => false).finally(() => turn.next === undefined && this.#turns.delete(cid)) };
    this.#turns.set(cid, turn);
    return mine;
  }

  /** refreshOne resolves with whether the friend was read. */
  async #refreshOne(cid: ContactId): Promise<boolean> {
    const client = friendClient(this.#session, cid);
    if (client === undefined) return false;
    const before = seenOf(this.#session.store, cid);
    try {
      const door = await this.#readDoor(cid, client, before).catch((error: unknown) => this.#askAhead(cid, client, error));
      await this.#readNews(cid, client);
      this.#tired.delete(cid);
      await this.#saw(cid, { ...door, at: this.#session.env.now() });
      return true;
    } catch (error) {
      await this.#failed(cid, client, before, error);
      return false;
    }
  }

  /** askAhead asks for the news too when the door has to wait: whoever wakes up then answers both. */
  async #askAhead(cid: ContactId, client: Client, error: unknown): Promise<never> {
    if (error instanceof KithError && error.code === "waiting") await this.#readNews(cid, client);
    throw error;
  }

  /** failed keeps why a friend could not be read. Copies go when their pod does not know this person any more; when it is behind they stay. */
  async #failed(cid: ContactId, client: Client, before: Seen, error: unknown): Promise<void> {
    const { env } = this.#session;
    const failures = (this.#tired.get(cid)?.failures ?? 0) + 1;
    const wish = retryAfterOf(error);
    this.#tired.set(cid, { failures, until: env.now() + Math.max(backOff(env, failures), wish ?? 0), asked: wish !== undefined });
    const code = error instanceof KithError ? error.code : "friend-unreachable";
    const { error: _old, ...rest } = before;
    if (code !== "behind") await this.#saw(cid, { ...rest, error: code });
    if (client.refusedForGood(error)) {
      await this.#cache.forgetAll(cid);
      this.#session.emit("feed");
    }
  }

  async #saw(cid: ContactId, seen: Seen): Promise<void> {
    const old = seenOf(this.#session.store, cid);
    const same = old.error === seen.error && old.door === seen.door && old.doorAt === seen.doorAt && old.name === seen.name && old.inbox === seen.inbox;
    if (same && (seen.at ?? 0) - (old.at ?? 0) < seenEvery) return;
    await this.#keep(cid, [{ set: `peer/${cid}/seen`, value: seen }]);
    this.#session.emit("friends");
  }

  /** readDoor reads a friend's door when it was long ago or of another pod, and takes over what it says of keys and ways. */
  async #readDoor(cid: ContactId, client: Client, before: Seen): Promise<Omit<Seen, "error">> {
    const { env, tree, store } = this.#session;
    const { pod } = client.way;
    if (before.door === pod && before.doorAt !== undefined && env.now() - before.doorAt < doorLife) return given({ door: pod, doorAt: before.doorAt, name: before.name, inbox: before.inbox });
    const { bytes } = await client.ask({ method: "GET", path: "social/door", max: maxNote });
    const door = objectIn(bytes);
    const known = await card(tree, cid);
    const label = string(door?.label, 52);
    if (door === undefined || label === undefined) throw new KithError("friend-unreachable", "read door: not of the form expected");
    if (label !== known.label) throw new KithError("friend-refused", "read door: it is somebody else's");
    const next = await updated(known, updateOf(door), env.now());
    const anew = (await readDeviceList(next.devices)).gen > (await readDeviceList(known.devices)).gen;
    const { devices, keys, ways } = next;
    const name = calledOf(door.name) ?? before.name;
    // A name that the owner chose is not the one that was heard before, and stays.
    const called = (now: string): string => (name !== undefined && now === before.name ? name : now);
    await changeFriend(tree, cid, (now) => ({ ...now, devices, keys, ways, name: called(now.name) }));
    if (anew && known.verified) await store.apply([{ set: `changed/${cid}`, value: true }]);
    return given({ door: pod, doorAt: env.now(), name, inbox: inboxIn(door) });
  }

  async #readNews(cid: ContactId, client: Client): Promise<void> {
    const { store } = this.#session;
    for (;;) {
      const cursor = store.get(`peer/${cid}/cursor`) as string | undefined;
      if (cursor === undefined) return this.#readAll(cid, client);
      const page = await readFeed(client, since(cursor));
      if (page === undefined) {
        await this.#keep(cid, [{ unset: `peer/${cid}/cursor` }]);
        return this.#readAll(cid, client);
      }
      await this.#keepPage(cid, page.items, page.cursor === undefined ? [] : [{ set: `peer/${cid}/cursor`, value: page.cursor }]);
      if (page.items.length === 0 || page.cursor === undefined || page.cursor === cursor) return;
    }
  }

  /** readAll reads the whole list, newest first; what is not in it is forgotten. */
  async #readAll(cid: ContactId, client: Client): Promise<void> {
    const listed = new Set<Folder>();
    let cursor: string | undefined;
    for (let path: string | undefined = firstPage; path !== undefined; ) {
      const page = await readFeed(client, path);
      if (page === undefined) throw new KithError("behind", "read feed: the list changed under the reader");
      cursor ??= page.cursor;
      for (const item of page.items) if (item.kind === "seen") listed.add(item.folder);
      await this.#keepPage(cid, page.items, []);
      path = page.next;
    }
    const lost = copiesOf(this.#session.store, cid).filter(({ folder }) => !listed.has(folder));
    const forget: Write[] = [];
    for (const { folder, item } of lost) forget.push(...(await this.#forget(cid, item, folder)));
    await this.#keep(cid, [...forget, ...(cursor === undefined ? [] : [{ set: `peer/${cid}/cursor`, value: cursor }])]);
    await this.#talk.forgot(cid, lost.map(({ item }) => item));
  }

  async #keepPage(cid: ContactId, items: readonly Item[], also: readonly Write[]): Promise<void> {
    const copies = new Map(copiesOf(this.#session.store, cid).map((copy) => [copy.item, copy.folder]));
    const writes: Write[] = [];
    const gone = items.flatMap(({ id, kind }) => (kind === "gone" ? [id] : []));
    for (const item of items) {
      if (item.kind === "gone") writes.push(...(await this.#forget(cid, item.id, copies.get(item.id))));
      if (item.kind === "seen") writes.push(...(await this.#cache.list(cid, item)));
    }
    await this.#keep(cid, [...writes, ...also]);
    await this.#talk.forgot(cid, gone);
    if (writes.length > 0) this.#session.emit("feed");
  }

  /** forget returns the writes that erase a post which its owner took back, also when nothing of it is here, and what goes with that. */
  async #forget(cid: ContactId, item: string, folder: Folder | undefined): Promise<readonly Write[]> {
    const erased = folder === undefined ? [] : this.#cache.forget(cid, folder);
    return [...erased, ...(await this.#talk.heardGone(cid, item, folder))];
  }

  /** keep applies writes about a friend, unless the friend was removed meanwhile. */
  #keep(cid: ContactId, writes: readonly Write[]): Promise<void> {
    const { store, tree } = this.#session;
    return tree.exclusive(async () => {
      if (store.row(cardPath(cid)) !== undefined) await this.#cache.apply(writes);
    });
  }

  /** fetchNewest fetches the texts and thumbnails of so many of the newest posts that are not here; it returns how many posts lacked something. */
  async #fetchNewest(friends: readonly ContactId[], most: number): Promise<number> {
    const newest = friends.flatMap((cid) => copiesOf(this.#session.store, cid).slice(0, eager)).sort((a, b) => b.published - a.published);
    const wanted = newest.filter(({ purged }) => !purged).slice(0, most);
    const stale = newest.filter((copy) => copy.stale && !wanted.includes(copy));
    let lacking = 0;
    await pool(width, [...wanted, ...stale], async (copy) => {
      if (await this.fetchPost(copy).catch(ignore)) lacking++;
    });
    return lacking;
  }

  /** fetchPosts fetches those texts in the background, for views that have just shown a gap. */
  fetchPosts(copies: readonly Copy[]): void {
    const now = this.#session.env.now();
    if (!this.#session.env.presence.online()) return;
    const due = copies.filter(({ cid, folder }) => (this.#tried.get(`${cid}/${folder}`) ?? 0) < now - patience);
    for (const { cid, folder } of due) this.#tried.set(`${cid}/${folder}`, now);
    void pool(width, due, (copy) => this.fetchPost(copy).catch(ignore));
  }

  /** fetchPost fetches a text that is missing or stale, and the thumbnails it names; it resolves with whether there was something to fetch. */
  fetchPost(copy: Copy): Promise<boolean> {
    return this.#once(`${copy.cid}/${copy.folder}`, async () => {
      const { env, store } = this.#session;
      const base = postPath(copy.folder, copy.cid);
      let lacked = !copy.here || copy.stale || lapsedOf(store, copy, env.now()) !== undefined;
      if (lacked) await this.#fetchText(copy);
      if (store.row(base + repliesName)?.here === false) await this.#fetchReplies(copy);
      const bytes = await store.bytes(`${base}post.jsonld`);
      const note = bytes === undefined ? undefined : noteOf(objectIn(bytes));
      for (const { thumb } of note?.attachments ?? []) {
        if (thumb === undefined || store.row(base + thumb.url)?.here === true) continue;
        lacked = true;
        await this.#fetchImage(copy.cid, copy.folder, thumb);
      }
      return lacked;
    });
  }

  async #fetchText({ cid, folder, published, state, item }: Copy): Promise<void> {
    const bytes = await this.#fetch(cid, folder, "post.jsonld", maxNote);
    if (noteOf(objectIn(bytes)) === undefined) throw new KithError("friend-unreachable", "read post: not of the form expected");
    await this.#keep(cid, await this.#cache.text(cid, folder, bytes, { published, state, item }));
    this.#session.emit("feed");
  }

  async #fetchReplies({ cid, folder }: Copy): Promise<void> {
    await this.#cache.said(cid, folder, await this.#fetch(cid, folder, repliesName, maxNote));
    this.#session.emit("feed");
  }

  /** picture fetches one size of a friend's picture from its owner. */
  picture(cid: ContactId, folder: Folder, image: Image): Promise<Uint8Array<ArrayBuffer>> {
    return this.#once(postPath(folder, cid) + image.url, () => this.#fetchImage(cid, folder, image));
  }

  async #fetchImage(cid: ContactId, folder: Folder, image: Image): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#fetch(cid, folder, image.url, maxPicture);
    // The post may have been taken back, or the friend removed, while the bytes were on their way.
    if (this.#session.store.row(`${postPath(folder, cid)}post.jsonld`) !== undefined) await this.#cache.keepPicture(postPath(folder, cid) + image.url, image, bytes);
    this.#session.emit("feed");
    return bytes;
  }

  /** fetch asks a friend's pod for one file of a post. 403, 404 and 410 mean that the copy has to go. */
  async #fetch(cid: ContactId, folder: Folder, name: string, max: number): Promise<Uint8Array<ArrayBuffer>> {
    const client = friendClient(this.#session, cid);
    if (client === undefined) throw new KithError("friend-unreachable", "fetch: the friend has no pod");
    try {
      const { bytes } = await client.ask({ method: "GET", path: `social/posts/${encodeURIComponent(folder)}/${encodeURIComponent(name)}`, max, timeout: 120_000 });
      const { error: _over, ...seen } = seenOf(this.#session.store, cid);
      await this.#saw(cid, { ...seen, at: this.#session.env.now() });
      return bytes;
    } catch (error) {
      const status = statusOf(error) ?? 0;
      if (![403, 404, 410].includes(status)) throw error;
      await this.#takenBack(cid, folder, name);
      throw new Failure("not-there-any-more", "fetch from friend", status, { cause: error });
    }
  }

  async #takenBack(cid: ContactId, folder: Folder, name: string): Promise<void> {
    const path = `${postPath(folder, cid)}${name}`;
    await this.#cache.apply(name === "post.jsonld" ? this.#cache.forget(cid, folder) : [{ erase: path }]);
    this.#session.emit("feed");
  }

  /** askAgain fetches a post that was purged; rejects when its owner does not give it any more. */
  async askAgain(cid: ContactId, folder: Folder): Promise<void> {
    await this.#cache.apply(this.#cache.askable(cid, folder));
    const row = this.#session.store.row(`${postPath(folder, cid)}post.jsonld`);
    const copy = row === undefined ? undefined : copyOf(row);
    if (copy === undefined) throw new KithError("not-there-any-more", "ask again: nothing is known of it");
    await this.fetchPost(copy);
  }

  /** once joins those who ask for the same thing at the same time. */
  #once<T>(name: string, run: () => Promise<T>): Promise<T> {
    const under = this.#fetching.get(name) as Promise<T> | undefined;
    if (under !== undefined) return under;
    const started = run().finally(() => this.#fetching.delete(name));
    this.#fetching.set(name, started);
    return started;
  }
}

/** calledOf returns what somebody calls themself, as names are kept here; undefined when it is none. */
function calledOf(name: unknown): string | undefined {
  try {
    return tidyName(string(name, 200) ?? "");
  } catch (error) {
    if (error instanceof KithError) return undefined;
    throw error;
  }
}

/** What one post's fetch met does not stop the others; the next refresh tries again. */
function ignore(error: unknown): void {
  if (!(error instanceof KithError)) throw error;
}
