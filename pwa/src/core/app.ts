/** Kith over a store: the one object behind the views. It holds no rules of its own, only who is asked. */

import { Awake } from "./awake.ts";
import type { Env, Stop } from "./env.ts";
import { KithError } from "./errors.ts";
import { given } from "./given.ts";
import type { Apps, Audience, BackedUp, BackupCourse, Backups, Circle, CircleId, Compose, ContactId, Device, Draft, Friend, Home, Invite, InvitePreview, Kith, LinkKind, Me, OutboxItem, PodPreview, PodState, PostRef, Relays, RestoreChoice, Storage, Talk, Topic, Waiting } from "./kith.ts";
import { named } from "./name.ts";
import { relayCount } from "./pod/facts.ts";
import { asksOf, unsent } from "./pod/letters.ts";
import { entries } from "./pod/outbox.ts";
import { cardPath, devices as devicesPath, type Folder, postPath } from "./pod/paths.ts";
import type { Attachment } from "./pod/post.ts";
import type { Bytes } from "./bytes.ts";
import { circlesOf, type Contact, contact, contactsOf, membersOf, peopleOf, reachable, viewOf } from "./pod/people.ts";
import type { Store } from "./store/store.ts";
import { cachedBytes, copiesOf, type Copy, seenOf } from "./sync/copies.ts";
import { Feed, refOf, whereOf } from "./sync/feed.ts";
import { invitesOf } from "./sync/invited.ts";
import { isRemoved, partedOf } from "./sync/others.ts";
import { acting, backing, joining, network, part, sealed, talking } from "./loaded.ts";
import type { Online } from "./sync/online.ts";
import type { Sealed } from "./sync/sealed.ts";
import { waitingOf } from "./sync/waits.ts";
import { podState } from "./sync/podstate.ts";
import { personOf, Session } from "./sync/session.ts";
import { linkKind } from "./webid/mark.ts";
import { own, theirs } from "./whose.ts";

/** Parts exist once there is a person. */
interface Parts {
  readonly session: Session;
  readonly feed: Feed;
  readonly awake: Awake;
}

/** App implements `Kith`. */
export class App implements Kith {
  readonly #env: Env;
  readonly #store: Store;
  readonly #closing: AbortController;
  readonly #listeners = new Set<(topic: Topic) => void>();
  #parts: Parts | undefined;
  #loading: Promise<Online> | undefined;
  #online: Online | undefined;
  #carrying: Promise<Sealed> | undefined;
  #kept = false;

  constructor(env: Env, store: Store, closing: AbortController) {
    this.#env = env;
    this.#store = store;
    this.#closing = closing;
    // Another tab may take the store over: then this one has nothing to say any more.
    void store.closed.then(() => this.#end());
  }

  /** begin opens what needs a person, when there is one, and starts to ask. */
  async begin(): Promise<void> {
    if (personOf(this.#store) === undefined) return;
    const session = await Session.open(this.#env, this.#store, (topic) => this.#emit(topic), () => this.#carrier());
    const awake = new Awake(session, { hinted: (cid) => void this.#online?.reader.refresh(cid), kick: () => this.#online?.loop.kick(), lost: (...which) => void this.#carrier().then(({ relays: own }) => own.lost(...which)) });
    this.#parts = { session, feed: new Feed(session, () => this.#online?.reader), awake };
    void this.#env.persist().then((kept) => {
      this.#kept = kept;
      this.#emit("me");
    });
    // Without a network a part may be missing; whoever needs it tries again.
    acting().catch(() => undefined);
    this.#connect().catch(() => undefined);
    awake.follow();
    if (relayCount(this.#store) > 0 || waitingOf(this.#store).length > 0) this.#carrier().catch(() => undefined);
  }

  /** carrier returns what asks through relays, and listens there for answers from when it comes. */
  #carrier(): Promise<Sealed> {
    const { session } = this.#must;
    this.#carrying ??= sealed()
      .then((part) => part.Sealed.open(session, this.#closing.signal, (whom) => this.#answered(whom)))
      .catch((error: unknown) => {
        this.#carrying = undefined;
        throw error;
      });
    return this.#carrying;
  }

  /** answered asks again for what an answer came to. */
  #answered(whom: string): void {
    if (whom.includes(" ")) return void this.#goOn(whom.split(" ")[1] ?? "");
    this.#online?.loop.kick(true);
    if (whom !== "me") void this.#online?.reader.refresh(whom as ContactId);
  }

  /** goOn finishes an invite that was accepted while its maker slept. */
  async #goOn(invite: string): Promise<void> {
    const cid = await network().then((part) => part.goOn(this.#must.session, invite)).catch(() => undefined);
    if (cid === undefined) return;
    this.#acted("friends");
    void this.#online?.reader.refresh(cid);
  }

  /** connect returns the part that asks others, and starts it when it comes. */
  #connect(): Promise<Online> {
    const { session } = this.#must;
    this.#loading ??= Promise.all([network(), talking()])
      .then(([{ Online, follow }, { Talking }]) => {
        const fetch = (copy: Copy): void => this.#online?.reader.fetchPosts([copy]);
        return this.#begun(new Online(session, (cache) => new Talking(session, cache, { follow, fetch, acted: (...topics) => this.#acted(...topics) })));
      })
      .catch((error: unknown) => {
        this.#loading = undefined;
        throw error;
      });
    return this.#loading;
  }

  #begun(online: Online): Online {
    if (!this.#closing.signal.aborted) {
      this.#online = online;
      online.loop.start();
    }
    return online;
  }

  async #end(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#online?.loop.stop(), this.#parts?.awake.stop()]);
  }

  #emit(topic: Topic): void {
    if (topic === "posts" || topic === "feed" || topic === "friends") this.#parts?.feed.changed();
    this.#parts?.awake.heard(topic);
    for (const listener of this.#listeners) listener(topic);
  }

  get #must(): Parts {
    if (this.#parts === undefined) throw new KithError("not-started", "act: there is nobody yet");
    return this.#parts;
  }

  /** acted tells the views and the pod of an act. */
  #acted(...topics: readonly Topic[]): void {
    for (const topic of [...topics, "outbox", "pod"] as const) this.#emit(topic);
    this.#online?.loop.kick();
  }

  me(): Me | undefined {
    const me = personOf(this.#store);
    const session = this.#parts?.session;
    const removed = session !== undefined && isRemoved(session);
    const parted = session && partedOf(session);
    return me === undefined ? undefined : given({ name: me.name, label: me.label, persistent: this.#kept, removed: removed || undefined, parted });
  }

  pod(): PodState {
    return this.#parts === undefined ? { kind: "none", waiting: 0 } : podState(this.#parts.session);
  }

  friends(): readonly Friend[] {
    if (this.#parts === undefined) return [];
    const circles = circlesOf(this.#store);
    return contactsOf(this.#store).map((each) => this.#friend(each, circles));
  }

  #friend({ cid, name, since, muted, verified, way, relays }: Contact, circles: readonly Circle[]): Friend {
    const { session } = this.#must;
    const { at, error } = seenOf(this.#store, cid);
    const seen = this.#store.get(`seen/${cid}`);
    const byPod = session.list.devices.some(({ kid, may }) => !may.includes("post") && kid === this.#store.row(cardPath(cid))?.version.device);
    return given({
      cid, name: named(name), since, muted, verified, reachable: reachable({ way, relays }),
      circles: circles.filter(({ members }) => members.includes(cid)).map(({ id }) => id),
      differed: this.#store.get(`differed/${cid}`) === true,
      keysChanged: this.#store.get(`changed/${cid}`) === true,
      cachedBytes: cachedBytes(this.#store, cid),
      isNew: seen === false || (byPod && since >= session.me.since && seen !== true),
      lastSeen: at,
      error: error && new KithError(error, "reach friend"),
      asks: asksOf(this.#store, cid).map((folder) => refOf({ folder })),
    });
  }

  circles(): readonly Circle[] {
    return circlesOf(this.#store).map((each) => ({ ...each, name: named(each.name) }));
  }

  invites(): readonly Invite[] {
    return invitesOf({ store: this.#store, env: this.#env });
  }

  outbox(): readonly OutboxItem[] {
    const own = entries(this.#store).map(({ post, ...rest }) => ({ ...rest, post: post && refOf({ folder: post }), friend: undefined }));
    return [...own, ...unsent(this.#store)].map(({ id, what, since, attempts, post, friend, error }) =>
      given({ id, what, since, attempts, post, friend, error: error && new KithError(error, "send") }),
    );
  }

  waiting(): readonly Waiting[] {
    return waitingOf(this.#store);
  }

  drafts(): readonly Draft[] {
    return this.#parts?.session.drafts.list() ?? [];
  }

  devices(): readonly Device[] {
    const session = this.#parts?.session;
    return (session?.list.devices ?? []).map(({ kid, name, may }) => ({ kid, name: named(name), self: kid === session?.me.device, isPod: !may.includes("post"), admin: may.includes("admin") }));
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
    const { startPerson, tidyName } = await acting();
    await startPerson(this.#env, this.#store, tidyName(name));
    await this.begin();
    this.#acted("me", "devices");
  }

  async rename(name: string): Promise<void> {
    const { renamePerson, tidyName } = await acting();
    await renamePerson(this.#must.session, tidyName(name));
    this.#acted("me", "feed");
  }

  linkKind(link: string): LinkKind {
    return linkKind(link);
  }

  async previewPod(link: string): Promise<PodPreview> {
    const { pod } = (await network()).readPairing(link);
    const { host, pathname } = new URL(pod);
    return { host: host + pathname.replace(/\/$/, ""), pod };
  }

  async connectPod(link: string): Promise<void> {
    const { session } = this.#must;
    await (await joining()).connectPod(session, link);
    session.status.error = undefined;
    await session.heard([devicesPath]);
    this.#acted("posts", "feed", "invites");
  }

  async disconnectPod(): Promise<void> {
    const { session } = this.#must;
    await (await acting()).disconnectPod(session);
    session.status.error = undefined;
    this.#acted("posts", "feed", "invites");
  }

  async syncNow(): Promise<void> {
    const online = this.#parts && (await this.#connect().catch(() => undefined));
    await online?.sync();
  }

  async confirmDeletions(accept: boolean): Promise<void> {
    await (await network()).decideHeld(this.#must.session, accept);
    this.#acted("posts", "feed", "friends", "circles");
  }

  async createInvite(): Promise<Invite> {
    const { session, awake } = this.#must;
    return (await network()).createInvite(session).finally(() => awake.told());
  }

  async cancelInvite(id: string): Promise<void> {
    await (await network()).cancelInvite(this.#must.session, id);
  }

  async previewInvite(link: string): Promise<InvitePreview> {
    return (await network()).previewInvite(this.#parts?.session, link);
  }

  async acceptInvite(link: string): Promise<ContactId> {
    const { session } = this.#must;
    const cid = await (await network()).acceptInvite(session, link);
    this.#acted("friends");
    void this.#online?.reader.refresh(cid);
    return cid;
  }

  async words(cid: ContactId): Promise<readonly string[]> {
    return (await this.#connect()).words(cid);
  }

  async setVerified(cid: ContactId, verified: boolean): Promise<void> {
    await this.#store.apply([{ unset: `changed/${cid}` }, verified ? { unset: `differed/${cid}` } : { set: `differed/${cid}`, value: true }]);
    await this.#changeFriend(cid, { verified });
  }

  async seenFriend(cid: ContactId): Promise<void> {
    contact(this.#store, cid);
    await this.#store.apply([{ set: `seen/${cid}`, value: true }]);
    this.#emit("friends");
  }

  async renameFriend(cid: ContactId, name: string): Promise<void> {
    await this.#changeFriend(cid, { name: (await acting()).tidyName(name) });
    this.#emit("feed");
  }

  async muteFriend(cid: ContactId, muted: boolean): Promise<void> {
    await this.#changeFriend(cid, { muted });
    this.#emit("feed");
  }

  async #changeFriend(cid: ContactId, change: { readonly name?: string; readonly muted?: boolean; readonly verified?: boolean }): Promise<void> {
    await (await acting()).changeFriend(this.#must.session.tree, cid, (card) => ({ ...card, ...change }));
    this.#acted("friends");
  }

  async removeFriend(cid: ContactId): Promise<void> {
    await (await acting()).removeFriend(this.#must.session.tree, cid);
    this.#acted("friends", "circles", "posts", "feed");
  }

  async addCircle(name: string, members: readonly ContactId[]): Promise<CircleId> {
    const id = await (await acting()).addCircle(this.#must.session.tree, name, members);
    this.#acted("circles", "friends");
    return id;
  }

  async renameCircle(id: CircleId, name: string): Promise<void> {
    const { changeCircle, tidyName } = await acting();
    await changeCircle(this.#must.session.tree, id, { name: tidyName(name) });
    this.#acted("circles");
  }

  async setMembers(id: CircleId, members: readonly ContactId[]): Promise<void> {
    await (await acting()).changeCircle(this.#must.session.tree, id, { members });
    this.#acted("circles", "friends", "posts");
  }

  async removeCircle(id: CircleId): Promise<void> {
    await (await acting()).removeCircle(this.#must.session.tree, id);
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
    const { drafts, tree } = this.#must.session;
    const folder = await (await acting()).makePost(tree, what);
    if (what.draft !== undefined) await drafts.load();
    this.#acted("posts", "feed", "drafts");
    const from = what.pictures.flatMap((picture) => picture.from ?? []);
    // What can't be put away now stays where it was dropped.
    if (from.length > 0) this.home().then((home) => home.putAway(from)).catch(() => undefined);
    return refOf({ folder });
  }

  async edit(ref: PostRef, text: string): Promise<void> {
    await (await acting()).editPost(this.#must.session.tree, own(ref), text);
    this.#acted("posts", "feed");
  }

  async setAudience(ref: PostRef, audience: Audience): Promise<void> {
    await (await acting()).showPost(this.#must.session.tree, own(ref), audience);
    this.#acted("posts", "feed");
  }

  async remove(ref: PostRef): Promise<void> {
    await (await acting()).removePost(this.#must.session.tree, own(ref));
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
    const { loop, reader } = await this.#connect();
    if (author === undefined) loop.kick();
    await reader.refresh(author);
  }

  async readPost(ref: PostRef): ReturnType<Kith["readPost"]> {
    return this.#parts?.feed.read(whereOf(ref));
  }

  async picture(ref: PostRef, index: number, size: "thumb" | "full"): ReturnType<Kith["picture"]> {
    const { feed } = this.#must;
    const where = whereOf(ref);
    const attachment = (await feed.note(where))?.attachments[index];
    if (attachment === undefined) throw new KithError("no-such", "show picture: the post has none of that number");
    const { mediaType, url } = size === "thumb" ? (attachment.thumb ?? attachment) : attachment;
    const here = await this.#store.bytes(postPath(where.folder, where.cid) + url);
    return { bytes: here ?? (await this.#fetched(where, attachment, size)), mediaType };
  }

  /** fetched gets a picture from its owner; of the owner's own posts from the pod, on a device that joined later. */
  async #fetched({ cid, folder }: ReturnType<typeof whereOf>, attachment: Attachment, size: "thumb" | "full"): Promise<Bytes> {
    const online = await this.#connect();
    const image = size === "thumb" ? (attachment.thumb ?? attachment) : attachment;
    return cid === undefined ? online.ownFile(folder, image.url) : online.reader.picture(cid, folder, image);
  }

  async purge(ref: PostRef): Promise<void> {
    const { cid, folder } = theirs(ref);
    await this.#purge(cid, [folder]);
  }

  async purgeFriend(cid: ContactId): Promise<void> {
    await this.#purge(cid, copiesOf(this.#store, cid).map(({ folder }) => folder));
  }

  async #purge(cid: ContactId, folders: readonly Folder[]): Promise<void> {
    await (await this.#connect()).cache.purge(cid, folders);
    for (const topic of ["feed", "friends", "storage"] as const) this.#emit(topic);
  }

  async askAgain(ref: PostRef): Promise<void> {
    const { cid, folder } = theirs(ref);
    await (await this.#connect()).reader.askAgain(cid, folder);
  }

  async linkDevice(): ReturnType<Kith["linkDevice"]> {
    const { awake, session } = this.#must;
    const made = await (await joining()).linkDevice(session);
    this.#online?.loop.kick();
    await awake.told();
    return made;
  }

  async joinDevice(link: string, name: string): Promise<void> {
    if (personOf(this.#store) !== undefined) throw new KithError("already-started", "join: there is somebody already");
    await (await joining()).joinDevice(this.#env, this.#store, link, name, this.#closing.signal, async () => (await sealed()).askOnce);
    await this.begin();
    this.#acted("me", "devices");
  }

  async removeDevice(kid: string): Promise<void> {
    await (await network()).removeDevice(this.#must.session, kid);
    this.#acted("devices");
  }

  async relays(): Promise<Relays> {
    return (await this.#carrier()).relays;
  }

  talk(): Promise<Talk> {
    return this.#connect().then(({ talk }) => talk);
  }

  async home(): Promise<Home> {
    return (await part(() => import("./house.ts"))).homeOf(this.#must.session, () => this.#acted());
  }

  async apps(): Promise<Apps> {
    return (await network()).appsOf(this.#env, this.#parts?.session);
  }

  backedUp(): BackedUp {
    const last = this.#store.get("backup/last") as number | undefined;
    return given({ last, due: (last ?? personOf(this.#store)?.since ?? Infinity) < this.#env.now() - 7 * 86_400_000 });
  }

  async backups(): Promise<Backups> {
    return new (await backing()).Backups(this.#must.session);
  }

  async restore(file: Blob, code: string, choice: RestoreChoice, course: BackupCourse): Promise<void> {
    await (await backing()).restore(this.#env, this.#store, file, code, choice, course);
    await this.begin();
    this.#acted("me", "devices", "friends", "circles", "posts", "feed");
  }

  async close(): Promise<void> {
    await this.#end();
    this.#listeners.clear();
    await this.#store.close();
  }
}
