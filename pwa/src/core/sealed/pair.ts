/**
 * Who sent a sealed request, in a way that proves it to nobody but the recipient: both hold the key of this MAC, so
 * either could have made it (protocol §5.2).
 */

import { type Bytes, hmac, join, sha256, utf8 } from "../bytes.ts";
import { type Did, type Label, publicKey } from "../webid/key.ts";

/** Pair is what two devices share: the other's agreement key, and the salt that their persons keep for each other. */
export interface Pair {
  /** The other's public agreement key. */
  readonly key: Did;
  /** 32 bytes: `kith:salt` of the contact record, or `ownSalt`. */
  readonly salt: Bytes;
}

/** ownSalt returns the salt between two devices of one person. */
export function ownSalt(label: Label): Promise<Bytes> {
  return sha256(`kith own 1${label}`);
}

/** pairMac returns what stands in the slot of an encapsulation: 32 bytes over `enc` and the inner request. `own` is a
 * private agreement key, which need not be extractable. */
export async function pairMac(own: CryptoKey, { key, salt }: Pair, enc: Bytes, inner: Bytes): Promise<Bytes> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: await publicKey(key, "agree") }, own, 256);
  const ikm = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt, info: utf8("kith pair 1") };
  const secret = new Uint8Array(await crypto.subtle.deriveBits(hkdf, ikm, 256));
  return hmac(secret, join(enc, await sha256(inner)));
}

/** sameSecret compares two secrets of one length in a time that does not depend on where they differ. */
export function sameSecret(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.reduce((differs, byte, i) => differs | (byte ^ (b[i] ?? 0)), 0) === 0;
}
