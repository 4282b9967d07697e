/** What is asked of the feed (docs/protocol.md, Door and feed). */

import { Refusal } from "./refusal.ts";

/** FeedQuery is a page of the listing, or what happened since a cursor. */
export interface FeedQuery {
  /** What happened since this one is asked. */
  readonly cursor: string | undefined;
  /** The name of an older page. */
  readonly page: string | undefined;
  readonly limit: number;
  /** Milliseconds. */
  readonly wait: number;
  readonly inline: boolean;
}

const mostAsked = 100;
const usual = { page: 50, changes: 500 };

/** feedQuery reads a query; throws a `Refusal`. */
export function feedQuery(search: string): FeedQuery {
  const all = new URLSearchParams(search);
  const names = [...all.keys()];
  if (new Set(names).size < names.length || /%(?![0-9A-Fa-f]{2})|;/.test(search)) throw new Refusal("request");
  const [cursor, page] = ["cursor", "page"].map((name) => all.get(name) ?? undefined);
  const limit = number(all, "limit", 1, mostAsked, cursor === undefined ? usual.page : usual.changes);
  const wait = number(all, "wait", 0, 25, 0) * 1000;
  const inline = number(all, "inline", 0, 1, 0) === 1;
  if (cursor !== undefined && page !== undefined) throw new Refusal("request");
  return { cursor, page, limit, wait, inline };
}

function number(all: URLSearchParams, name: string, low: number, high: number, otherwise: number): number {
  const written = all.get(name);
  if (written === null) return otherwise;
  const value = /^\d{1,6}$/.test(written) ? Number(written) : NaN;
  if (!(value >= low && value <= high)) throw new Refusal("request");
  return value;
}

/** nextPage returns the address of the page behind, asked for in the same manner. */
export function nextPage({ limit, inline }: FeedQuery, name: "cursor" | "page", value: string): string {
  const parts = [[name, queryEscaped(value)], ["inline", inline ? "1" : ""], ["limit", limit <= mostAsked ? String(limit) : ""]];
  const written = parts.filter(([, each]) => each !== "").sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return `feed?${written.map((part) => part.join("=")).join("&")}`;
}

/** queryEscaped escapes all but unreserved characters (RFC 3986 §2.3); a space is a plus. */
function queryEscaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll("%20", "+");
}
