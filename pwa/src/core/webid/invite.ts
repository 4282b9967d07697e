/**
 * Invites: the link, the acceptance sealed to it, and the confirmation that comes back (protocol §7).
 *
 *     link          0x01 | label 32 | ik 33 | secret 16 | id 16 | length 1, name ≤ 24
 *                   | count 1 | each way: type 1 (0x01 pod), length 1, URL
 *     acceptance    HPKE enc 65 | ciphertext of JSON        (RFC 9180, base mode)
 *     confirmation  AES-128-GCM of JSON under a key that the acceptance's HPKE context exports
 */

import { acceptKeysDocument, type KeysDocument } from "./agreement.ts";
import { b64u, base32, type Bytes, fromB64u, fromBase32, hmac, join, sha256, text, utf8 } from "../bytes.ts";
import type { Json } from "../json.ts";
import { acceptDeviceList, type DeviceList, maxChain } from "./devices.ts";
import { encapsulate } from "./hpke.ts";
import { listOf, object, parseObject, textOf } from "./members.ts";
import { type Did, didOf, type Label, pointOf, publicKey } from "./key.ts";
import { badLink, isWebId, linkBytes, makeLink, podUrl, reading, readWay, type Way } from "./link.ts";
import { Refusal } from "./verdict.ts";

/** Invite is what an invite link says; whoever has it can accept. */
export interface Invite {
  readonly label: Label;
  /** The one-use key that acceptances are sealed to. */
  readonly ik: Did;
  /** 16 bytes that only the link's holder has. */
  readonly secret: Bytes;
  /** 16 bytes that name the invite at its pod. */
  readonly id: Bytes;
  /** The inviter's name, at most 24 bytes. */
  readonly name: string;
  /** URLs of pods that take the acceptance. */
  readonly pods: readonly string[];
}

/** What each of two friends tells the other about themselves. */
export interface Introduction {
  readonly devices: DeviceList;
  readonly keys: KeysDocument;
  readonly ways: readonly Way[];
  readonly name: string;
}

/** What the inviter's pod answers. */
export interface Confirmation extends Introduction {
  /** The accepter's id among the inviter's contacts, and WebID there. */
  readonly cid: string;
  readonly webid: string;
  /** The salt of this pair of friends, 32 bytes. */
  readonly salt: Bytes;
}

/** A sealed acceptance, and the key that will open its confirmation. */
export interface Acceptance {
  readonly body: Bytes;
  readonly confirmKey: Bytes;
}

const podWay = 1;
const maxWays = 3;
const maxLink = 400;

/** makeInvite returns the link of an invite that opens the app at `base`; throws `bad-link` when it would not be
 * read. */
export function makeInvite(base: string, { label, ik, secret, id, name, pods }: Invite): string {
  const digest = fromBase32(label);
  if (digest?.length !== 32 || secret.length !== 16 || id.length !== 16) throw badLink("its parts have wrong sizes");
  const counted = (part: Bytes): Bytes => join(Uint8Array.of(part.length), part);
  const ways = pods.map((pod) => join(Uint8Array.of(podWay), counted(utf8(podUrl(pod)))));
  const count = Uint8Array.of(ways.length);
  const link = makeLink(base, "invite", join(Uint8Array.of(1), digest, pointOf(ik), secret, id, counted(utf8(name)), count, ...ways));
  readInvite(link);
  return link;
}

/** readInvite reads an invite link. Ways of kinds that came later are left out. */
export function readInvite(link: string): Invite {
  return reading(() => {
    const bytes = linkBytes(link, "invite");
    if (link.trim().length > maxLink) throw badLink("it is too long");
    let at = 0;
    const next = (length: number): Bytes => {
      if (at + length > bytes.length) throw badLink("it is cut off");
      return bytes.slice(at, (at += length));
    };
    const counted = (most: number): Bytes => {
      const [length = 0] = next(1);
      if (length > most) throw badLink("a part is too long");
      return next(length);
    };
    const number = (): number => next(1)[0] ?? 0;
    if (number() !== 1) throw badLink("it is of a newer version");
    const label = base32(next(32)) as Label;
    const ik = didOf(next(33));
    pointOf(ik);
    const [secret, id, name] = [next(16), next(16), text(counted(24))];
    const ways = Array.from({ length: number() }, () => ({ type: number(), at: counted(255) }));
    if (at !== bytes.length || ways.length > maxWays) throw badLink("it has parts that do not belong");
    const pods = ways.filter(({ type }) => type === podWay).map((way) => podUrl(text(way.at)));
    return { label, ik, secret, id, name, pods };
  });
}

/** accept seals an acceptance for the invite. `agree` is one of the keys of `self.keys`, with its private half. */
export async function accept(invite: Invite, self: Introduction, agree: { readonly kid: string; readonly key: CryptoKey }): Promise<Acceptance> {
  const proof = await hmac(invite.secret, join(utf8("kith accept 1"), await sha256(self.devices.text)));
  const binding = await hmac(await bindingKey(invite, agree.key), proof);
  const content = { ...written(self), agree: agree.kid, proof: b64u(proof), binding: b64u(binding) };
  const { enc, seal, derive } = await encapsulate(invite.ik, utf8("kith invite 1"));
  const sealed = await seal(utf8(JSON.stringify(content)), invite.id);
  return { body: join(enc, sealed), confirmKey: await derive(utf8("kith confirm 1"), 16) };
}

/** confirmed opens the answer to an acceptance; throws a `Refusal` when it is not from the person of the invite. */
export async function confirmed(invite: Invite, confirmKey: Bytes, answer: Bytes): Promise<Confirmation> {
  const json = parseObject(await unseal(confirmKey, invite.id, answer));
  const introduction = await readIntroduction(json);
  if (introduction.devices.label !== invite.label) throw new Refusal("wrong label");
  const [cid, webid] = [textOf(json, "cid", 64), textOf(json, "webid", 2048)];
  const salt = fromB64u(textOf(json, "salt", 43));
  if (salt?.length !== 32 || !isWebId(webid)) throw new Refusal("malformed");
  return { ...introduction, cid, webid, salt };
}

/** readIntroduction reads what a friend says of themselves; throws a `Refusal`. */
async function readIntroduction(json: Json): Promise<Introduction> {
  const devices = await acceptDeviceList(textOf(json, "device_list", maxChain));
  const keys = await acceptKeysDocument(textOf(json, "keys", 8 << 10), devices);
  if (json.label !== devices.label) throw new Refusal("wrong label");
  return { devices, keys, ways: readWays(json), name: textOf(json, "name", 160) };
}

/** readWays returns the ways that a friend names; throws a `Refusal`. */
function readWays(json: Json): readonly Way[] {
  try {
    return listOf(json, "ways", maxWays).map((way) => readWay(object(way)));
  } catch (cause) {
    throw new Refusal("malformed", { cause });
  }
}

function written({ devices, keys, ways, name }: Introduction): Json {
  return { label: devices.label, device_list: devices.text, keys: keys.text, ways, name };
}

async function bindingKey({ ik, secret }: Invite, agree: CryptoKey): Promise<Bytes> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: await publicKey(ik, "agree") }, agree, 256);
  const key = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: secret, info: utf8("kith binding 1") };
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf, key, 256));
}

async function unseal(raw: Bytes, additionalData: Bytes, sealed: Bytes): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  // The key exists for this one message, so its nonce may be constant.
  const algorithm = { name: "AES-GCM", iv: new Uint8Array(12), additionalData };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed));
  } catch (cause) {
    throw new Refusal("malformed", { cause });
  }
}
