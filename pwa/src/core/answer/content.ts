/** A representation, sent under the conditions and for the range of a request (RFC 9110 §13, §14). */

import { b64u, type Bytes, sha256, utf8 } from "../bytes.ts";
import type { SealedRequest } from "../sealed/request.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import { Refusal } from "./refusal.ts";
import { httpDate } from "./spelled.ts";

/** Representation is what is sent when nothing speaks against it. */
export interface Representation {
  readonly type: string;
  /** Strong and quoted. */
  readonly etag: string;
  /** Milliseconds since the epoch; 0 when it is not told. */
  readonly modified: number;
  /** False where conditions do not depend on the date. */
  readonly dated: boolean;
  readonly size: number;
  /** Called when bytes are sent. */
  readonly bytes: () => Promise<Bytes>;
}

/** textOf returns a text as a representation that is known by its digest. */
export async function textOf(type: string, text: string): Promise<Representation> {
  const bytes = utf8(text);
  const etag = `"${b64u((await sha256(bytes)).subarray(0, 16))}"`;
  return { type, etag, modified: 0, dated: false, size: bytes.length, bytes: async () => bytes };
}

/** So many bytes of a representation are sent at once; who wants more asks for the rest by range (docs/protocol.md, Sealed requests). */
const largestPart = 512 << 10;

/** send answers GET and HEAD; throws a `Refusal` for a condition or range that does not hold. */
export async function send({ method, headers }: Pick<SealedRequest, "method" | "headers">, what: Representation): Promise<SealedResponse> {
  const out = new Headers({ "Content-Type": what.type, ETag: what.etag });
  if (what.modified > 0) out.set("Last-Modified", httpDate(what.modified));
  const at = what.dated && what.modified > 0 ? Math.floor(what.modified / 1000) * 1000 : undefined;
  const ranged = checkConditions(headers, what.etag, at);
  if (ranged === undefined) return notModified(out);
  out.set("Accept-Ranges", "bytes");
  if (method === "HEAD") return { status: 200, headers: out, bytes: new Uint8Array(0) };
  const part = rangeOf(ranged ? headers.get("Range") : null, what.size) ?? (what.size > largestPart ? { start: 0, end: largestPart } : undefined);
  const all = await what.bytes();
  if (part === undefined) return { status: 200, headers: out, bytes: all };
  const end = Math.min(part.end, part.start + largestPart);
  out.set("Content-Range", `bytes ${part.start}-${end - 1}/${what.size}`);
  return { status: 206, headers: out, bytes: all.slice(part.start, end) };
}

function notModified(headers: Headers): SealedResponse {
  for (const name of ["Content-Type", "Last-Modified"]) headers.delete(name);
  return { status: 304, headers, bytes: new Uint8Array(0) };
}

/** checkConditions returns whether a range may be sent, or undefined where nothing was modified; throws a `Refusal` (RFC 9110 §13.2.2). */
function checkConditions(headers: Headers, etag: string, at: number | undefined): boolean | undefined {
  const match = headers.get("If-Match");
  const unmodified = match === null ? dateOf(headers.get("If-Unmodified-Since")) : undefined;
  const held = match === null ? unmodified === undefined || at === undefined || at <= unmodified : matches(match, etag, strong);
  if (!held) throw new Refusal("condition");
  const none = headers.get("If-None-Match");
  if (none !== null && matches(none, etag, weak)) return undefined;
  const since = none === null ? dateOf(headers.get("If-Modified-Since")) : undefined;
  if (since !== undefined && at !== undefined && at <= since) return undefined;
  return mayBePart(headers.get("If-Range"), etag, at);
}

function mayBePart(written: string | null, etag: string, at: number | undefined): boolean {
  if (written === null) return true;
  const [tag] = tagsOf(written);
  return tag === undefined ? at !== undefined && dateOf(written) === at : strong(tag, etag);
}

/** matches tells whether a list of entity tags has one that is equal, or is `*`. */
export function matches(written: string, etag: string, equal: (a: string, b: string) => boolean): boolean {
  return written.trim() === "*" || tagsOf(written).some((tag) => equal(tag, etag));
}

/** tagsOf reads entity tags up to the first that is none (RFC 9110 §8.8.3). */
function tagsOf(written: string): readonly string[] {
  const found: string[] = [];
  const shape = /[\s,]*((?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*")/y;
  for (let tag = shape.exec(written); tag !== null; tag = shape.exec(written)) found.push(tag[1] ?? "");
  return found;
}

/** strong and weak are the comparisons of RFC 9110 §8.8.3.2. */
function strong(a: string, b: string): boolean {
  return a === b && !a.startsWith("W/");
}

function weak(a: string, b: string): boolean {
  return a.replace(/^W\//, "") === b.replace(/^W\//, "");
}

function dateOf(written: string | null): number | undefined {
  const at = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(written ?? "") ? Date.parse(written ?? "") : NaN;
  return Number.isNaN(at) ? undefined : at;
}

interface Part {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** rangeOf returns the part that is asked for; undefined for the whole, which is sent for several parts, for the last none and for what is malformed too (RFC 9110 §14.2). */
function rangeOf(written: string | null, size: number): Part | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(written ?? "") ?? [];
  if (from === undefined || to === undefined || size === 0) return undefined;
  if (from === "") return /[1-9]/.test(to) ? { start: Math.max(0, size - Number(to)), end: size } : undefined;
  if (to !== "" && Number(from) > Number(to)) return undefined;
  if (Number(from) >= size) throw new Refusal("range", { "Content-Range": `bytes */${size}` });
  return { start: Number(from), end: to === "" ? size : Math.min(size, Number(to) + 1) };
}
