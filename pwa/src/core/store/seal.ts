/** AES-256-GCM under keys that each seal one thing, once. */

import type { Bytes } from "../bytes.ts";

// Every key is random and used for one message, so the nonce need not differ (NIST SP 800-38D §8: the pair of
// key and nonce must not come twice).
const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) };

/** seal encrypts. */
export async function seal(key: Bytes, plain: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, await use(key, "encrypt"), plain));
}

/** unseal decrypts; undefined when the key does not fit or the ciphertext is damaged. */
export async function unseal(key: Bytes, sealed: Bytes): Promise<Bytes | undefined> {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, await use(key, "decrypt"), sealed));
  } catch {
    return undefined;
  }
}

function use(key: Bytes, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, [usage]);
}
