/**
 * The recovery kit: 32 characters on paper, and a document in the tree that only they open (docs/protocol.md, The recovery kit).
 *
 *     code       base32 of: secret 16 | first 4 of SHA-256("kith kit 1" | secret)      as ABCD-EFGH-…, eight groups
 *     document   settings/kit, a JWS by the person key, typ kith-kit+jwt:
 *                {label, serial, since, key: did:key, sealed}
 *     sealed     b64u of: nonce 12 | AES-256-GCM(HKDF(secret, "kith kit 1"), {person, open})
 *
 * `person` is the person key and `open` the private half of `key`, both as PKCS #8. A device seals backups to `key`; it can open none of them.
 */

import { b64u, base32, type Bytes, fromB64u, fromBase32, join, same, sha256, utf8 } from "../bytes.ts";
import { type Json, objectIn } from "../json.ts";
import { signAs } from "../webid/jws.ts";
import { kitTyp, signedKit } from "../webid/kit.ts";
import { type Did, didOfJwk, generate, type Label, labelOf, parseDid, type Signer } from "../webid/key.ts";
import { momentOf, numberOf, textOf } from "../webid/members.ts";
import { Refusal } from "../webid/verdict.ts";
import { BackupError } from "./failure.ts";

/** Lock is the part of a kit that may lie anywhere: to what backups are sealed, and what the code opens. */
export interface Lock {
  readonly key: Did;
  readonly sealed: string;
}

/** Kit is the document of a kit, verified. */
export interface Kit extends Lock {
  /** Rises with each kit of a person. */
  readonly serial: number;
  /** When it was made, in milliseconds since the epoch. */
  readonly since: number;
  readonly text: string;
}

/** Opened is what a code opens. */
export interface OpenedKit {
  /** The person key, and the same as PKCS #8, from which it can be sealed anew. */
  readonly person: Signer;
  readonly recovery: Bytes;
  readonly label: Label;
  /** What opens backups. */
  readonly reader: Signer;
}

const domain = utf8("kith kit 1");
const [secretBytes, checkBytes] = [16, 4];

/** readCode returns the secret of a code as a person writes it: in any case, with or without dashes, with digits for letters that look
 * like them. Throws `no-kit`. */
export async function readCode(written: string): Promise<Bytes> {
  const tidy = written.toLowerCase().replace(/[^a-z0-9]/g, "").replace(/0/g, "o").replace(/1/g, "i").replace(/8/g, "b");
  const bytes = fromBase32(tidy) ?? new Uint8Array(0);
  const secret = bytes.slice(0, secretBytes);
  if (!same(bytes.subarray(secretBytes), await checkOf(secret))) throw new BackupError("no-kit", "read kit: it is none");
  return secret;
}

/** codeOf spells a secret as it is printed. */
export async function codeOf(secret: Bytes): Promise<string> {
  const letters = base32(join(secret, await checkOf(secret))).toUpperCase();
  return (letters.match(/.{4}/g) ?? []).join("-");
}

/** makeKit seals the person key, as PKCS #8, under a new secret and signs the document with it. */
export async function makeKit(secret: Bytes, person: Signer, recovery: Bytes, place: { readonly serial: number; readonly now: number; readonly nonce: Bytes }): Promise<Kit> {
  const reader = await generate("agree", true);
  const open = new Uint8Array(await crypto.subtle.exportKey("pkcs8", reader.key));
  const plain = utf8(JSON.stringify({ person: b64u(recovery), open: b64u(open) }));
  const key = await sealKey(secret, "encrypt");
  const ciphertext = await crypto.subtle.encrypt({ name: "AES-GCM", iv: place.nonce }, key, plain);
  const sealed = b64u(join(place.nonce, new Uint8Array(ciphertext)));
  const said = { label: await labelOf(person.kid), serial: place.serial, since: new Date(place.now).toISOString(), key: reader.kid, sealed };
  return readKit(await signAs(person, kitTyp, said), person.kid);
}

/** readKit reads the document of a kit of the person with that key; throws a `Refusal` when somebody else wrote it. */
export async function readKit(jws: string, person: Did): Promise<Kit> {
  const payload = await signedKit(jws, await labelOf(person));
  return { ...readLock(payload), serial: numberOf(payload, "serial", 1), since: momentOf(payload, "since"), text: jws };
}

/** readLock reads the part of a kit that stands at the head of a backup; throws a `Refusal`. */
export function readLock(json: Json): Lock {
  const [key, sealed] = [textOf(json, "key", 64), textOf(json, "sealed", 2048)];
  if (fromB64u(sealed) === undefined) throw new Refusal("malformed");
  return { key: parseDid(key), sealed };
}

/** openKit opens a lock with a secret; throws `other-kit` when it is not of that kit, `damaged` when it holds no keys. */
export async function openKit({ key: kid, sealed }: Lock, secret: Bytes): Promise<OpenedKit> {
  const bytes = fromB64u(sealed) ?? new Uint8Array(0);
  const algorithm = { name: "AES-GCM", iv: bytes.slice(0, 12) };
  const opened = await crypto.subtle.decrypt(algorithm, await sealKey(secret, "decrypt"), bytes.slice(12)).catch(() => undefined);
  const json = opened === undefined ? undefined : objectIn(new Uint8Array(opened));
  if (json === undefined) throw new BackupError("other-kit", "open kit: the secret is of another");
  const [recovery, open] = [json.person, json.open].map((each) => fromB64u(String(each)) ?? new Uint8Array(0)) as [Bytes, Bytes];
  const keys = Promise.all([personOf(recovery), crypto.subtle.importKey("pkcs8", open, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"])]);
  const [person, read] = await keys.catch((cause: unknown) => Promise.reject(new BackupError("damaged", "open kit: its keys are none", { cause })));
  return { person, recovery, label: await labelOf(person.kid), reader: { kid, key: read } };
}

/** personOf imports a person key and finds its name, which stands in its public half. */
async function personOf(recovery: Bytes): Promise<Signer> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { x, y } = await crypto.subtle.exportKey("jwk", await crypto.subtle.importKey("pkcs8", recovery, algorithm, true, ["sign"]));
  const kid = didOfJwk({ kty: "EC", crv: "P-256", x, y });
  return { kid, key: await crypto.subtle.importKey("pkcs8", recovery, algorithm, false, ["sign"]) };
}

async function checkOf(secret: Bytes): Promise<Bytes> {
  return (await sha256(join(domain, secret))).slice(0, checkBytes);
}

async function sealKey(secret: Bytes, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: domain }, base, { name: "AES-GCM", length: 256 }, false, [use]);
}
