/**
 * The sending half of HPKE (RFC 9180), base mode, one message, in the one suite that an invite uses:
 * DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
 *
 * It stands on WebCrypto alone, in a tenth of a library's size; RFC 9180 §A.3, the `hpke` package and Go's
 * crypto/hpke hold it to account in the tests.
 */

import { type Bytes, hmac, join, utf8 } from "../bytes.ts";
import { type Did, generate, pointOf, publicKey, type Signer, whole } from "./key.ts";

/** What one key encapsulation gives. */
export interface Encapsulation {
  /** The ephemeral public key, 65 bytes, that goes along. */
  readonly enc: Bytes;
  /** Seals the one message; a second one would reuse its nonce. */
  readonly seal: (plain: Bytes, additionalData: Bytes) => Promise<Bytes>;
  /** A secret of at most 32 bytes that both sides derive from a context (§5.3). */
  readonly derive: (context: Bytes, length: number) => Promise<Bytes>;
}

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
  const shared = await agree(key, to, join(enc, whole(pointOf(to))));
  const extractEmpty = extract(suites.hpke, noSalt, "psk_id_hash", nothing);
  const context = join(Uint8Array.of(0), await extractEmpty, await extract(suites.hpke, noSalt, "info_hash", info));
  const secret = await extract(suites.hpke, shared, "secret", nothing);
  const derived = (label: string, length: number): Promise<Bytes> => expand(suites.hpke, secret, label, context, length);
  const exporter = await derived("exp", 32);
  return {
    enc,
    seal: async (plain, additionalData) => {
      const aead = await crypto.subtle.importKey("raw", await derived("key", 16), "AES-GCM", false, ["encrypt"]);
      const algorithm = { name: "AES-GCM", iv: await derived("base_nonce", 12), additionalData };
      return new Uint8Array(await crypto.subtle.encrypt(algorithm, aead, plain));
    },
    derive: (from, length) => expand(suites.hpke, exporter, "sec", from, length),
  };
}

/** agree returns the shared secret of DHKEM (§4.1). */
async function agree(own: CryptoKey, to: Did, context: Bytes): Promise<Bytes> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: await publicKey(to, "agree") }, own, 256);
  const prk = await extract(suites.kem, noSalt, "eae_prk", new Uint8Array(shared));
  return expand(suites.kem, prk, "shared_secret", context, 32);
}

function extract(suite: Bytes, salt: Bytes, label: string, secret: Bytes): Promise<Bytes> {
  return hmac(salt, join(utf8("HPKE-v1"), suite, utf8(label), secret));
}

/** expand is LabeledExpand for what fits into one block of the hash (§4, RFC 5869 §2.3). */
async function expand(suite: Bytes, prk: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const block = join(Uint8Array.of(0, length), utf8("HPKE-v1"), suite, utf8(label), info, Uint8Array.of(1));
  return (await hmac(prk, block)).slice(0, length);
}
