/**
 * Binary HTTP (RFC 9292): a request or a response as bytes that do not depend on how it travels.
 *
 * Written are messages of known length without trailers. Read are those of indeterminate length too, cut off where the RFC
 * allows it; trailers are read and left out. Refused is what HTTP/2 calls malformed (RFC 9113 §8.2.1, §8.3).
 */

import { type Bytes, join } from "../bytes.ts";

/** Field is a name in lower case and a value, a character a byte (RFC 9110 §5.5). */
export type Field = readonly [name: string, value: string];

/** BinaryRequest is an HTTP request with its control line (§3.4). */
export interface BinaryRequest {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly fields: readonly Field[];
  readonly body: Bytes;
}

/** BinaryResponse is a final HTTP response; informational ones before it are left out (§3.5). */
export interface BinaryResponse {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Bytes;
}

/** Bounds of what is read: control line and fields together in bytes, and lines. */
const maxHead = 16 << 10;
const maxLines = 256;

const token = /^[!#$%&'*+\-.^_`|~\da-zA-Z]+$/;
const visible = /^[!-~]*$/;
const fieldName = /^[!#$%&'*+\-.^_`|~\da-z]+$/;
const fieldValue = /^$|^[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?$/;

/** encodeRequest writes a request of known length. */
export function encodeRequest({ method, scheme, authority, path, fields, body }: BinaryRequest): Bytes {
  const control = [method, scheme, authority, path].map((part) => counted(octets(part)));
  return join(varint(0), ...control, section(fields), counted(body), section([]));
}

/** encodeResponse writes a response of known length. */
export function encodeResponse({ status, fields, body }: BinaryResponse): Bytes {
  return join(varint(1), varint(status), section(fields), counted(body), section([]));
}

/** decodeRequest reads a request; throws a RangeError or TypeError for anything else. */
export function decodeRequest(bytes: Bytes): BinaryRequest {
  const reader = new Reader(bytes);
  const framing = reader.number();
  if (framing !== 0 && framing !== 2) throw new RangeError("read request: it is none");
  const [method, scheme, authority, path] = [reader.string(), reader.string(), reader.string(), reader.string()];
  if (!isControl(method, scheme, authority, path)) throw new RangeError("read request: no control line");
  return { method, scheme, authority, path, ...reader.message(framing === 0) };
}

/** isControl tells whether these may stand in a request (RFC 9113 §8.3.1, §8.5). */
function isControl(method: string, scheme: string, authority: string, path: string): boolean {
  if (!token.test(method) || !visible.test(authority)) return false;
  if (method === "CONNECT") return scheme === "" && path === "" && authority !== "";
  return token.test(scheme) && visible.test(path) && (path.startsWith("/") || (path === "*" && method === "OPTIONS"));
}

/** decodeResponse reads a response; throws a RangeError or TypeError for anything else. */
export function decodeResponse(bytes: Bytes): BinaryResponse {
  const reader = new Reader(bytes);
  const framing = reader.number();
  if (framing !== 1 && framing !== 3) throw new RangeError("read response: it is none");
  let status = reader.number();
  for (; status >= 100 && status < 200; status = reader.number()) reader.fields(framing === 1);
  if (status < 200 || status > 599) throw new RangeError("read response: no final status");
  return { status, ...reader.message(framing === 1) };
}

class Reader {
  readonly #bytes: Bytes;
  #at = 0;
  #head = 0;
  #lines = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** number reads an integer of RFC 9000 §16. */
  number(): number {
    const first = this.#take(1)[0] ?? 0;
    return this.#take((1 << (first >> 6)) - 1).reduce((value, byte) => value * 256 + byte, first & 63);
  }

  string(): string {
    const length = this.number();
    this.#head += length;
    if (this.#head > maxHead) throw new RangeError("read message: its head is too long");
    return this.#take(length).reduce((text, byte) => text + String.fromCharCode(byte), "");
  }

  /** message reads fields, content, trailers, and the padding after them; what is cut off is empty (§3.8). */
  message(known: boolean): { readonly fields: readonly Field[]; readonly body: Bytes } {
    const fields = this.fields(known);
    const body = this.#done ? this.#take(0) : known ? this.#take(this.number()) : this.#chunks();
    this.fields(known);
    if (this.#take(this.#bytes.length - this.#at).some((byte) => byte !== 0)) throw new RangeError("read message: bytes after its end");
    return { fields, body };
  }

  /** fields reads one section; one of unknown length ends with an empty name. */
  fields(known: boolean): readonly Field[] {
    if (this.#done) return [];
    const end = known ? this.number() + this.#at : this.#bytes.length;
    const fields: Field[] = [];
    while (this.#at < end && (known || this.#bytes[this.#at] !== 0)) fields.push(this.#line());
    if (!known) this.number();
    else if (this.#at !== end) throw new RangeError("read fields: a line goes beyond their end");
    return fields;
  }

  #line(): Field {
    const [name, value] = [this.string(), this.string()];
    if (++this.#lines > maxLines || !fieldName.test(name) || !fieldValue.test(value)) throw new RangeError("read fields: no field");
    return [name, value];
  }

  #chunks(): Bytes {
    const parts: Bytes[] = [];
    for (let size = this.number(); size > 0; size = this.number()) parts.push(this.#take(size));
    return join(...parts);
  }

  get #done(): boolean {
    return this.#at === this.#bytes.length;
  }

  #take(length: number): Bytes {
    if (this.#at + length > this.#bytes.length) throw new RangeError("read message: it is cut off");
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }
}

function section(fields: readonly Field[]): Bytes {
  return counted(join(...fields.flatMap(([name, value]) => [counted(octets(name)), counted(octets(value))])));
}

/** octets writes a text whose characters are bytes. */
function octets(text: string): Bytes {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function counted(part: Bytes): Bytes {
  return join(varint(part.length), part);
}

/** varint writes an integer below 2^30 in the fewest bytes (RFC 9000 §16). */
function varint(value: number): Bytes {
  if (value < 1 << 6) return Uint8Array.of(value);
  if (value < 1 << 14) return Uint8Array.of(0x40 | (value >> 8), value);
  return Uint8Array.of(0x80 | (value >> 24), value >> 16, value >> 8, value);
}
