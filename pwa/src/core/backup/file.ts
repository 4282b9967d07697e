/**
 * The file of a backup: a head that the kit opens, and a body in chunks (docs/protocol.md, The phone's backup).
 *
 *     "kith backup 1\n" | length u32 | {"kit": {key, sealed}, "enc"} | chunk 0 | chunk 1 | ... | proof 32
 *     chunk    AES-256-GCM of 256 KiB of the body, the last of 1 to 256 KiB; nonce 0^7 | counter u32 | last u8; aad SHA-256(all before the body)
 *     proof    made by the device that wrote the file, over the digest: d = SHA-256(d | SHA-256(plain chunk)) for each chunk, beginning with the aad
 *     key      HPKE Export("kith backup key", 32) of enc, info "kith backup 1"
 *
 * Chunks can be neither left out, cut off, reordered nor taken from another file. Neither side holds more than two of them.
 */

import { b64u, type Bytes, fromB64u, join, sha256, utf8 } from "../bytes.ts";
import { object, objectIn } from "../json.ts";
import { decapsulator, encapsulate } from "../webid/hpke.ts";
import { BackupError } from "./failure.ts";
import { type Lock, type OpenedKit, readLock } from "./kit.ts";

/** Sink takes the bytes of a file, one piece after another. */
export type Sink = (bytes: Bytes) => Promise<void>;

/** Source is a file that can be read in parts, such as a Blob. */
export interface Source {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Head is what stands before the body. */
export interface Head {
  readonly lock: Lock;
  readonly enc: Bytes;
  /** All bytes before the body. */
  readonly bytes: Bytes;
}

const mark = "kith backup ";
const version = 1;
const info = utf8("kith backup 1");
const purpose = utf8("kith backup key");
const chunkBytes = 256 << 10;
const [tag, proofBytes] = [16, 32];
const maxHead = 8 << 10;
const magic = utf8(`${mark}${version}\n`);

/** Writer seals a body into a file. */
export class Writer {
  readonly #sink: Sink;
  readonly #key: CryptoKey;
  readonly #aad: Bytes;
  #digest: Bytes;
  #held: Uint8Array[] = [];
  #length = 0;
  #count = 0;

  private constructor(sink: Sink, key: CryptoKey, aad: Bytes) {
    this.#sink = sink;
    this.#key = key;
    this.#aad = aad;
    this.#digest = aad;
  }

  /** open writes the head of a file that a kit opens, and tells `begun` what the proof is bound to. */
  static async open(sink: Sink, { key, sealed }: Lock, begun: (enc: Bytes) => void = () => undefined): Promise<Writer> {
    const { enc, derive } = await encapsulate(key, info);
    const json = utf8(JSON.stringify({ kit: { key, sealed }, enc: b64u(enc) }));
    const head = join(magic, u32(json.length), json);
    await sink(head);
    begun(enc);
    return new Writer(sink, await aesKey(await derive(purpose, 32), "encrypt"), await sha256(head));
  }

  /** write adds to the body. */
  async write(bytes: Bytes): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      // A full chunk waits for more: only then is it not the last one.
      if (this.#length === chunkBytes) await this.#seal(false);
      const part = bytes.slice(at, at + chunkBytes - this.#length);
      this.#held.push(part);
      this.#length += part.length;
      at += part.length;
    }
  }

  /** end writes the last chunk, without which the file is none, and the proof, 32 bytes, of a digest. */
  async end(prove: (digest: Bytes) => Promise<Bytes>): Promise<void> {
    await this.#seal(true);
    await this.#sink(await prove(this.#digest));
  }

  async #seal(last: boolean): Promise<void> {
    const plain = join(...this.#held);
    this.#held = [];
    this.#length = 0;
    this.#digest = await digested(this.#digest, plain);
    const algorithm = { name: "AES-GCM", iv: nonceOf(this.#count++, last), additionalData: this.#aad };
    await this.#sink(new Uint8Array(await crypto.subtle.encrypt(algorithm, this.#key, plain)));
  }
}

/** readHead reads the head of a file; throws `no-backup`, `newer` or `damaged`. */
export async function readHead(file: Source): Promise<Head> {
  const start = await part(file, 0, magic.length + 4 + maxHead);
  const found = /^kith backup (\d{1,6})\n/.exec(String.fromCharCode(...start.subarray(0, 24)))?.[1];
  if (found === undefined) throw new BackupError("no-backup", "read backup: it is none");
  if (Number(found) !== version) throw new BackupError("newer", "read backup: it is newer");
  const at = magic.length + 4;
  const length = start.length < at ? maxHead + 1 : new DataView(start.buffer).getUint32(magic.length);
  if (length > maxHead || start.length < at + length) throw damaged();
  try {
    const json = objectIn(start.subarray(at, at + length));
    const [kit, enc] = [object(json?.kit), fromB64u(String(json?.enc))];
    if (kit === undefined || enc === undefined) throw damaged();
    return { lock: readLock(kit), enc, bytes: start.slice(0, at + length) };
  } catch (cause) {
    throw cause instanceof BackupError ? cause : damaged(cause);
  }
}

/** digested returns the digest after one more chunk. */
export async function digested(before: Bytes, plain: Bytes): Promise<Bytes> {
  return sha256(join(before, await sha256(plain)));
}

/** proofOf returns what stands behind the chunks. */
export function proofOf(file: Source): Promise<Bytes> {
  return part(file, Math.max(0, file.size - proofBytes), file.size);
}

/** chunksOf reads the body, chunk by chunk; throws `damaged` where one is not what was written, and when the last is missing. */
export async function* chunksOf(file: Source, { enc, bytes }: Head, { reader }: Pick<OpenedKit, "reader">): AsyncGenerator<Bytes> {
  const { derive } = await decapsulator(reader, info)(enc).catch((cause: unknown) => Promise.reject(damaged(cause)));
  const [key, additionalData] = [await aesKey(await derive(purpose, 32), "decrypt"), await sha256(bytes)];
  const step = chunkBytes + tag;
  const end = file.size - proofBytes;
  for (let count = 0, at = bytes.length; ; count++, at += step) {
    const last = at + step >= end;
    const sealed = await part(file, at, Math.min(at + step, end));
    const algorithm = { name: "AES-GCM", iv: nonceOf(count, last), additionalData };
    const plain = await crypto.subtle.decrypt(algorithm, key, sealed).catch((cause: unknown) => Promise.reject(damaged(cause)));
    yield new Uint8Array(plain);
    if (last) return;
  }
}

/** damaged returns the error for a file that was cut off or altered; it does not say where, as nobody can mend it there. */
export function damaged(cause?: unknown): BackupError {
  return new BackupError("damaged", "read backup: it is not whole", { cause });
}

/** u32 writes a number as four bytes, the highest first. */
export function u32(n: number): Bytes {
  return Uint8Array.of(n >> 24, n >> 16, n >> 8, n);
}

async function part(file: Source, start: number, end: number): Promise<Bytes> {
  return new Uint8Array(await file.slice(start, Math.min(end, file.size)).arrayBuffer());
}

function nonceOf(count: number, last: boolean): Bytes {
  return join(new Uint8Array(7), u32(count), Uint8Array.of(last ? 1 : 0));
}

function aesKey(raw: Bytes, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]);
}
