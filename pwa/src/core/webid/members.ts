/** Reads members of JSON that came from outside; each throws a `Refusal` (malformed) unless it is what was asked for. */

import { text, utf8 } from "../bytes.ts";
import type { Json } from "../json.ts";
import { Refusal } from "./verdict.ts";

/** How far numbers may rise by which lists and keys documents are told from older ones: whoever could sign the largest that there is, for once, would be outranked by nobody. */
export const leap = 2 ** 32;

/** parseObject returns the JSON object in a text or in UTF-8 bytes. */
export function parseObject(written: string | Uint8Array): Json {
  try {
    return object(JSON.parse(typeof written === "string" ? written : text(written)));
  } catch (cause) {
    throw new Refusal("malformed", { cause });
  }
}

/** object returns its argument when it is a JSON object. */
export function object(value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal("malformed");
  return value as Json;
}

/** textOf returns a text of at most `size` bytes of UTF-8. */
export function textOf(json: Json, name: string, size: number): string {
  const value = json[name];
  if (typeof value !== "string" || utf8(value).length > size) throw new Refusal("malformed");
  return value;
}

/** numberOf returns a whole number from `low` up. */
export function numberOf(json: Json, name: string, low: number): number {
  const value = json[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < low) throw new Refusal("malformed");
  return value;
}

/** momentOf returns an RFC 3339 time in milliseconds since the epoch. */
export function momentOf(json: Json, name: string): number {
  const written = textOf(json, name, 40);
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(written) ? Date.parse(written) : NaN;
  if (Number.isNaN(time)) throw new Refusal("malformed");
  return time;
}

/** listOf returns an array of at most `size` elements, an empty one when it is absent. */
export function listOf(json: Json, name: string, size: number): readonly unknown[] {
  const value = name in json ? json[name] : [];
  if (!Array.isArray(value) || value.length > size) throw new Refusal("malformed");
  return value;
}
