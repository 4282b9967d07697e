/** `social/feed`: the posts that an agent may read, or what happened to them since a cursor (docs/protocol.md, Door and feed). */

import { utf8 } from "../bytes.ts";
import { iso } from "../json.ts";
import { posts } from "../pod/paths.ts";
import type { Store } from "../store/store.ts";
import { type Representation, textOf } from "./content.ts";
import { type Cursors, including, type Seen } from "./cursor.ts";
import type { Judge } from "./judge.ts";
import { list } from "./listing.ts";
import { escapedPath } from "./names.ts";
import { type Event, first, Posts } from "./news.ts";
import { type FeedQuery, nextPage } from "./query.ts";
import { Refusal } from "./refusal.ts";
import { has, read } from "./rules.ts";
import { byBytes, compactJSON, spelledJSON } from "./spelled.ts";

/** Feeding is what a feed is made from. */
export interface Feeding {
  readonly store: Store;
  readonly judge: Judge;
  readonly cursors: Cursors;
  /** checkSeen throws a `Refusal` when this device lacks something of it. */
  readonly checkSeen: (seen: Seen) => Promise<void>;
  /** Resolves when something changed, or after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly now: () => number;
}

/** Bytes of a file that an item carries, and of one that is looked at. */
const longest = { inline: 4 << 10, read: 64 << 10 };
const type = "application/activity+json";
const context = ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#", state: "kith:state" }];

/** feed returns a page; throws a `Refusal`. */
export function feed(feeding: Feeding, query: FeedQuery): Promise<Representation> {
  return query.cursor === undefined ? listing(feeding, query) : changes(feeding, query, query.cursor);
}

async function listing(feeding: Feeding, query: FeedQuery): Promise<Representation> {
  const { store, judge, cursors } = feeding;
  const [, given = "", before = ""] = /^([^.]*)\.?(.*)$/s.exec(query.page ?? "") ?? [];
  if (query.page !== undefined) await feeding.checkSeen((await cursors.read(judge.agent, given)).seen);
  if (query.page !== undefined && before === "") throw new Refusal("cursor");
  const seen = await Posts.look(store, judge);
  const cursor = query.page === undefined ? await cursors.seal(judge.agent, seen.all) : given;
  const start = before === "" ? 0 : older(seen.visible.map(({ name }) => name), before);
  const shown = seen.visible.slice(start, start + query.limit);
  const items = await Promise.all(shown.map(({ name, digest }) => item(feeding, { kind: "Add", digest, name }, query.inline)));
  const last = shown.at(-1)?.name;
  const more = last !== undefined && seen.visible.length > start + shown.length;
  return page(items, cursor, more ? nextPage(query, "page", `${cursor}.${last}`) : undefined);
}

/** older returns where the names begin that are before one; they come in descending order. */
function older(names: readonly string[], before: string): number {
  const at = names.findIndex((name) => byBytes(name, before) < 0);
  return at < 0 ? names.length : at;
}

async function changes(feeding: Feeding, query: FeedQuery, since: string): Promise<Representation> {
  const { cursors, judge } = feeding;
  const { seen } = await cursors.read(judge.agent, since);
  await feeding.checkSeen(seen);
  const events = await news(feeding, seen, query.wait);
  const told = first(events, query.limit);
  const cursor = await cursors.seal(judge.agent, including(seen, told.flatMap((event) => event.told)));
  const now = { ...feeding, judge: judge.again() };
  const items = await Promise.all(told.map((event) => item(now, event, query.inline)));
  return page(items, cursor, events.length > told.length ? nextPage(query, "cursor", cursor) : undefined);
}

/** news returns the events, as soon as there are some or the time to wait is over. What the agent may not see ends no waiting. */
async function news(feeding: Feeding, seen: Seen, wait: number): Promise<readonly Event[]> {
  const end = feeding.now() + wait;
  for (;;) {
    const events = (await Posts.look(feeding.store, feeding.judge.again())).since(seen);
    const left = end - feeding.now();
    if (events.length > 0 || left <= 0) return events;
    await feeding.wait(left);
  }
}

function page(items: readonly string[], cursor: string, next: string | undefined): Promise<Representation> {
  return textOf(type, members([
    ["@context", spelledJSON(context)],
    ["type", spelledJSON("OrderedCollectionPage")],
    ["orderedItems", `[${items.join(",")}]`],
    ["next", next && spelledJSON(next)],
    ["kith:cursor", spelledJSON(cursor)],
  ]));
}

/** members writes an object whose values are written already; those that are undefined are left out. */
function members(all: readonly (readonly [string, string | undefined])[]): string {
  return `{${all.flatMap(([name, written]) => (written === undefined ? [] : [`${spelledJSON(name)}:${written}`])).join(",")}}`;
}

async function item(feeding: Feeding, { kind, digest, name }: Pick<Event, "kind" | "digest" | "name">, inline: boolean): Promise<string> {
  const told = name === undefined ? [] : await described(feeding, `${posts}${name}/`, inline);
  return members([["type", spelledJSON(kind)], ["id", spelledJSON(`urn:kith:${digest}`)], ...told]);
}

async function described({ store, judge }: Feeding, path: string, inline: boolean): Promise<readonly (readonly [string, string | undefined])[]> {
  const { self } = await list(store, judge, path);
  const [note, replies] = [await part(store, judge, `${path}post.jsonld`), await part(store, judge, `${path}replies.jsonld`)];
  const published = saidOf(note?.text) ?? (self.modified > 0 ? iso(self.modified) : undefined);
  const post = inline ? note?.object : undefined;
  const said = replies && ((inline ? replies.object : undefined) ?? spelledJSON(replies.etag));
  return [
    ["object", spelledJSON(escapedPath(path).replace(/^\/social\//, ""))],
    ["state", spelledJSON(self.etag)],
    ["published", published && spelledJSON(published)],
    ["kith:post", post],
    ["kith:replies", said],
  ];
}

interface Part {
  readonly etag: string;
  /** Undefined when it is too long to be looked at. */
  readonly text: string | undefined;
  /** As it can stand in an answer; undefined when it cannot. */
  readonly object: string | undefined;
}

/** part returns a file of a post; undefined where the agent may not read one. */
async function part(store: Store, judge: Judge, path: string): Promise<Part | undefined> {
  const row = store.row(path);
  if (row === undefined || !has(await judge.modes(path), read)) return undefined;
  const bytes = row.size > longest.read ? undefined : await store.bytes(path);
  if (bytes === undefined) return { etag: row.etag, text: undefined, object: undefined };
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const whole = bytes.length <= longest.inline && utf8(text).length === bytes.length && !text.includes("\ufffd");
  return { etag: row.etag, text, object: whole && /^[ \t\r\n]*\{/.test(text) && parsed(text) !== undefined ? compactJSON(text) : undefined };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** saidOf returns when a post says that it was published, in its own spelling (RFC 3339). */
function saidOf(text: string | undefined): string | undefined {
  const said = text === undefined ? undefined : (Object(parsed(text)) as { readonly published?: unknown }).published;
  if (typeof said !== "string") return undefined;
  const [, day, hour, minute, second, offset] = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(said) ?? [];
  if (day === undefined) return undefined;
  const at = Date.parse(`${day}T00:00:00Z`);
  const real = !Number.isNaN(at) && iso(at).startsWith(day) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  const [offsetHours, offsetMinutes] = offset === "Z" ? [0, 0] : [Number(offset?.slice(1, 3)), Number(offset?.slice(4))];
  return real && (offsetHours ?? 0) < 24 && (offsetMinutes ?? 0) < 60 ? said : undefined;
}
