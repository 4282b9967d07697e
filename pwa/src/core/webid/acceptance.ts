/**
 * The acceptance that is sealed to an invite, and the confirmation that comes back (protocol §7).
 *
 *     acceptance    HPKE enc 65 | ciphertext of JSON        (RFC 9180, base mode)
 *     confirmation  AES-128-GCM of JSON under a key that the acceptance's HPKE context exports
 */

import { acceptKeysDocument, type KeysDocument } from "./agreement.ts";
import { b64u, type Bytes, fromB64u, hmac, join, sha256, utf8 } from "../bytes.ts";
import type { Json } from "../json.ts";
import { acceptDeviceList, maxChain } from "./devices.ts";
import type { DeviceList } from "./list.ts";
import { decapsulator, encapsulate, encLength } from "./hpke.ts";
import type { Invite } from "./invite.ts";
import { parseObject, textOf } from "./members.ts";
import { type Did, publicKey, type Signer } from "./key.ts";
import { isWebId, readWays } from "./link.ts";
import type { Way } from "./way.ts";
import { Refusal } from "./verdict.ts";

const info = utf8("kith invite 1");
const confirmInfo = utf8("kith confirm 1");
/** A confirmation's key exists for that one message, so its nonce may be constant. */
const noNonce = new Uint8Array(12);

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

/** accept seals an acceptance for the invite. `agree` is one of the keys of `self.keys`, with its private half. */
export async function accept(invite: Invite, self: Introduction, agree: { readonly kid: string; readonly key: CryptoKey }): Promise<Acceptance> {
  const proof = await hmac(invite.secret, join(utf8("kith accept 1"), await sha256(self.devices.text)));
  const binding = await hmac(await bindingKey(invite.secret, agree.key, invite.ik), proof);
  const content = { ...written(self), agree: agree.kid, proof: b64u(proof), binding: b64u(binding) };
  const { enc, seal, derive } = await encapsulate(invite.ik, info);
  const sealed = await seal(utf8(JSON.stringify(content)), invite.id);
  return { body: join(enc, sealed), confirmKey: await derive(confirmInfo, 16) };
}

/** What the holder of an invite's key knows of it. */
export type OwnInvite = Pick<Invite, "id" | "secret"> & { readonly key: Signer };

/** accepted opens an acceptance of the invite as its maker, with the key for the confirmation; throws a `Refusal`. */
export async function accepted({ id, secret, key }: OwnInvite, body: Bytes): Promise<{ readonly by: Introduction; readonly confirmKey: Bytes }> {
  const opened = await decapsulator(key, info)(body.slice(0, encLength)).catch(() => undefined);
  const plain = await opened?.open(body.slice(encLength), id);
  if (opened === undefined || plain === undefined) throw new Refusal("malformed");
  const json = parseObject(plain);
  const by = await readIntroduction(json);
  const proof = await hmac(secret, join(utf8("kith accept 1"), await sha256(by.devices.text)));
  if (textOf(json, "proof", 64) !== b64u(proof)) throw new Refusal("bad proof");
  const agree = by.keys.agree.find(({ kid }) => kid === textOf(json, "agree", 64));
  if (agree === undefined) throw new Refusal("bad binding");
  const binding = await hmac(await bindingKey(secret, key.key, agree.key), proof);
  if (textOf(json, "binding", 64) !== b64u(binding)) throw new Refusal("bad binding");
  return { by, confirmKey: await opened.derive(confirmInfo, 16) };
}

/** confirmation seals the answer to an acceptance. It may be made once only: who answers again sends the same bytes. */
export async function confirmation(id: Bytes, confirmKey: Bytes, { cid, webid, salt, ...self }: Confirmation): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", confirmKey, "AES-GCM", false, ["encrypt"]);
  const algorithm = { name: "AES-GCM", iv: noNonce, additionalData: id };
  const content = utf8(JSON.stringify({ ...written(self), cid, webid, salt: b64u(salt) }));
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, content));
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
  return { devices, keys, ways: waysOf(json), name: textOf(json, "name", 160) };
}

/** waysOf returns the ways that a friend names; throws a `Refusal`. */
function waysOf(json: Json): readonly Way[] {
  try {
    return readWays(json, "ways");
  } catch (cause) {
    throw new Refusal("malformed", { cause });
  }
}

function written({ devices, keys, ways, name }: Introduction): Json {
  return { label: devices.label, device_list: devices.text, keys: keys.text, ways, name };
}

async function bindingKey(salt: Bytes, own: CryptoKey, other: Did): Promise<Bytes> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: await publicKey(other, "agree") }, own, 256);
  const key = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt, info: utf8("kith binding 1") };
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf, key, 256));
}

async function unseal(raw: Bytes, additionalData: Bytes, sealed: Bytes): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  const algorithm = { name: "AES-GCM", iv: noNonce, additionalData };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed));
  } catch (cause) {
    throw new Refusal("malformed", { cause });
  }
}
