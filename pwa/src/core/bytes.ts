/** Bytes and their spellings in text. Every decoder refuses what its encoder would not have written. */

export type Bytes = Uint8Array<ArrayBuffer>;

const base32Digits = "abcdefghijklmnopqrstuvwxyz234567";
const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** utf8 returns the UTF-8 bytes of a text. */
export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}

/** text returns the text of UTF-8 bytes; throws a TypeError when they are none. */
export function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** readText returns the text of UTF-8 bytes; undefined when they are none. */
export function readText(bytes: Uint8Array): string | undefined {
  try {
    return text(bytes);
  } catch {
    return undefined;
  }
}

/** join returns the parts one after another. */
export function join(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** same tells whether two byte strings are equal. It is not for secrets: it stops at the first difference. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** sha256 returns the digest of bytes, or of the UTF-8 of a text. */
export async function sha256(what: Bytes | string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", typeof what === "string" ? utf8(what) : what));
}

/** hmac returns HMAC-SHA-256 (RFC 2104). */
export async function hmac(secret: Bytes, message: Bytes): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
}

/** b64u returns base64url without padding (RFC 4648 §5). */
export function b64u(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** fromB64u reads base64url; undefined when the text is not exactly what `b64u` writes. */
export function fromB64u(written: string): Bytes | undefined {
  if (!/^[\w-]*$/.test(written) || written.length % 4 === 1) return undefined;
  const binary = atob(written.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
  return b64u(bytes) === written ? bytes : undefined;
}

/** base32 returns lower-case base32 without padding (RFC 4648 §6). */
export function base32(bytes: Uint8Array): string {
  let out = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) out += base32Digits[(held >> (bits - 5)) & 31];
  }
  return bits === 0 ? out : out + base32Digits[(held << (5 - bits)) & 31];
}

/** fromBase32 reads base32; undefined when the text is not exactly what `base32` writes. */
export function fromBase32(written: string): Bytes | undefined {
  const bytes = new Uint8Array(Math.floor((written.length * 5) / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const c of written) {
    const digit = base32Digits.indexOf(c);
    if (digit < 0) return undefined;
    held = ((held << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes[at++] = held >> (bits -= 8);
  }
  return base32(bytes) === written ? bytes : undefined;
}

/** base58 returns base58btc, as in multibase `z`. */
export function base58(bytes: Uint8Array): string {
  let n = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let out = "";
  for (; n > 0n; n /= 58n) out = base58Digits[Number(n % 58n)] + out;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros < 0 ? bytes.length : zeros) + out;
}

/** fromBase58 reads base58btc of exactly `length` bytes; undefined for anything else. */
export function fromBase58(written: string, length: number): Bytes | undefined {
  let n = 0n;
  for (const c of written) {
    const digit = base58Digits.indexOf(c);
    if (digit < 0 || n >> BigInt(length * 8) > 0n) return undefined;
    n = n * 58n + BigInt(digit);
  }
  const bytes = bigEndian(n, length);
  return base58(bytes) === written ? bytes : undefined;
}

/** bigEndian returns the lowest `length` bytes of a number, highest first. */
export function bigEndian(n: bigint, length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = length - 1; i >= 0; i--, n >>= 8n) bytes[i] = Number(n & 255n);
  return bytes;
}
