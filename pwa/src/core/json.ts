/** Reading JSON that came from outside: every function returns a value of the type asked for, or undefined. */

import { readText } from "./bytes.ts";

/** Json is an object of unknown members. */
export type Json = Readonly<Record<string, unknown>>;

/** object returns its argument when it is a JSON object. */
export function object(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** list returns its argument when it is an array, else an empty one. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** string returns its argument when it is a string of at most `max` code units. */
export function string(value: unknown, max = 4096): string | undefined {
  return typeof value === "string" && value.length <= max ? value : undefined;
}

/** whole returns its argument when it is a whole number, neither negative nor beyond exactness. */
export function whole(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** time returns the milliseconds of an RFC 3339 text. */
export function time(value: unknown): number | undefined {
  const text = string(value, 40);
  if (text === undefined || !/^\d{4}-\d\d-\d\dT/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** iso writes milliseconds as RFC 3339 in UTC. */
export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** parse reads a JSON object from text; undefined when it is none. */
export function parse(text: string): Json | undefined {
  try {
    return object(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** objectIn reads a JSON object from UTF-8; undefined when it is none. */
export function objectIn(bytes: Uint8Array): Json | undefined {
  return parse(readText(bytes) ?? "");
}

/** listIn reads a JSON array from UTF-8; undefined when it is none. */
export function listIn(bytes: Uint8Array): readonly unknown[] | undefined {
  const { all } = parse(`{"all":${readText(bytes) ?? ""}}`) ?? {};
  return Array.isArray(all) ? all : undefined;
}

/** url returns an absolute http or https URL without credentials, query or fragment, exactly as given. */
export function url(value: unknown): string | undefined {
  const text = string(value, 2048);
  if (text === undefined || !URL.canParse(text)) return undefined;
  const read = new URL(text);
  const plain = (read.protocol === "https:" || read.protocol === "http:") && read.username === "" && read.password === "";
  return plain && read.search === "" && read.hash === "" ? text : undefined;
}
