/**
 * Binary HTTP (RFC 9292): a request or a response as bytes that do not depend on how it travels.
 *
 * Written are messages of known length without trailers. Read are those of indeterminate length too, cut off where the RFC
 * allows it; trailers are read and left out.
 */

import { type Bytes, join, text, utf8 } from "../bytes.ts";

/** Field is a name in lower case and a value. */
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

/** A header section, or the control line, is not read beyond this, in bytes. */
const maxHead = 16 << 10;

/** encodeRequest writes a request of known length. */
export function encodeRequest({ method, scheme, authority, path, fields, body }: BinaryRequest): Bytes {
  const control = [method, scheme, authority, path].map((part) => counted(utf8(part)));
  return join(varint(0), ...control, section(fields), counted(body));
}

/** encodeResponse writes a response of known length. */
export function encodeResponse({ status, fields, body }: BinaryResponse): Bytes {
  return join(varint(1), varint(status), section(fields), counted(body));
}

/** decodeRequest reads a request; throws a RangeError or TypeError for anything else. */
export function decodeRequest(bytes: Bytes): BinaryRequest {
  const reader = new Reader(bytes);
  const framing = reader.number();
  if (framing !== 0 && framing !== 2) throw new RangeError("read request: it is none");
  const [method, scheme, authority, path] = [reader.string(), reader.string(), reader.string(), reader.string()];
  return { method, scheme, authority, path, ...reader.message(framing === 0) };
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

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** number reads an integer of RFC 9000 §16. */
  number(): number {
    const first = this.#take(1)[0] ?? 0;
    return this.#take((1 << (first >> 6)) - 1).reduce((value, byte) => value * 256 + byte, first & 63);
  }

  string(): string {
    return text(this.#counted(maxHead));
  }

  /** message reads fields, content and trailers, and padding after them (§3.8). */
  message(known: boolean): { readonly fields: readonly Field[]; readonly body: Bytes } {
    const fields = this.fields(known);
    const body = known ? (this.#done ? this.#take(0) : this.#counted()) : this.#chunks();
    if (!this.#done) this.fields(known);
    if (this.#rest().some((byte) => byte !== 0)) throw new RangeError("read message: bytes after its end");
    return { fields, body };
  }

  /** fields reads one section; one that is cut off before it begins is empty. */
  fields(known: boolean): readonly Field[] {
    if (this.#done) return [];
    if (!known) return this.#lines();
    const length = this.number();
    const end = this.#at + length;
    if (length > maxHead) throw new RangeError("read fields: too long");
    const fields = this.#lines(end);
    if (this.#at !== end) throw new RangeError("read fields: a line goes beyond their end");
    return fields;
  }

  /** lines reads field lines until `end`; without one, until an empty name or the end of the message. */
  #lines(end?: number): readonly Field[] {
    const fields: Field[] = [];
    const start = this.#at;
    while (this.#at < (end ?? this.#bytes.length)) {
      const name = this.string();
      if (name === "" && end === undefined) break;
      if (!/^[!#$%&'*+.^_`|~\da-z-]+$/.test(name)) throw new RangeError("read fields: no field name");
      fields.push([name, this.#value()]);
      if (this.#at - start > maxHead) throw new RangeError("read fields: too long");
    }
    return fields;
  }

  #value(): string {
    const value = this.string();
    if (/[\0\r\n]/.test(value)) throw new RangeError("read fields: no field value");
    return value;
  }

  #chunks(): Bytes {
    const parts: Bytes[] = [];
    while (!this.#done) {
      const chunk = this.#counted();
      if (chunk.length === 0) break;
      parts.push(chunk);
    }
    return join(...parts);
  }

  get #done(): boolean {
    return this.#at === this.#bytes.length;
  }

  #counted(most = Infinity): Bytes {
    const length = this.number();
    if (length > most) throw new RangeError("read message: a part is too long");
    return this.#take(length);
  }

  #take(length: number): Bytes {
    if (this.#at + length > this.#bytes.length) throw new RangeError("read message: it is cut off");
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  #rest(): Bytes {
    return this.#take(this.#bytes.length - this.#at);
  }
}

function section(fields: readonly Field[]): Bytes {
  return counted(join(...fields.flatMap(([name, value]) => [counted(utf8(name.toLowerCase())), counted(utf8(value))])));
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
