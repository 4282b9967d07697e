/**
 * What is said to posts, and agreed about copies: a part of its own, loaded with what asks others.
 *
 *     receipts/off    this device tells nobody what it has deleted
 */

import { KithError } from "../errors.ts";
import { given } from "../given.ts";
import { randomName } from "../ids.ts";
import type { Json } from "../json.ts";
import type { ContactId, Conversation, Copies, Deleted, PostRef, Reply, Talk } from "../kith.ts";
import { named } from "../name.ts";
import { folderOf, type Letter, letterName, letters, withoutLetters } from "../pod/letters.ts";
import { messageText, receiptName, type Sendable } from "../pod/message.ts";
import { type Folder, inboxPath, leasePath, placeOf, postPath } from "../pod/paths.ts";
import { card, contact, contactsOf } from "../pod/people.ts";
import { idsIn, itemOf, maxReplies, removed, replyId, withItems } from "../pod/gather.ts";
import { maxSaid, repliesName, saidIn, type Said } from "../pod/replies.ts";
import { leaseOf } from "../pod/post.ts";
import { digestOf } from "../pod/traces.ts";
import { jsonLD } from "../pod/tree.ts";
import type { Row, Write } from "../store/store.ts";
import type { Cache } from "./cache.ts";
import { type Copy, copyOf, handleOf, keptOf } from "./copies.ts";
import { deletedOf, forgetDeleted } from "./deleted.ts";
import { refOf, whereOf } from "./feed.ts";
import { type Follow, readInbox } from "./inbox.ts";
import { endOf, lapsedOf } from "./leases.ts";
import type { Session } from "./session.ts";

const day = 24 * 3600_000;
/** A receipt goes out within this many milliseconds, so that its time tells little. */
const jitter = 10_000;
/** A reply that its owner has and that was not shown for so long is not waited for any more. */
const patience = 30 * day;

/** Around is what this part needs of those who load it. */
export interface Around {
  readonly follow: Follow;
  /** Fetches what is missing of a friend's post, in the background. */
  readonly fetch: (copy: Copy) => void;
  /** Tells the views, and lets what was written go out. */
  readonly acted: (...topics: readonly ("posts" | "feed" | "friends" | "storage")[]) => void;
}

/** Talking implements `Talk`, and does what friends' messages ask for. */
export class Talking implements Talk {
  readonly #session: Session;
  readonly #cache: Cache;
  readonly #around: Around;
  /** Whose the replies to own posts are, by id; what cannot be told is null. */
  readonly #authors = new Map<string, ContactId | null>();
  /** The receipts that were written since the app was opened: a feed may tell of one deletion more than once. What was here
   * again meanwhile, and is taken back again, gets another. */
  readonly #receipted = new Set<string>();

  constructor(session: Session, cache: Cache, around: Around) {
    this.#session = session;
    this.#cache = cache;
    this.#around = around;
  }

  /** read applies what came into the inbox and drops what is done with; returns the paths that changed. */
  async read(): Promise<readonly string[]> {
    const changed = await readInbox(this.#session, this.#around.follow);
    await this.#tidy();
    return [...changed, ...(await forgetDeleted(this.#session.tree))];
  }

  /** heardGone returns the writes that go with dropping a post which its owner took back: what was to be said to it
   * is dropped, and a receipt goes out. */
  async heardGone(cid: ContactId, item: string, folder: Folder | undefined): Promise<readonly Write[]> {
    const { env, store, me } = this.#session;
    const handle = handleOf(item);
    const ref = folder === undefined ? undefined : refOf({ cid, folder });
    const moot = withoutLetters(letters(store, cid).filter(({ post }) => post !== undefined && post === ref));
    if (!this.#receipts || (folder === undefined && this.#receipted.has(handle))) return moot;
    this.#receipted.add(handle);
    const nonce = await receiptName(handle, me.device);
    const after = env.now() + Math.floor(((env.random(1)[0] ?? 0) / 256) * jitter);
    return [...moot, ...this.#letter(cid, { kind: "receipt", handle, device: me.device }, { nonce, after })];
  }

  /** forgot erases what let this person keep posts that are gone, and lets the receipts go out. */
  async forgot(cid: ContactId, items: readonly string[]): Promise<void> {
    if (items.length === 0) return;
    const { store, tree } = this.#session;
    const gone = new Set(items.map(handleOf));
    const kept = [...store.rows(inboxPath(cid))].filter(({ note }) => note?.type === "kith:Kept" && gone.has(String(note.object)));
    if (kept.length > 0) await tree.act("other", async (batch) => kept.forEach(({ path }) => batch.erase(path)));
    this.#around.acted("feed");
  }

  /** expire drops the bytes of copies whose owners were out of reach for longer than their leases (protocol §4). */
  async expire(): Promise<void> {
    if (await this.#cache.lapse()) this.#around.acted("feed", "storage");
  }

  async of(ref: PostRef): Promise<Conversation> {
    const { cid, folder } = whereOf(ref);
    if (cid === undefined) return { replies: await this.#ownReplies(folder), asks: this.#asks(folder) };
    const copy = this.#copy(cid, folder);
    if (copy !== undefined && this.#repliesRow(ref)?.here === false) this.#around.fetch(copy);
    const until = copy === undefined || !copy.here ? undefined : endOf(this.#session.store, copy);
    return given({ replies: await this.#theirReplies(ref, cid, folder), keep: copy && this.#keep(ref, copy), until, asks: [] });
  }

  #copy(cid: ContactId, folder: Folder): Copy | undefined {
    const row = this.#session.store.row(`${postPath(folder, cid)}post.jsonld`);
    return row === undefined ? undefined : copyOf(row);
  }

  #repliesRow(ref: PostRef): Row | undefined {
    const { cid, folder } = whereOf(ref);
    return this.#session.store.row(postPath(folder, cid) + repliesName);
  }

  async #document(ref: PostRef): Promise<string> {
    const { env, store } = this.#session;
    const { cid, folder } = whereOf(ref);
    const copy = cid === undefined ? undefined : this.#copy(cid, folder);
    if (copy !== undefined && lapsedOf(store, copy, env.now()) !== undefined) return "";
    return (await this.#session.tree.text(postPath(folder, cid) + repliesName)) ?? "";
  }

  async #ownReplies(folder: Folder): Promise<readonly Reply[]> {
    const { store } = this.#session;
    const all = saidIn(await this.#document(refOf({ folder })));
    return Promise.all(all.map(async (said): Promise<Reply> => {
      const author = said.id.includes(".") ? await this.#authorOf(said, folder) : undefined;
      const name = named(author === undefined ? said.name : contact(store, author).name);
      return given({ ...said, author, name, mine: !said.id.includes("."), state: "shown" as const });
    }));
  }

  /** authorOf tells whose reply it is by trying friends, those of that name first. */
  async #authorOf({ id, name }: Said, folder: Folder): Promise<ContactId | undefined> {
    const { store, tree } = this.#session;
    const friends = contactsOf(store);
    const found = this.#authors.get(id);
    if (found !== undefined) return friends.find(({ cid }) => cid === found)?.cid;
    for (const { cid } of [...friends.filter((each) => each.name === name), ...friends.filter((each) => each.name !== name)]) {
      if ((await replyId((await card(tree, cid)).salt, folder, id.split(".")[0] ?? "")) !== id) continue;
      this.#authors.set(id, cid);
      return cid;
    }
    this.#authors.set(id, null);
    return undefined;
  }

  async #theirReplies(ref: PostRef, cid: ContactId, folder: Folder): Promise<readonly Reply[]> {
    const { salt, name } = await card(this.#session.tree, cid);
    const document = await this.#document(ref);
    const all = saidIn(document);
    const mine = new Set<string>();
    for (const { id } of all) if ((await replyId(salt, folder, id.split(".")[0] ?? "")) === id) mine.add(id);
    const under = await this.#underway(ref, salt);
    const undone = new Set(under.filter(({ what }) => what === "undo").map(({ about }) => about));
    const shown = all.map((said): Reply => {
      const own = !said.id.includes(".");
      const rest = { mine: mine.has(said.id), state: undone.has(said.id) ? "leaving" : "shown" } as const;
      return { ...said, ...rest, ...(own ? { author: cid } : {}), name: named(own ? name : said.name) };
    });
    const here = idsIn(document);
    return [...shown, ...under.flatMap((each) => (each.reply === undefined || here.has(each.about) ? [] : [each.reply]))];
  }

  /** underway returns the letters about a friend's post, each with the id of the reply that it makes or takes back. What can be seen by now is dropped. */
  async #underway(ref: PostRef, salt: string): Promise<readonly { readonly what: Letter["what"]; readonly about: string; readonly reply: Reply | undefined }[]> {
    const { cid, folder } = whereOf(ref);
    const all = letters(this.#session.store, cid).filter(({ post }) => post === ref);
    return Promise.all(all.map(async (letter) => {
      const { what, nonce, body } = letter;
      const named = what === "undo" ? String((JSON.parse(body) as Json).object) : nonce;
      const about = await replyId(salt, folder, named);
      return { what, about, reply: this.#replyOf(letter, about) };
    }));
  }

  #replyOf({ what, body, since, there, refused, error }: Letter, id: string): Reply | undefined {
    if (what !== "comment" && what !== "like") return undefined;
    const text = what === "comment" ? String((JSON.parse(body) as Json).content) : "";
    const state = refused === true ? "refused" : there === undefined ? "waiting" : "arrived";
    return given({ id, kind: what, name: this.#session.me.name, mine: true, text, at: since, state, error: error && new KithError(error, "send") } as const);
  }

  /** tidy drops letters whose replies can be seen, or were waited for long enough. */
  async #tidy(): Promise<void> {
    const { env, store, tree } = this.#session;
    const there = letters(store).filter(({ there, what }) => there !== undefined && what !== "keep");
    const done: Letter[] = [];
    for (const letter of there) {
      if (letter.post === undefined || env.now() - (letter.there ?? 0) > patience) done.push(letter);
      else {
        const id = await replyId((await card(tree, letter.cid)).salt, whereOf(letter.post).folder, letter.nonce);
        if (idsIn(await this.#document(letter.post)).has(id)) done.push(letter);
      }
    }
    if (done.length > 0) await store.apply(withoutLetters(done));
  }

  async comment(ref: PostRef, text: string): Promise<void> {
    const { env, me } = this.#session;
    const { cid, folder } = whereOf(ref);
    const tidy = text.trim();
    if (tidy === "") throw new KithError("empty", "comment: there is nothing in it");
    if (tidy.length > maxSaid) throw new KithError("too-long", "comment: it is too long");
    if (cid === undefined) return this.#sayHere(folder, "comment", tidy);
    await this.#write(ref, { kind: "comment", folder, text: tidy, at: env.now(), name: me.name });
  }

  async like(ref: PostRef, on: boolean): Promise<void> {
    const { env, me } = this.#session;
    const { cid, folder } = whereOf(ref);
    const mine = (await this.of(ref)).replies.filter(({ kind, mine, state }) => kind === "like" && mine && state !== "leaving");
    if (!on) for (const { id } of mine) await this.unsay(ref, id);
    if (!on || mine.length > 0) return;
    if (cid === undefined) return this.#sayHere(folder, "like", "");
    await this.#write(ref, { kind: "like", folder, at: env.now(), name: me.name });
  }

  async unsay(ref: PostRef, id: string): Promise<void> {
    const { store } = this.#session;
    const { cid, folder } = whereOf(ref);
    if (cid === undefined) return this.#change(folder, (text) => withItems(text, [removed(id)]));
    const nonce = id.split(".")[0] ?? "";
    const letter = letters(store, cid).find((each) => each.nonce === nonce);
    if (letter !== undefined) await store.apply(withoutLetters([letter]));
    // What was never sent needs no taking back.
    if (letter !== undefined && letter.attempts === 0 && letter.there === undefined) return this.#around.acted("feed");
    await this.#write(ref, { kind: "undo", folder, nonce });
  }

  /** sayHere adds the owner's own reply to an own post. */
  #sayHere(folder: Folder, kind: "comment" | "like", text: string): Promise<void> {
    const { env, me } = this.#session;
    const item = itemOf({ id: randomName(env.random, 20), kind, name: me.name, text, at: env.now() });
    return this.#change(folder, (now) => withItems(now, [item]));
  }

  async #change(folder: Folder, change: (text: string) => string): Promise<void> {
    const { tree } = this.#session;
    const path = postPath(folder) + repliesName;
    await tree.act("reply", async (batch) => {
      if (tree.store.row(`${postPath(folder)}post.jsonld`) === undefined) throw new KithError("no-such", "reply: the post is not there");
      const now = (await tree.text(path)) ?? "";
      const next = change(now);
      if (next.length > Math.max(maxReplies, now.length)) throw new KithError("too-long", "reply: there are too many");
      await batch.putText(path, jsonLD, next);
    });
    this.#around.acted("posts", "feed");
  }

  async #write(ref: PostRef, message: Sendable): Promise<void> {
    const { store } = this.#session;
    const { cid } = whereOf(ref);
    if (cid === undefined) throw new KithError("no-such", "write to friend: the post is the owner's own");
    contact(store, cid);
    await store.apply(this.#letter(cid, message, { post: ref }));
    this.#around.acted("feed");
  }

  #letter(cid: ContactId, message: Sendable, more: Partial<Letter>): readonly Write[] {
    const { env } = this.#session;
    const letter: Letter = { cid, nonce: randomName(env.random, 20), what: message.kind, body: messageText(message), since: env.now(), attempts: 0, ...more };
    return [{ set: letterName(letter), value: letter }];
  }

  deleted(): Promise<readonly Deleted[]> {
    return deletedOf(this.#session.tree);
  }

  get #receipts(): boolean {
    return this.#session.store.get("receipts/off") !== true;
  }

  async copies(): Promise<Copies> {
    return { days: await leaseOf(this.#session.tree), receipts: this.#receipts };
  }

  async setCopies({ days, receipts }: Partial<Copies>): Promise<void> {
    const { store, tree } = this.#session;
    if (receipts !== undefined) await store.apply([receipts ? { unset: "receipts/off" } : { set: "receipts/off", value: true }]);
    if (days !== undefined) await tree.act("other", (batch) => batch.putText(leasePath, "text/plain", String(days)));
    this.#around.acted("storage");
  }

  /** asks returns who asks to keep an own post. */
  #asks(folder: Folder): Conversation["asks"] {
    const { store } = this.#session;
    return contactsOf(store).filter(({ cid }) => this.#askedBy(cid, folder).length > 0).map(({ cid, name }) => ({ cid, name: named(name) }));
  }

  #askedBy(cid: ContactId, folder: Folder): readonly Row[] {
    return [...this.#session.store.rows(inboxPath(cid))].filter(({ note, path }) => placeOf(path).kind === "message" && note?.type === "kith:Keep" && folderOf(note.object) === folder);
  }

  #keep(ref: PostRef, { cid, item }: Copy): NonNullable<Conversation["keep"]> {
    const { store } = this.#session;
    if (keptOf(store, cid).has(handleOf(item))) return "granted";
    return letters(store, cid).some(({ what, post, refused }) => what === "keep" && post === ref && refused !== true) ? "asked" : "no";
  }

  async askToKeep(ref: PostRef): Promise<void> {
    const { folder } = whereOf(ref);
    if ((await this.of(ref)).keep === "no") await this.#write(ref, { kind: "keep", folder });
  }

  async answerKeep(ref: PostRef, cid: ContactId, yes: boolean): Promise<void> {
    const { tree } = this.#session;
    const { folder } = whereOf(ref);
    const handle = await digestOf(folder);
    await tree.act("other", async (batch) => {
      for (const { path } of this.#askedBy(cid, folder)) batch.erase(path);
      if (yes) batch.writes.push(...this.#letter(cid, { kind: "kept", handle }, {}));
    });
    this.#around.acted("friends", "feed");
  }
}
