/** Kith over a store: the one object behind the views. It holds no rules of its own, only who is asked. */

import type { Env, Stop } from "./env.ts";
import { KithError } from "./errors.ts";
import { given } from "./given.ts";
import type { Audience, Circle, CircleId, Compose, ContactId, Device, Draft, Friend, Invite, InvitePreview, Kith, LinkKind, Me, OutboxItem, PodState, PostRef, Storage, Topic } from "./kith.ts";
import * as friends from "./pod/friends.ts";
import { entries } from "./pod/outbox.ts";
import { cardPath, devices as devicesPath, type Folder, postPath } from "./pod/paths.ts";
import { circlesOf, contact, contactsOf, membersOf, peopleOf, viewOf } from "./pod/people.ts";
import * as posts from "./pod/posts.ts";
import type { Store } from "./store/store.ts";
import { Exchange } from "./sync/exchange.ts";
import { Feed, refOf, whereOf } from "./sync/feed.ts";
import * as invites from "./sync/invites.ts";
import * as joining from "./sync/joining.ts";
import { Loop } from "./sync/loop.ts";
import * as pairing from "./sync/pairing.ts";
import { Reader, seenOf } from "./sync/reader.ts";
import { readBytes } from "./sync/replica.ts";
import { personOf, Session } from "./sync/session.ts";
import { linkKind } from "./webid/link.ts";
import { type Label } from "./webid/key.ts";
import { twelveWords } from "./webid/words.ts";

/** Parts exist once there is a person. */
interface Parts {
  readonly session: Session;
  readonly exchange: Exchange;
  readonly reader: Reader;
  readonly feed: Feed;
  readonly loop: Loop;
}

/** App implements `Kith`. */
export class App implements Kith {
  readonly #env: Env;
  readonly #store: Store;
  readonly #closing: AbortController;
  readonly #listeners = new Set<(topic: Topic) => void>();
  #parts: Parts | undefined;
  #kept = false;

  constructor(env: Env, store: Store, closing: AbortController) {
    this.#env = env;
    this.#store = store;
    this.#closing = closing;
  }

  /** begin opens what needs a person, when there is one, and starts to ask. */
  async begin(): Promise<void> {
    if (personOf(this.#store) === undefined) return;
    this.#kept = await this.#env.persist();
    const session = await Session.open(this.#env, this.#store, (topic) => this.#emit(topic));
    const exchange = new Exchange(session);
    const reader = new Reader(session);
    const loop = new Loop(session, exchange, reader);
    this.#parts = { session, exchange, reader, feed: new Feed(session, reader), loop };
    loop.start();
    // Another tab may take the store over: then this one has nothing to say any more.
    void this.#store.closed.then(() => this.#end());
  }

  async #end(): Promise<void> {
    this.#closing.abort();
    await this.#parts?.loop.stop();
  }

  #emit(topic: Topic): void {
    if (topic === "posts" || topic === "feed" || topic === "friends") this.#parts?.feed.changed();
    for (const listener of this.#listeners) listener(topic);
  }

  get #must(): Parts {
    if (this.#parts === undefined) throw new KithError("not-started", "act: there is nobody yet");
    return this.#parts;
  }

  /** acted tells the views and the pod of an act. */
  #acted(...topics: readonly Topic[]): void {
    for (const topic of [...topics, "outbox", "pod"] as const) this.#emit(topic);
    this.#parts?.loop.kick();
  }

  me(): Me | undefined {
    const me = personOf(this.#store);
    return me === undefined ? undefined : { name: me.name, label: me.label, persistent: this.#kept };
  }

  pod(): PodState {
    return this.#parts?.exchange.state() ?? { kind: "none", waiting: 0 };
  }

  friends(): readonly Friend[] {
    if (this.#parts === undefined) return [];
    const circles = circlesOf(this.#store);
    return contactsOf(this.#store).map((each) => this.#friend(each, circles));
  }

  #friend({ cid, name, since, muted, verified, way }: ReturnType<typeof contact>, circles: readonly Circle[]): Friend {
    const { session, reader } = this.#must;
    const { at, error } = seenOf(this.#store, cid);
    const byPod = session.list.devices.some(({ kid, may }) => !may.includes("post") && kid === this.#store.row(cardPath(cid))?.version.device);
    return given({
      cid, name, since, muted, verified, hasPod: way !== undefined,
      circles: circles.filter(({ members }) => members.includes(cid)).map(({ id }) => id),
      keysChanged: this.#store.get(`changed/${cid}`) === true,
      cachedBytes: reader.cachedBytes(cid),
      isNew: byPod && since >= session.me.since && this.#store.get(`seen/${cid}`) !== true,
      lastSeen: at,
      error: error && new KithError(error, "reach friend"),
    });
  }

  circles(): readonly Circle[] {
    return circlesOf(this.#store);
  }

  invites(): readonly Invite[] {
    return invites.invitesOf({ store: this.#store, env: this.#env });
  }

  outbox(): readonly OutboxItem[] {
    return entries(this.#store).map(({ id, what, post, since, attempts, error }) =>
      given({ id, what, since, attempts, post: post && refOf({ folder: post }), error: error && new KithError(error, "send") }),
    );
  }

  drafts(): readonly Draft[] {
    return this.#parts?.session.drafts.list() ?? [];
  }

  devices(): readonly Device[] {
    const session = this.#parts?.session;
    return (session?.list.devices ?? []).map(({ kid, name, may }) => ({ kid, name, self: kid === session?.me.device, isPod: !may.includes("post"), admin: may.includes("admin") }));
  }

  async storage(): Promise<Storage> {
    const { bytes, cached } = this.#store.usage();
    const quotaBytes = await this.#env.quota();
    return { usedBytes: bytes, cachedBytes: cached, quotaBytes, posts: this.#parts?.feed.count() ?? 0, erases: this.#store.erases };
  }

  subscribe(changed: (topic: Topic) => void): Stop {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  async start(name: string): Promise<void> {
    if (personOf(this.#store) !== undefined) throw new KithError("already-started", "start: there is somebody already");
    await pairing.startPerson(this.#env, this.#store, friends.tidyName(name));
    await this.begin();
    this.#acted("me", "devices");
  }

  async rename(name: string): Promise<void> {
    await pairing.renamePerson(this.#must.session, friends.tidyName(name));
    this.#acted("me", "feed");
  }

  linkKind(link: string): LinkKind {
    return linkKind(link);
  }

  async connectPod(link: string): Promise<void> {
    const { session, exchange } = this.#must;
    await pairing.connectPod(session, link);
    exchange.forget();
    await session.heard([devicesPath]);
    this.#acted("posts", "feed");
  }

  async disconnectPod(): Promise<void> {
    const { session, exchange } = this.#must;
    await pairing.disconnectPod(session);
    exchange.forget();
    this.#acted("posts", "feed", "invites");
  }

  async syncNow(): Promise<void> {
    if (this.#parts === undefined) return;
    await this.#parts.exchange.run();
    await this.#parts.reader.refresh();
  }

  async confirmDeletions(accept: boolean): Promise<void> {
    const { session, exchange } = this.#must;
    await exchange.decide(accept);
    await session.drafts.load();
    this.#acted("posts", "feed", "friends", "circles");
  }

  async createInvite(): Promise<Invite> {
    return invites.createInvite(this.#must.session);
  }

  async cancelInvite(id: string): Promise<void> {
    await invites.cancelInvite(this.#must.session, id);
  }

  previewInvite(link: string): InvitePreview {
    return invites.previewInvite(this.#parts?.session, link);
  }

  async acceptInvite(link: string): Promise<ContactId> {
    const { session, reader } = this.#must;
    const cid = await invites.acceptInvite(session, link);
    this.#acted("friends");
    void reader.refresh(cid);
    return cid;
  }

  async words(cid: ContactId): Promise<readonly string[]> {
    return twelveWords(this.#must.session.me.label as Label, contact(this.#store, cid).label as Label);
  }

  async setVerified(cid: ContactId, verified: boolean): Promise<void> {
    await this.#store.apply([{ unset: `changed/${cid}` }]);
    await this.#changeFriend(cid, { verified });
  }

  async seenFriend(cid: ContactId): Promise<void> {
    contact(this.#store, cid);
    await this.#store.apply([{ set: `seen/${cid}`, value: true }]);
    this.#emit("friends");
  }

  async renameFriend(cid: ContactId, name: string): Promise<void> {
    await this.#changeFriend(cid, { name: friends.tidyName(name) });
    this.#emit("feed");
  }

  async muteFriend(cid: ContactId, muted: boolean): Promise<void> {
    await this.#changeFriend(cid, { muted });
    this.#emit("feed");
  }

  async #changeFriend(cid: ContactId, change: { readonly name?: string; readonly muted?: boolean; readonly verified?: boolean }): Promise<void> {
    await friends.changeFriend(this.#must.session.tree, cid, (card) => ({ ...card, ...change }));
    this.#acted("friends");
  }

  async removeFriend(cid: ContactId): Promise<void> {
    await friends.removeFriend(this.#must.session.tree, cid);
    this.#acted("friends", "circles", "posts", "feed");
  }

  async addCircle(name: string, members: readonly ContactId[]): Promise<CircleId> {
    const id = await friends.addCircle(this.#must.session.tree, name, members);
    this.#acted("circles", "friends");
    return id;
  }

  async renameCircle(id: CircleId, name: string): Promise<void> {
    await friends.changeCircle(this.#must.session.tree, id, { name: friends.tidyName(name) });
    this.#acted("circles");
  }

  async setMembers(id: CircleId, members: readonly ContactId[]): Promise<void> {
    await friends.changeCircle(this.#must.session.tree, id, { members });
    this.#acted("circles", "friends", "posts");
  }

  async removeCircle(id: CircleId): Promise<void> {
    await friends.removeCircle(this.#must.session.tree, id);
    this.#acted("circles", "friends", "posts");
  }

  lastAudience(): Audience {
    return (this.#store.get("audience/last") as Audience | undefined) ?? { kind: "all" };
  }

  resolve(audience: Audience): ReturnType<Kith["resolve"]> {
    const view = viewOf(peopleOf(this.#store), membersOf(this.#store, audience));
    return audience.kind === "all" ? { ...view, kind: "all" } : view;
  }

  async post(what: Compose): Promise<PostRef> {
    const folder = await posts.makePost(this.#must.session.tree, what);
    this.#acted("posts", "feed");
    return refOf({ folder });
  }

  async edit(ref: PostRef, text: string): Promise<void> {
    await posts.editPost(this.#must.session.tree, own(ref), text);
    this.#acted("posts", "feed");
  }

  async setAudience(ref: PostRef, audience: Audience): Promise<void> {
    await posts.showPost(this.#must.session.tree, own(ref), audience);
    this.#acted("posts", "feed");
  }

  async remove(ref: PostRef): Promise<void> {
    await posts.removePost(this.#must.session.tree, own(ref));
    this.#acted("posts", "feed");
  }

  async saveDraft(draft: Parameters<Kith["saveDraft"]>[0]): Promise<string> {
    const id = await this.#must.session.drafts.save(draft);
    this.#emit("drafts");
    return id;
  }

  async removeDraft(id: string): Promise<void> {
    await this.#must.session.drafts.remove(id);
    this.#emit("drafts");
  }

  async feed(query: Parameters<Kith["feed"]>[0]): ReturnType<Kith["feed"]> {
    return this.#parts?.feed.page(query) ?? { posts: [], more: false, asking: false, unreached: [] };
  }

  async refresh(author?: ContactId): Promise<void> {
    await this.#must.reader.refresh(author);
  }

  async readPost(ref: PostRef): ReturnType<Kith["readPost"]> {
    return this.#parts?.feed.read(whereOf(ref));
  }

  async picture(ref: PostRef, index: number, size: "thumb" | "full"): ReturnType<Kith["picture"]> {
    const { feed, reader } = this.#must;
    const where = whereOf(ref);
    const attachment = (await feed.note(where))?.attachments[index];
    if (attachment === undefined) throw new KithError("no-such", "show picture: the post has none of that number");
    const { mediaType, url } = size === "thumb" ? (attachment.thumb ?? attachment) : attachment;
    const bytes = where.cid === undefined ? await this.#ownPicture(where.folder, url) : await reader.picture(where.cid, where.folder, attachment, size);
    return { bytes, mediaType };
  }

  /** ownPicture returns one of the owner's own files; on a device that joined later, large ones come from the pod when somebody looks. */
  async #ownPicture(folder: Folder, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const path = postPath(folder) + name;
    const here = await this.#store.bytes(path);
    if (here !== undefined) return here;
    const { session } = this.#must;
    const row = this.#store.row(path);
    const bytes = row === undefined ? undefined : await readBytes(session.podClient(), path);
    if (row === undefined || bytes === undefined) throw new KithError("not-there-any-more", "show picture: it is nowhere");
    await this.#store.apply([{ put: row, bytes }]);
    this.#emit("posts");
    return bytes;
  }

  async purge(ref: PostRef): Promise<void> {
    const { cid, folder } = theirs(ref);
    await this.#must.reader.purge(cid, folder);
    this.#emit("storage");
  }

  async purgeFriend(cid: ContactId): Promise<void> {
    await this.#must.reader.purgeAll(cid);
    this.#emit("storage");
  }

  async askAgain(ref: PostRef): Promise<void> {
    const { cid, folder } = theirs(ref);
    await this.#must.reader.askAgain(cid, folder);
  }

  async linkDevice(): ReturnType<Kith["linkDevice"]> {
    const made = await joining.linkDevice(this.#must.session);
    this.#must.loop.kick();
    return made;
  }

  async joinDevice(link: string, name: string): Promise<void> {
    if (personOf(this.#store) !== undefined) throw new KithError("already-started", "join: there is somebody already");
    await joining.joinDevice(this.#env, this.#store, link, name, this.#closing.signal);
    await this.begin();
    this.#acted("me", "devices");
  }

  async removeDevice(kid: string): Promise<void> {
    await joining.removeDevice(this.#must.session, kid);
    this.#acted("devices");
  }

  async close(): Promise<void> {
    await this.#end();
    this.#listeners.clear();
    await this.#store.close();
  }
}

function own(ref: PostRef): Folder {
  const { cid, folder } = whereOf(ref);
  if (cid !== undefined) throw new KithError("no-such", "act on post: it is a friend's");
  return folder;
}

function theirs(ref: PostRef): { readonly cid: ContactId; readonly folder: Folder } {
  const { cid, folder } = whereOf(ref);
  if (cid === undefined) throw new KithError("no-such", "act on copy: the post is the owner's own");
  return { cid, folder };
}
