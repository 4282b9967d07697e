/**
 * HPKE (RFC 9180), base mode, one message, in the one suite that invites, sealed requests and relays use:
 * DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
 *
 * It stands on WebCrypto alone, in a tenth of a library's size; RFC 9180 §A.3, the `hpke` package and Go's
 * crypto/hpke hold it to account in the tests.
 */

import { KithError } from "../errors.ts";
import { type Bytes, hmac, join, utf8 } from "../bytes.ts";
import { type Did, generate, pointOf, publicKey, type Signer, whole } from "./key.ts";

/** What both ends of an encapsulation can make of it. */
interface Secrets {
  /** A secret of at most 32 bytes that both sides derive from a context (§5.3). */
  readonly derive: (context: Bytes, length: number) => Promise<Bytes>;
}

/** What one key encapsulation gives. */
export interface Encapsulation extends Secrets {
  /** The ephemeral public key, 65 bytes, that goes along. */
  readonly enc: Bytes;
  /** Seals the one message; a second one would reuse its nonce. */
  readonly seal: (plain: Bytes, additionalData: Bytes) => Promise<Bytes>;
}

/** What the holder of the key makes of an encapsulation. */
export interface Decapsulation extends Secrets {
  /** Opens the one message; undefined when it was not sealed to this key, or not with these additional bytes. */
  readonly open: (sealed: Bytes, additionalData: Bytes) => Promise<Bytes | undefined>;
}

/** The length of an encapsulated key, in bytes. */
export const encLength = 65;

const suites = {
  kem: join(utf8("KEM"), Uint8Array.of(0, 0x10)),
  hpke: join(utf8("HPKE"), Uint8Array.of(0, 0x10, 0, 1, 0, 1)),
};
const nothing = new Uint8Array(0);
/** An absent salt is as many zeros as the hash has bytes (RFC 5869 §2.2). */
const noSalt = new Uint8Array(32);

/** encapsulate begins a message to the holder of a key (§5.1.1). Only a test gives the ephemeral key. */
export async function encapsulate(to: Did, info: Bytes, ephemeral?: Signer): Promise<Encapsulation> {
  const { kid, key } = ephemeral ?? (await generate("agree"));
  const enc = whole(pointOf(kid));
  const shared = await agree(key, await publicKey(to, "agree"), join(enc, whole(pointOf(to))));
  const { aead, iv, derive } = await schedule(shared, await contextOf(info), "encrypt");
  return {
    enc,
    seal: async (plain, additionalData) => new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, aead, plain)),
    derive,
  };
}

/** decapsulator returns what makes something of encapsulations to an own key (§5.1.1); that rejects with `keys-refused`
 * for what is no point of the curve. */
export function decapsulator(own: Signer, info: Bytes): (enc: Bytes) => Promise<Decapsulation> {
  const point = whole(pointOf(own.kid));
  const context = contextOf(info);
  return async (enc) => {
    const shared = await agree(own.key, await pointKey(enc), join(enc, point));
    const { aead, iv, derive } = await schedule(shared, await context, "decrypt");
    const open = async (sealed: Bytes, additionalData: Bytes): Promise<Bytes | undefined> => {
      const plain = crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, aead, sealed);
      return plain.then((bytes) => new Uint8Array(bytes), () => undefined);
    };
    return { open, derive };
  };
}

/** pointKey imports an uncompressed point; the platform refuses what is not on the curve. */
async function pointKey(point: Bytes): Promise<CryptoKey> {
  try {
    if (point.length !== encLength || point[0] !== 4) throw new RangeError("it is no uncompressed point");
    return await crypto.subtle.importKey("raw", point, { name: "ECDH", namedCurve: "P-256" }, false, []);
  } catch (cause) {
    throw new KithError("keys-refused", "read encapsulated key", { cause });
  }
}

/** agree returns the shared secret of DHKEM (§4.1). */
async function agree(own: CryptoKey, other: CryptoKey, context: Bytes): Promise<Bytes> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: other }, own, 256);
  const prk = await extract(suites.kem, noSalt, "eae_prk", new Uint8Array(shared));
  return expand(suites.kem, prk, "shared_secret", context, 32);
}

/** contextOf returns the context of base mode (§5.1), which is the same for all messages of one purpose. */
async function contextOf(info: Bytes): Promise<Bytes> {
  const absent = extract(suites.hpke, noSalt, "psk_id_hash", nothing);
  return join(Uint8Array.of(0), await absent, await extract(suites.hpke, noSalt, "info_hash", info));
}

/** schedule returns the key, the first nonce, and what derives from the exporter (§5.1, §5.3). */
async function schedule(shared: Bytes, context: Bytes, use: "encrypt" | "decrypt") {
  const secret = await extract(suites.hpke, shared, "secret", nothing);
  const derived = (label: string, length: number): Promise<Bytes> => expand(suites.hpke, secret, label, context, length);
  const [key, iv] = await Promise.all([derived("key", 16), derived("base_nonce", 12)]);
  return {
    aead: await crypto.subtle.importKey("raw", key, "AES-GCM", false, [use]),
    iv,
    derive: async (from: Bytes, length: number): Promise<Bytes> => expand(suites.hpke, await derived("exp", 32), "sec", from, length),
  };
}

function extract(suite: Bytes, salt: Bytes, label: string, secret: Bytes): Promise<Bytes> {
  return hmac(salt, join(utf8("HPKE-v1"), suite, utf8(label), secret));
}

/** expand is LabeledExpand for what fits into one block of the hash (§4, RFC 5869 §2.3). */
async function expand(suite: Bytes, prk: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const block = join(Uint8Array.of(0, length), utf8("HPKE-v1"), suite, utf8(label), info, Uint8Array.of(1));
  return (await hmac(prk, block)).slice(0, length);
}
