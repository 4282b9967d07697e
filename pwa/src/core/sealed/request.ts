/**
 * The sealed request (docs/protocol.md, Sealed requests): an HTTP request that only the devices it is for can read, and
 * that only they can tell who made.
 *
 *     message   0x01 | suite u16 | n u8: 4 or 8 | n slots | body in chunks
 *     slot      enc 65 | sealed to a recipient's agreement key: content key 16, MAC 32
 *     body      binary HTTP request to https://<label>.kith.invalid/…
 *
 * It knows nothing of how a message travels; a mailbox of `core/relay` is one way.
 */

import type { Env } from "../env.ts";
import { b64u, type Bytes, fromB64u, join, same, utf8 } from "../bytes.ts";
import { given } from "../given.ts";
import { iso } from "../json.ts";
import { relayUrl } from "../relay/settings.ts";
import { decapsulator, encapsulate, encLength } from "../webid/hpke.ts";
import { type Did, generate, type Label, pointOf, type Signer, whole } from "../webid/key.ts";
import { type BinaryRequest, decodeRequest, encodeRequest, type Field } from "./bhttp.ts";
import { isPadded, maxMessage, openBody, sealBody } from "./chunks.ts";
import { type Pair, pairMac, sameSecret } from "./pair.ts";

/** SealedRequest is what is asked: `path` is below the base of the person that is asked, with its slash at the front. */
export interface SealedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Bytes;
}

/** Sender is who asks: a device of the person `label`, by the agreement key that their keys document calls `kid`. */
export interface Sender {
  readonly label: Label;
  readonly kid: string;
  /** The private half; it need not be extractable. */
  readonly key: CryptoKey;
  /** The salt of this pair of persons, 32 bytes. */
  readonly salt: Bytes;
}

/** ReplyTo names the queue to which an answer goes when nobody waits for it any more. */
export interface ReplyTo {
  /** The relay's URL with its slash at the end. */
  readonly relay: string;
  /** The send id of that queue, 24 bytes. */
  readonly send: Bytes;
}

/** Recipient is a device that may answer: the agreement key that a request is sealed to, and the device's name, by which its
 * answer must be given. An invite or a pairing link names a key alone. */
export interface Recipient {
  readonly key: Did;
  readonly device?: Did | undefined;
}

/** What a request is sealed with. */
export interface Sealing {
  /** At most 8. */
  readonly to: readonly Recipient[];
  /** Nobody when the sender is not known yet: to accept an invite, to pair. */
  readonly from?: Sender | undefined;
  /** Whose devices they are. */
  readonly label: Label;
  readonly request: SealedRequest;
  readonly reply?: ReplyTo | undefined;
  /** A request that is sent again keeps its nonce of 16 bytes and its end, in milliseconds. */
  readonly nonce?: Bytes | undefined;
  readonly expires?: number | undefined;
}

/** Pending is what must be kept to open the answer; it is JSON. All parts are base64url. */
export interface Pending {
  /** By this an answer that comes later is found: its first 16 bytes. */
  readonly id: string;
  readonly nonce: string;
  readonly expires: number;
  readonly slots: readonly { readonly device?: Did | undefined; readonly enc: string; readonly secret: string }[];
}

/** Opener is who opens messages. */
export interface Opener<P extends Pair> {
  readonly now: () => number;
  /** The person who is asked; while there is none, whoever asks as nobody is let through. */
  readonly label: Label | undefined;
  /** Private agreement keys of this device. */
  readonly keys: readonly Signer[];
  /** Private keys of open invites. A message to one has no other recipient, so they are tried on the first slot alone. */
  readonly invites?: readonly Signer[];
  /** Returns what is known of a sender's key; undefined for strangers and the blocked. What the request says may bring the lists in which a new key stands. */
  readonly find: (label: Label, kid: string, request: SealedRequest) => Promise<P | undefined>;
}

/** Opened is a request that was sealed to this device. */
export interface Opened<P extends Pair> {
  /** Without the headers that this envelope is made of; `Kith-Seen` stays. */
  readonly request: SealedRequest;
  /** Who asks; undefined for a request of nobody. */
  readonly peer: P | undefined;
  /** The own key that opened it. */
  readonly key: Did;
  /** By which repeated writes are known, base64url of 16 bytes. */
  readonly nonce: string;
  readonly created: number;
  readonly expires: number;
  /** Where an answer goes when nobody waits for it. */
  readonly reply: ReplyTo | undefined;
  /** What the answer is sealed with. */
  readonly answering: Answering;
}

/** Answering is what an answer is sealed with. */
export interface Answering {
  /** The reply id of 16 bytes; zeros when there is no address for a late answer. */
  readonly id: Bytes;
  readonly enc: Bytes;
  readonly secret: Bytes;
}

/** Why a message gets no answer, in the words of the shared vectors; whoever sent it sees no difference. */
export type Decline =
  | "malformed"
  | "other version"
  | "unknown suite"
  | "oversize"
  | "no slot"
  | "damaged"
  | "misdirected"
  | "unknown sender"
  | "bad mac"
  | "future-dated"
  | "expired";

/** Declined is a message that this device does not answer. */
export interface Declined {
  readonly declined: Decline;
}

const info = utf8("kith request 1");
/** What both sides export from a slot for the answer. */
const answerInfo = utf8("kith answer 1");
const headLength = 4;
const secretLength = 48;
const slotLength = encLength + secretLength + 16;
const domain = ".kith.invalid";
const maxRequest = 1 << 20;
const nobody = new Uint8Array(32);
const noNonce = new Uint8Array(12);

/** Longest time between making and answering, and how far ahead a sender's clock may be, in milliseconds. */
const longest = 14 * 86_400_000;
const ahead = 3_600_000;

/** Headers that reach the responder. */
const taken = /^(range|if-(match|none-match|modified-since|unmodified-since|range)|content-type|kith-.*)$/;
/** Headers of the envelope itself. */
const ours = ["kith-from", "kith-created", "kith-expires", "kith-nonce", "kith-reply"];

/** sealRequest returns the message, and what opens its answer. Throws a RangeError for no or more than 8 recipients and
 * for a body of more than 1 MiB; from others than devices of the same person 256 KiB are taken. */
export async function sealRequest(env: Pick<Env, "now" | "random">, sealing: Sealing): Promise<{ readonly message: Bytes; readonly pending: Pending }> {
  const { to, from, request, reply, nonce = env.random(16), expires = env.now() + longest } = sealing;
  if (to.length === 0 || to.length > 8 || request.body.length > maxRequest) throw new RangeError("seal request: too many recipients, or too long");
  const id = reply === undefined ? new Uint8Array(16) : env.random(16);
  const inner = encodeRequest(innerOf(sealing, env.now(), { nonce, expires, id }));
  const content = env.random(16);
  const start = Uint8Array.of(1, 0, 1, to.length <= 4 ? 4 : 8);
  const macOf = async (key: Did, enc: Bytes): Promise<Bytes> => (from === undefined ? nobody : pairMac(from.key, { key, salt: from.salt }, enc, inner));
  const slots = await Promise.all(to.map(({ key }, i) => sealSlot(key, join(start, Uint8Array.of(i)), async (enc) => join(content, await macOf(key, enc)))));
  const empty = await Promise.all(Array.from({ length: (start[3] ?? 0) - to.length }, () => emptySlot(env)));
  const head = join(start, ...slots.map(({ bytes }) => bytes), ...empty);
  const message = await sealBody({ key: content, nonce: noNonce }, head, inner);
  const kept = slots.map(({ enc, secret }, i) => ({ ...given({ device: to[i]?.device }), enc: b64u(enc), secret: b64u(secret) }));
  return { message, pending: { id: b64u(id), nonce: b64u(nonce), expires, slots: kept } };
}

function innerOf({ label, from, request, reply }: Sealing, now: number, { nonce, expires, id }: { nonce: Bytes; expires: number; id: Bytes }): BinaryRequest {
  const headers = new Headers(request.headers);
  if (from !== undefined) headers.set("Kith-From", `${from.label} ${from.kid}`);
  headers.set("Kith-Created", seconds(now));
  headers.set("Kith-Expires", seconds(expires));
  headers.set("Kith-Nonce", b64u(nonce));
  if (reply !== undefined) headers.set("Kith-Reply", `${reply.relay}s/${b64u(reply.send)} ${b64u(id)}`);
  const { method, path, body } = request;
  return { method, scheme: "https", authority: authorityOf(label), path, fields: [...headers], body };
}

async function sealSlot(key: Did, aad: Bytes, plain: (enc: Bytes) => Promise<Bytes>) {
  const { enc, seal, derive } = await encapsulate(key, info);
  return { enc, bytes: join(enc, await seal(await plain(enc), aad)), secret: await derive(answerInfo, 32) };
}

/** emptySlot is for nobody, and looks like any other. */
async function emptySlot({ random }: Pick<Env, "random">): Promise<Bytes> {
  const { kid } = await generate("agree");
  return join(whole(pointOf(kid)), random(slotLength - encLength));
}

/** openRequest opens a message for whom it is for, from whom it says, in its time. */
export async function openRequest<P extends Pair>(own: Opener<P>, message: Bytes): Promise<Opened<P> | Declined> {
  const wrong = wrongHead(message);
  if (wrong !== undefined) return { declined: wrong };
  const count = message[3] ?? 0;
  const slot = (await openSlots(own.keys, message, count)) ?? (await openSlots(own.invites ?? [], message, 1));
  if (slot === undefined) return { declined: "no slot" };
  const inner = await openBody({ key: slot.content, nonce: noNonce }, message, headLength + count * slotLength);
  return typeof inner === "string" ? { declined: inner } : judge(own, slot, inner);
}

function wrongHead(message: Bytes): Decline | undefined {
  if (message.length > maxMessage) return "oversize";
  if (!isPadded(message.length)) return "malformed";
  if (message[0] !== 1) return "other version";
  if (message[1] !== 0 || message[2] !== 1) return "unknown suite";
  const count = message[3] ?? 0;
  return (count !== 4 && count !== 8) || message.length <= headLength + count * slotLength ? "malformed" : undefined;
}

interface Slot {
  readonly own: Signer;
  readonly enc: Bytes;
  readonly content: Bytes;
  readonly mac: Bytes;
  readonly secret: Bytes;
}

/** openSlots tries every key on the first `count` slots. */
async function openSlots(keys: readonly Signer[], message: Bytes, count: number): Promise<Slot | undefined> {
  const slots = Array.from({ length: count }, (_, i) => ({
    bytes: message.slice(headLength + i * slotLength, headLength + (i + 1) * slotLength),
    aad: join(message.subarray(0, headLength), Uint8Array.of(i)),
  }));
  for (const own of keys) {
    const decapsulate = decapsulator(own, info);
    const found = await Promise.all(slots.map(({ bytes, aad }) => openSlot(own, decapsulate, bytes, aad)));
    const slot = found.find((each) => each !== undefined);
    if (slot !== undefined) return slot;
  }
  return undefined;
}

async function openSlot(own: Signer, decapsulate: ReturnType<typeof decapsulator>, bytes: Bytes, aad: Bytes): Promise<Slot | undefined> {
  const enc = bytes.slice(0, encLength);
  const opened = await decapsulate(enc).catch(() => undefined);
  const plain = await opened?.open(bytes.slice(encLength), aad);
  if (opened === undefined || plain?.length !== secretLength) return undefined;
  return { own, enc, content: plain.slice(0, 16), mac: plain.slice(16), secret: await opened.derive(answerInfo, 32) };
}

/** judge asks whether the inner request is for this person, of its time, and made by whom it names. */
async function judge<P extends Pair>(own: Opener<P>, slot: Slot, inner: Bytes): Promise<Opened<P> | Declined> {
  const read = readInner(inner);
  if (read === undefined) return { declined: "malformed" };
  const { request, from, label, stamp: { id, created, expires, nonce, reply } } = read;
  if (label !== own.label && (own.label !== undefined || from !== undefined)) return { declined: "misdirected" };
  const sender = await senderOf(own, from, slot, inner, request);
  if ("declined" in sender) return sender;
  if (expires <= own.now()) return { declined: "expired" };
  if (created > own.now() + ahead) return { declined: "future-dated" };
  return { request, peer: sender.peer, key: slot.own.kid, nonce, created, expires, reply, answering: { id, enc: slot.enc, secret: slot.secret } };
}

async function senderOf<P extends Pair>(own: Opener<P>, from: string | undefined, { own: { kid, key }, enc, mac }: Slot, inner: Bytes, request: SealedRequest): Promise<{ readonly peer: P | undefined } | Declined> {
  if (from === undefined) return same(mac, nobody) ? { peer: undefined } : { declined: "bad mac" };
  const space = from.indexOf(" ");
  const peer = await own.find(from.slice(0, space) as Label, from.slice(space + 1), request);
  // As much is computed for who is not known.
  const expected = await pairMac(key, peer ?? { key: kid, salt: nobody }, enc, inner);
  if (peer === undefined) return { declined: "unknown sender" };
  return sameSecret(mac, expected) ? { peer } : { declined: "bad mac" };
}

/** readInner reads the request and what it says of itself; undefined when it is malformed. */
function readInner(inner: Bytes) {
  try {
    const { method, scheme, authority, path, fields, body } = decodeRequest(inner);
    const label = authority.endsWith(domain) ? authority.slice(0, -domain.length) : "";
    const stamp = readStamp(fields);
    if (scheme !== "https" || !path.startsWith("/") || label === "" || /%(?![\da-f]{2})/i.test(path.replace(/\?.*/, "")) || stamp === undefined) return undefined;
    const headers = new Headers(fields.filter(([name]) => taken.test(name) && !ours.includes(name)).map(([name, value]) => [name, value]));
    // An answer has one part.
    if (headers.get("Range")?.includes(",")) headers.delete("Range");
    return { label, ...stamp, request: { method, path, headers, body: body.slice() } };
  } catch {
    return undefined;
  }
}

/** readStamp reads the fields of the envelope itself; each may be there once. */
function readStamp(fields: readonly Field[]) {
  const found = fields.filter(([name]) => ours.includes(name));
  const lines = new Map(found);
  const [created, expires] = [moment(lines.get("kith-created")), moment(lines.get("kith-expires"))];
  const [nonce, from] = [lines.get("kith-nonce") ?? "", lines.get("kith-from")];
  const reply = readReply(lines.get("kith-reply"));
  const life = expires - created;
  const good = lines.size === found.length && fromB64u(nonce)?.length === 16 && life > 0 && life <= longest && (from === undefined || /^[^ ]+ ./.test(from));
  return good && reply !== undefined ? { from, stamp: { created, expires, nonce, ...reply } } : undefined;
}

/** moment reads a time in the one spelling of `seconds`. */
function moment(written: string | undefined): number {
  const at = Date.parse(written ?? "");
  return !Number.isNaN(at) && seconds(at) === written ? at : NaN;
}

/** readReply reads the address of a late answer; undefined when it is none. */
function readReply(written: string | undefined): { readonly reply: ReplyTo | undefined; readonly id: Bytes } | undefined {
  if (written === undefined) return { reply: undefined, id: new Uint8Array(16) };
  const [, address, name, number] = /^(.+\/)s\/([\w-]{32}) ([\w-]{22})$/.exec(written) ?? [];
  const [relay, send, id] = [relayUrl(address), fromB64u(name ?? ""), fromB64u(number ?? "")];
  if (relay === undefined || send?.length !== 24 || id?.length !== 16) return undefined;
  return { reply: { relay, send }, id };
}

function authorityOf(label: Label): string {
  return label + domain;
}

/** seconds writes a time as RFC 3339 in UTC without fractions. */
function seconds(at: number): string {
  return iso(at).replace(/\.\d+Z$/, "Z");
}
