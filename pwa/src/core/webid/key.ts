/**
 * P-256 public keys in the spellings that the protocol knows: `did:key`, compressed and whole points,
 * JWK, thumbprint, and the label that names a person (protocol §1.1).
 */

import { KithError } from "../errors.ts";
import { b64u, base32, base58, bigEndian, type Bytes, fromB64u, fromBase58, join, sha256 } from "../bytes.ts";

declare const brand: unique symbol;

/** A P-256 public key as `did:key:zDn…`: the id of a device, of a person, of an agreement key. */
export type Did = string & { readonly [brand]: "Did" };

/** What names a person for good: 52 characters of lower-case base32. */
export type Label = string & { readonly [brand]: "Label" };

/** The public half of a P-256 key (RFC 7518 §6.2.1). */
export interface Jwk {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
}

/** A private key that may sign, and the name of its public half. */
export interface Signer {
  readonly kid: Did;
  readonly key: CryptoKey;
}

const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** Members of a JWK that hold a secret, of any kind of key (RFC 7518 §6). */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/** Multicodec p256-pub (0x1200) as a varint. */
const codec = Uint8Array.of(0x80, 0x24);

/** didOf returns the `did:key` of a compressed point of 33 bytes. */
export function didOf(point: Uint8Array): Did {
  return `did:key:z${base58(join(codec, point))}` as Did;
}

/** pointOf returns the compressed point of a `did:key`; throws `keys-refused` when it is no P-256 key. */
export function pointOf(did: string): Bytes {
  const bytes = did.startsWith("did:key:z") ? fromBase58(did.slice(9), 35) : undefined;
  if (bytes === undefined || bytes[0] !== codec[0] || bytes[1] !== codec[1]) throw refused("it is no did:key of P-256");
  const point = bytes.slice(2);
  whole(point);
  return point;
}

/** parseDid returns its argument as a Did; throws `keys-refused` when it is none. */
export function parseDid(did: unknown): Did {
  if (typeof did !== "string") throw refused("it is no text");
  pointOf(did);
  return did as Did;
}

/** whole returns the uncompressed point, 65 bytes, of a compressed one; throws `keys-refused` when it is not
 * on the curve (SEC 1 §2.3.4). */
export function whole(point: Uint8Array): Bytes {
  if (point.length !== 33 || (point[0] !== 2 && point[0] !== 3)) throw refused("it is no compressed point");
  const x = number(point.subarray(1));
  const square = mod(x * x * x - 3n * x + b);
  const root = power(square, (p + 1n) / 4n);
  if (x >= p || mod(root * root) !== square) throw refused("it is no point of P-256");
  const odd = point[0] === 3;
  const y = (root % 2n === 1n) === odd ? root : p - root;
  return join(Uint8Array.of(4), point.subarray(1), bigEndian(y, 32));
}

/** compressed returns the 33 bytes of an uncompressed point; throws `keys-refused` when it is not on the curve. */
export function compressed(point: Uint8Array): Bytes {
  if (point.length !== 65 || point[0] !== 4) throw refused("it is no uncompressed point");
  const short = join(Uint8Array.of(2 + ((point[64] ?? 0) & 1)), point.subarray(1, 33));
  if (whole(short).some((byte, i) => byte !== point[i])) throw refused("it is no point of P-256");
  return short;
}

/** jwkOf returns the JWK of a key. */
export function jwkOf(did: Did): Jwk {
  const point = whole(pointOf(did));
  return { kty: "EC", crv: "P-256", x: b64u(point.subarray(1, 33)), y: b64u(point.subarray(33)) };
}

/** didOfJwk returns the key that a JWK spells; throws `keys-refused` when it is no public P-256 key. */
export function didOfJwk(jwk: unknown): Did {
  const { kty, crv, x, y, ...others } = Object(jwk) as Record<string, unknown>;
  const [left, right] = [x, y].map((part) => (typeof part === "string" ? fromB64u(part) : undefined));
  const secret = privateMembers.some((name) => name in others);
  if (kty !== "EC" || crv !== "P-256" || secret || left?.length !== 32 || right?.length !== 32) {
    throw refused("it is no public JWK of P-256");
  }
  return didOf(compressed(join(Uint8Array.of(4), left, right)));
}

/** thumbprint returns the SHA-256 of a key's JWK in base64url (RFC 7638). */
export async function thumbprint(did: Did): Promise<string> {
  const { crv, kty, x, y } = jwkOf(did);
  return b64u(await sha256(JSON.stringify({ crv, kty, x, y })));
}

/** labelOf returns the label of the person whose first key this is (protocol §1.1). */
export async function labelOf(person: Did): Promise<Label> {
  return base32(await sha256(pointOf(person))) as Label;
}

/** generate makes a key pair for signing or for agreement; the private half cannot be exported unless asked. */
export async function generate(use: "sign" | "agree", extractable = false): Promise<Signer> {
  const sign = use === "sign";
  const pair = (await crypto.subtle.generateKey(
    { name: sign ? "ECDSA" : "ECDH", namedCurve: "P-256" },
    extractable,
    sign ? ["sign", "verify"] : ["deriveBits"],
  )) as CryptoKeyPair;
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { kid: didOf(compressed(point)), key: pair.privateKey };
}

/** publicKey returns a key as WebCrypto wants it, for verifying signatures or for agreement. */
export function publicKey(did: Did, use: "sign" | "agree"): Promise<CryptoKey> {
  const algorithm = { name: use === "sign" ? "ECDSA" : "ECDH", namedCurve: "P-256" };
  return crypto.subtle.importKey("raw", whole(pointOf(did)), algorithm, true, use === "sign" ? ["verify"] : []);
}

function refused(why: string): KithError {
  return new KithError("keys-refused", `read key: ${why}`);
}

function mod(n: bigint): bigint {
  const rest = n % p;
  return rest < 0n ? rest + p : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = mod(base * base)) {
    if (exponent & 1n) result = mod(result * base);
  }
  return result;
}

function number(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
