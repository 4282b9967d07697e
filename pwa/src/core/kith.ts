/**
 * What the app can do, as one interface of plain values.
 *
 * `Kith` is the only thing the views know. Everything it returns is a snapshot that never changes;
 * `subscribe` says which part to read again. Every method that acts resolves once the phone's own
 * store holds the result, never once the network does: the outbox carries it from there, and says
 * so in words. Methods reject with a `KithError` whose `code` the message files translate.
 */

import type { Device, Parted } from "./device.ts";
import type { KithError } from "./errors.ts";
import type { Home } from "./home.ts";
import type { BackedUp, BackupCourse, Backups, RestoreChoice } from "./backed.ts";
import type { Relays } from "./relays.ts";

export type { Device, Parted } from "./device.ts";
export type { AppPassword, Backup, DriveAt, Dropped, Home, Kit, Trouble } from "./home.ts";
export type { BackedUp, BackupCourse, Backups, KitState, RestoreChoice } from "./backed.ts";
export type { Relay, Relays } from "./relays.ts";

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** A contact's id in the owner's own tree: the `<cid>` of `/contacts/<cid>/card`. */
export type ContactId = Branded<string, "ContactId">;
/** A circle's id: the `<id>` of `/circles/<id>`. */
export type CircleId = Branded<string, "CircleId">;
/** One post, whoever wrote it: `me/<folder>` or `<cid>/<folder>`. */
export type PostRef = Branded<string, "PostRef">;
/** One operation of the outbox. */
export type OperationId = Branded<string, "OperationId">;

/** Parts of the state that `subscribe` reports. */
export type Topic = "me" | "pod" | "friends" | "circles" | "invites" | "posts" | "feed" | "outbox" | "drafts" | "devices" | "relays" | "storage";

/** Who may see a post. `friends` and `circles` are resolved to people when the post is made. */
export type Audience =
  | { readonly kind: "me" }
  | { readonly kind: "all" }
  | { readonly kind: "some"; readonly circles: readonly CircleId[]; readonly friends: readonly ContactId[] };

/** Who can see one post, in the terms in which a person would say it. */
export interface AudienceView {
  /** `custom`: an access list that another app wrote and this one can only show. `theirs`: a friend's post; only that friend knows. */
  readonly kind: "me" | "all" | "some" | "custom" | "theirs";
  /** The circle this audience equals, when it equals one. */
  readonly circle?: CircleId;
  /** The people, by name; empty for `me` and `theirs`. */
  readonly people: readonly { readonly cid: ContactId; readonly name: string }[];
}

export interface Me {
  readonly name: string;
  /** 52 characters that never change. */
  readonly label: string;
  /** False in a private window or where the browser may evict the store. */
  readonly persistent: boolean;
  /** This device was taken off the person's list by another: nobody answers it any more. */
  readonly removed?: boolean;
  /** Another device of the person goes by another list than this one: each answers, and friends keep to whom they heard first. */
  readonly parted?: Parted;
}

/** Where the owner's pod stands. */
export interface PodState {
  readonly kind: "none" | "connecting" | "connected" | "unreachable" | "refused";
  readonly url?: string;
  /** Milliseconds since the epoch of the last complete exchange. */
  readonly lastSync?: number;
  /** Operations that the pod does not have yet. */
  readonly waiting: number;
  /** Set while a large transfer runs: done and total operations or rows. */
  readonly progress?: { readonly done: number; readonly total: number };
  readonly error?: KithError;
  /** The pod wants to delete this many things at once; nothing happens until `confirmDeletions` is called. */
  readonly askDeletions?: number;
  /** Posts among them, twenty at most. */
  readonly askPosts?: readonly PostRef[];
}

export interface Friend {
  readonly cid: ContactId;
  readonly name: string;
  readonly circles: readonly CircleId[];
  readonly since: number;
  readonly muted: boolean;
  /** The owner compared the words with them. */
  readonly verified: boolean;
  /** The owner compared the words and they were not the same. */
  readonly differed: boolean;
  /** There is a way to ask them: a pod, or a relay by which a device of theirs is reached. */
  readonly reachable: boolean;
  /** Their keys changed since the words were compared. */
  readonly keysChanged: boolean;
  /** The last time their pod answered; absent when never. */
  readonly lastSeen?: number;
  /** What the last attempt to reach them said, in a code. */
  readonly error?: KithError;
  /** Bytes of theirs cached on this device. */
  readonly cachedBytes: number;
  /** Accepted our invite and has not been looked at yet. */
  readonly isNew: boolean;
  /** Own posts that this friend asks to keep. */
  readonly asks: readonly PostRef[];
}

export interface Circle {
  readonly id: CircleId;
  readonly name: string;
  /** 0..7, one of eight hues. */
  readonly hue: number;
  readonly members: readonly ContactId[];
}

export interface Invite {
  readonly id: string;
  readonly link: string;
  readonly expires: number;
  readonly state: "open" | "used" | "expired";
  /** Who accepted it. */
  readonly friend?: ContactId;
  /** Somebody tried the link after it had been used. */
  readonly triedAgain: boolean;
}

/** What an invite link says before anything is sent. */
export interface InvitePreview {
  readonly name: string;
  /** Where the answer comes from: a pod's host, or a relay's. */
  readonly host: string;
  /** It goes by way of a relay: the answer may have to wait until they are awake. */
  readonly relayed: boolean;
  /** Already a friend under this name. */
  readonly known?: ContactId;
  /** The link is the owner's own. */
  readonly mine: boolean;
}

/** What a pairing link says before anything is sent. */
export interface PodPreview {
  /** What a person would call the address. */
  readonly host: string;
  /** The pod's URL, as `PodState.url` has it. */
  readonly pod: string;
}

/** What a link that was opened, pasted or scanned is for. */
export type LinkKind = "invite" | "pair" | "device" | "unknown";

export interface Picture {
  readonly index: number;
  readonly alt: string;
  readonly width: number;
  readonly height: number;
  /** Sizes that this device holds now. */
  readonly thumbHere: boolean;
  readonly fullHere: boolean;
}

export interface Post {
  readonly ref: PostRef;
  /** Absent: the owner's own. */
  readonly author?: ContactId;
  readonly authorName: string;
  readonly text: string;
  readonly published: number;
  readonly updated?: number;
  readonly pictures: readonly Picture[];
  readonly audience: AudienceView;
  /** How far an own post has come. `phone`: only here, and nobody can reach this phone. `awake`: friends can fetch it while this phone is
   * awake. `waiting`: on its way to the pod. `pod`: friends can fetch it. */
  readonly state: "phone" | "awake" | "waiting" | "pod" | "theirs";
  /** A friend's post whose text was purged here and can be asked for again. */
  readonly purged: boolean;
  /** When the copy of a friend's post ended because its owner was out of reach for too long, in milliseconds since the epoch. */
  readonly lapsed?: number;
  /** How much was said to it, as far as this device knows. */
  readonly comments: number;
  readonly likes: number;
}

/** One thing that was said to a post. */
export interface Reply {
  readonly id: string;
  readonly kind: "comment" | "like";
  /** Absent: this person, or a friend of the post's owner whom this person does not know. */
  readonly author?: ContactId;
  readonly name: string;
  readonly mine: boolean;
  /** Empty for a like. */
  readonly text: string;
  readonly at: number;
  /** `shown`: who sees the post sees it. `waiting`: on its way to the post's owner. `arrived`: there, and their app shows it when it opens.
   * `leaving`: it was taken back, and the owner has not heard. `refused`: the owner does not take it. */
  readonly state: "shown" | "waiting" | "arrived" | "leaving" | "refused";
  readonly error?: KithError;
}

/** What was said to a post, and how long this person's copy of it stays. */
export interface Conversation {
  /** The oldest first. */
  readonly replies: readonly Reply[];
  /** A friend's post: whether its owner was asked to let this person keep it. */
  readonly keep?: "no" | "asked" | "granted";
  /** A friend's post: when the copy ends unless its owner is reached before; absent when it does not. */
  readonly until?: number;
  /** One's own post: who asks to keep it. */
  readonly asks: readonly { readonly cid: ContactId; readonly name: string }[];
}

/** A post that was taken back from friends, and what became of their copies. */
export interface Deleted {
  readonly published: number;
  /** When it was deleted, or was shown to fewer. */
  readonly deleted: number;
  /** The post is still there, and these friends may no longer see it. */
  readonly narrowed: boolean;
  /** The friends who were asked, by name: on how many devices they have Kith, and how many of those said that they have no copy any more. */
  readonly friends: readonly { readonly cid: ContactId; readonly name: string; readonly devices: number; readonly gone: number }[];
}

/** What the person decided about copies. */
export interface Copies {
  /** For how many days friends' copies of the next posts last without contact; 0: for good. */
  readonly days: number;
  /** This device tells friends when it has deleted its copy of what they took back. */
  readonly receipts: boolean;
}

/** What friends say to each other about posts, and agree about copies. Acts resolve once this device holds them. */
export interface Talk {
  of(ref: PostRef): Promise<Conversation>;
  /** `text` 1..2000 characters. */
  comment(ref: PostRef, text: string): Promise<void>;
  like(ref: PostRef, on: boolean): Promise<void>;
  /** Takes back one's own reply, or removes one from one's own post. */
  unsay(ref: PostRef, id: string): Promise<void>;
  /** Posts that were deleted or narrowed lately, the last one first. */
  deleted(): Promise<readonly Deleted[]>;
  copies(): Promise<Copies>;
  setCopies(to: Partial<Copies>): Promise<void>;
  askToKeep(ref: PostRef): Promise<void>;
  /** Lets a friend keep an own post, or does not: then nobody hears of it. */
  answerKeep(ref: PostRef, cid: ContactId, yes: boolean): Promise<void>;
}

export interface NewPicture {
  readonly full: Uint8Array<ArrayBuffer>;
  readonly thumb: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly thumbWidth: number;
  readonly thumbHeight: number;
  readonly alt: string;
  /** The path in the own pod of the photo that it was made of: once it is posted, that is put away. */
  readonly from?: string;
}

export interface Compose {
  readonly text: string;
  readonly pictures: readonly NewPicture[];
  readonly audience: Audience;
  /** The draft that it was: it goes in the same moment, so that nothing is posted twice. */
  readonly draft?: string;
}

/** A text that lost against a later edit, or that was kept when something failed. */
export interface Draft {
  readonly id: string;
  readonly text: string;
  readonly audience: Audience;
  readonly pictures: readonly NewPicture[];
  readonly saved: number;
  /** `typed`: the composer's own, or with `post` an edit that was not finished. `leaving`: a finished post that is held
   * back for a moment. `lost`: this device's edit of `post` came second. */
  readonly reason: "typed" | "leaving" | "lost";
  readonly post?: PostRef;
}

export interface OutboxItem {
  readonly id: OperationId;
  readonly what: "post" | "edit" | "audience" | "delete" | "contact" | "circle" | "reply" | "comment" | "like" | "undo" | "keep" | "kept" | "other";
  readonly post?: PostRef;
  /** The friend to whom it goes; absent: it goes to the own pod. */
  readonly friend?: ContactId;
  readonly since: number;
  readonly attempts: number;
  readonly error?: KithError;
}

export interface Storage {
  readonly usedBytes: number;
  readonly quotaBytes: number;
  readonly cachedBytes: number;
  readonly posts: number;
  /** False on file:// in Chromium: deleted things may leave traces; the app says so. */
  readonly erases: boolean;
}

/** Something that a relay keeps until a device of somebody answers it. */
export interface Waiting {
  readonly id: string;
  /** Absent: the own pod, or for `invite` somebody who is no friend yet. */
  readonly friend?: ContactId;
  readonly what: "news" | "message" | "invite" | "pod";
  /** Who made the invite. */
  readonly name?: string;
  /** Where it is kept. */
  readonly host: string;
  readonly since: number;
  readonly expires: number;
}

/** A page of the feed, newest first, own and friends' posts merged by time. */
export interface FeedPage {
  readonly posts: readonly Post[];
  readonly more: boolean;
  /** Set while friends are being asked. */
  readonly asking: boolean;
  /** Friends who could not be reached this time. */
  readonly unreached: readonly ContactId[];
}

/** An app at another address that asks to sign a person in with their pod. */
export interface Asked {
  /** The host of the pods that vouch, as `PodState.url` begins: without a slash at its end. */
  readonly issuer: string;
  readonly id: string;
  /** What the app calls itself; absent when it gave no name. */
  readonly name?: string;
  /** Where the app is, as far as the host can tell. */
  readonly host: string;
  /** Its name stands in a document at its own address. Otherwise it came along with the question, and anybody could have said it. */
  readonly described: boolean;
  /** The address to which the answer goes. */
  readonly back: string;
  /** In milliseconds since the epoch. */
  readonly expires: number;
}

/** Whether other apps can sign the owner in, and what they are told. */
export interface Elsewhere {
  readonly on: boolean;
  /** The owner's name is told along with it. */
  readonly named: boolean;
  /** The owner's WebID, which others read while it is on. */
  readonly webid: string;
  readonly issuer: string;
}

/** What may act for the owner without being one of their devices. */
export interface Admitted {
  readonly id: string;
  /** `app`: signed in by consent. `credentials`: a program that was given a name and a secret. `passkey`: signs the owner in at a browser without Kith.
   * `password`: a computer that opens the pod as a drive. */
  readonly kind: "app" | "credentials" | "passkey" | "password";
  /** Empty when it gave none. */
  readonly name: string;
  /** By which host an app goes. */
  readonly host?: string;
  readonly since: number;
  /** Absent when never. */
  readonly used?: number;
}

/** Options and answers of WebAuthn in JSON, as the pod and the browser exchange them (WebAuthn 3 §5.1, `toJSON`). */
export type PasskeyJSON = Readonly<Record<string, unknown>>;

/** Signing in at apps that are not Kith. What it returns is where the page goes next: the address in `Asked.back`, with the answer. */
export interface Apps {
  /** What waits for a decision; rejects with `not-there-any-more` when it was decided, ran out, or never was. */
  asked(issuer: string, id: string): Promise<Asked>;
  /** Needs a pod at the host that is asked. Turns signing in elsewhere on where it is off. */
  allow(asked: Asked): Promise<string>;
  deny(asked: Asked): Promise<string>;
  /** What a passkey has to sign; needs no person in this browser. */
  passkeyFor(asked: Asked): Promise<PasskeyJSON>;
  allowByPasskey(asked: Asked, credential: PasskeyJSON): Promise<string>;
  elsewhere(): Promise<Elsewhere>;
  /** Turned off, all apps and programs are shut out for good; passkeys stay. */
  setElsewhere(to: Pick<Elsewhere, "on" | "named">): Promise<void>;
  admitted(): Promise<readonly Admitted[]>;
  /** It is refused from then on. */
  removeAdmitted(id: string): Promise<void>;
  /** What the browser needs to make a passkey for the pod's host. */
  newPasskey(): Promise<PasskeyJSON>;
  addPasskey(credential: PasskeyJSON, name: string): Promise<void>;
}

export interface Kith {
  /** Undefined before `start` or `joinDevice`. */
  me(): Me | undefined;
  pod(): PodState;
  friends(): readonly Friend[];
  circles(): readonly Circle[];
  invites(): readonly Invite[];
  outbox(): readonly OutboxItem[];
  /** What relays keep for others to answer, oldest first. */
  waiting(): readonly Waiting[];
  drafts(): readonly Draft[];
  devices(): readonly Device[];
  storage(): Promise<Storage>;
  /** Calls `changed` after each change; returns the function that ends it. */
  subscribe(changed: (topic: Topic) => void): () => void;

  /** Makes the person: keys on this device, an empty tree. `name` 1..40 characters. */
  start(name: string): Promise<void>;
  rename(name: string): Promise<void>;

  linkKind(link: string): LinkKind;
  /** Rejects with `bad-link` or `link-of-other-kind`. */
  previewPod(link: string): Promise<PodPreview>;
  /** Connects to the pod of a pairing link, in place of another; what is on the phone then goes there. */
  connectPod(link: string): Promise<void>;
  /** Forgets the pod on this device; nothing is deleted anywhere. */
  disconnectPod(): Promise<void>;
  /** Exchanges with pod and friends now. Resolves when it is over; never rejects (see `pod()`). */
  syncNow(): Promise<void>;
  confirmDeletions(accept: boolean): Promise<void>;

  /** Needs a pod, or a relay by which this phone is reached (code `no-reach`). */
  createInvite(): Promise<Invite>;
  cancelInvite(id: string): Promise<void>;
  previewInvite(link: string): Promise<InvitePreview>;
  acceptInvite(link: string): Promise<ContactId>;
  /** Twelve words that both friends see alike. */
  words(cid: ContactId): Promise<readonly string[]>;
  setVerified(cid: ContactId, verified: boolean): Promise<void>;
  seenFriend(cid: ContactId): Promise<void>;
  renameFriend(cid: ContactId, name: string): Promise<void>;
  muteFriend(cid: ContactId, muted: boolean): Promise<void>;
  /** Refused at once by the pod; their copies here are purged. */
  removeFriend(cid: ContactId): Promise<void>;

  addCircle(name: string, members: readonly ContactId[]): Promise<CircleId>;
  renameCircle(id: CircleId, name: string): Promise<void>;
  setMembers(id: CircleId, members: readonly ContactId[]): Promise<void>;
  removeCircle(id: CircleId): Promise<void>;

  /** What the composer offers first: the last audience used. */
  lastAudience(): Audience;
  /** The people an audience means today. */
  resolve(audience: Audience): AudienceView;
  post(what: Compose): Promise<PostRef>;
  /** Changes text and alt texts; the audience stays. */
  edit(ref: PostRef, text: string): Promise<void>;
  setAudience(ref: PostRef, audience: Audience): Promise<void>;
  /** Erases it here at once and everywhere else as soon as it hears. */
  remove(ref: PostRef): Promise<void>;
  saveDraft(draft: Omit<Draft, "id" | "saved"> & { readonly id?: string }): Promise<string>;
  removeDraft(id: string): Promise<void>;

  /** What this device holds, at once; no network. `before` pages (exclusive, milliseconds since the epoch). */
  feed(query: { readonly limit: number; readonly before?: number; readonly author?: ContactId | "me"; readonly search?: string }): Promise<FeedPage>;
  /** Asks friends for what is new, selectively: lists first, then texts and thumbnails of the newest. */
  refresh(author?: ContactId): Promise<void>;
  readPost(ref: PostRef): Promise<Post | undefined>;
  /** A picture's bytes; fetched from its owner when not here. */
  picture(ref: PostRef, index: number, size: "thumb" | "full"): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly mediaType: string }>;
  /** Drops this device's copy of a friend's post; it can be asked for again. */
  purge(ref: PostRef): Promise<void>;
  purgeFriend(cid: ContactId): Promise<void>;
  askAgain(ref: PostRef): Promise<void>;

  /** A link with which another browser of this person joins. Needs a pod, or a relay at which this device answers while it is open. */
  linkDevice(): Promise<{ readonly link: string; readonly expires: number }>;
  /** On the new device: joins the person of the link; resolves when an admin device has let it in. */
  joinDevice(link: string, name: string): Promise<void>;
  removeDevice(kid: string): Promise<void>;

  /** What is said to posts, and agreed about copies. */
  talk(): Promise<Talk>;

  relays(): Promise<Relays>;

  /** Looking after the own pod; its methods reject with `no-pod` without one. */
  home(): Promise<Home>;

  /** Signing in at other apps; its methods ask the network. */
  apps(): Promise<Apps>;

  backedUp(): BackedUp;
  backups(): Promise<Backups>;
  /** Brings the person of a backup into a browser that has nobody. */
  restore(file: Blob, code: string, choice: RestoreChoice, course: BackupCourse): Promise<void>;

  /** Stops timers and requests. */
  close(): Promise<void>;
}
