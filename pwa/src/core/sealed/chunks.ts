/**
 * A body in chunks of AES-128-GCM: what follows the head of a sealed request and of its answer.
 *
 *     head | chunk 0 | chunk 1 | ...           a chunk is 64 KiB of plain text, the last is shorter or equal, and a tag 16
 *     plain = length u32 | content | zeros     so that head and chunks together have one of a few sizes
 *
 * A chunk's nonce is the key's own nonce, XOR 0^7 | counter u32 | last u8; its additional bytes are the SHA-256 of the head.
 * Thus chunks can be neither left out, cut off, reordered nor taken from elsewhere.
 */

import { type Bytes, join, sha256 } from "../bytes.ts";

/** ChunkKey is a key for one body and the nonce that its counters are mixed into. */
export interface ChunkKey {
  /** 16 bytes. */
  readonly key: Bytes;
  /** 12 bytes. */
  readonly nonce: Bytes;
}

/** The longest message: 1 MiB, and one step of the padding for what stands around it. */
export const maxMessage = 17 << 16;

const step = 1 << 16;
const tag = 16;
const sizes = [1 << 10, 4 << 10, 16 << 10];

/** sealBody returns head and sealed content, padded to 1, 4, 16, 64 KiB or a multiple of 64 KiB. */
export async function sealBody({ key, nonce }: ChunkKey, head: Bytes, content: Bytes): Promise<Bytes> {
  const plain = new Uint8Array(room(head.length, 4 + content.length));
  new DataView(plain.buffer).setUint32(0, content.length);
  plain.set(content, 4);
  const aead = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const additionalData = await sha256(head);
  const chunks = pieces(plain, step).map(async (piece, i, { length }) => {
    const iv = counted(nonce, i, i === length - 1);
    return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, aead, piece));
  });
  return join(head, ...(await Promise.all(chunks)));
}

/** openBody returns the content that stands after a head of that length: `damaged` when the key did not make the chunks,
 * `malformed` when they hold something else. */
export async function openBody({ key, nonce }: ChunkKey, message: Bytes, headLength: number): Promise<Bytes | "damaged" | "malformed"> {
  const additionalData = await sha256(message.slice(0, headLength));
  const aead = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const chunks = pieces(message.subarray(headLength), step + tag).map(async (piece, i, { length }) => {
    const iv = counted(nonce, i, i === length - 1);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, aead, piece));
  });
  const plain = await Promise.all(chunks).then((parts) => join(...parts), () => undefined);
  return plain === undefined ? "damaged" : (unpadded(plain) ?? "malformed");
}

/** isPadded tells whether a message may have that size. */
export function isPadded(size: number): boolean {
  return sizes.includes(size) || (size > 0 && size % step === 0);
}

/** room returns how much plain text there is in the smallest message of a permitted size that holds `content`. */
function room(head: number, content: number): number {
  for (let size = sizes[0] ?? step, next = 1; ; size = sizes[next++] ?? (next - sizes.length) * step) {
    const body = size - head;
    const plain = body - tag * Math.ceil(body / (step + tag));
    if (plain >= content) return plain;
  }
}

function unpadded(plain: Bytes): Bytes | undefined {
  if (plain.length < 4) return undefined;
  const end = 4 + new DataView(plain.buffer).getUint32(0);
  const clean = end <= plain.length && plain.subarray(end).every((byte) => byte === 0);
  return clean ? plain.slice(4, end) : undefined;
}

function pieces(bytes: Bytes, size: number): Bytes[] {
  return Array.from({ length: Math.max(1, Math.ceil(bytes.length / size)) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

function counted(nonce: Bytes, counter: number, last: boolean): Bytes {
  const mixed = nonce.slice();
  const tail = Uint8Array.of(counter >> 24, counter >> 16, counter >> 8, counter, last ? 1 : 0);
  tail.forEach((byte, i) => (mixed[7 + i] = (mixed[7 + i] ?? 0) ^ byte));
  return mixed;
}
