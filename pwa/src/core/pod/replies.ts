/**
 * `replies.jsonld`: what was said to a post, as its owner lets those who see the post see it
 * (docs/protocol.md, Replies); gather.ts writes it.
 */

import { type Json, list, object, parse, string, time } from "../json.ts";
import type { Row } from "../store/store.ts";

/** repliesName is the file's name in the post's folder. */
export const repliesName = "replies.jsonld";
/** maxSaid is the longest comment, in UTF-16 code units. */
export const maxSaid = 2000;
/** Said is one reply as the document has it. */
export interface Said {
  readonly id: string;
  readonly kind: "comment" | "like";
  /** What its author called themself. */
  readonly name: string;
  /** Empty for a like. */
  readonly text: string;
  readonly at: number;
}

/** saidIn returns the replies of a document, the oldest first; what is none is left out. */
export function saidIn(text: string): readonly Said[] {
  return [...itemsOf(text).values()].flatMap((item) => saidOf(item) ?? []).sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

function saidOf(item: Json): Said | undefined {
  const kind = item.type === "Note" ? "comment" : item.type === "Like" ? "like" : undefined;
  const [at, id] = [time(item.published), string(item.id, 100)];
  if (kind === undefined || at === undefined || id?.startsWith("#") !== true) return undefined;
  const by = object(kind === "like" ? item.actor : item.attributedTo);
  return { id: id.slice(1), kind, at, name: string(by?.name, 200) ?? "", text: kind === "like" ? "" : (string(item.content, maxSaid) ?? "") };
}

/** itemsOf returns the items of a document by their ids, also those of kinds that only other apps know. */
export function itemsOf(text: string): ReadonlyMap<string, Json> {
  const items = new Map<string, Json>();
  for (const item of list(parse(text)?.items).map(object)) {
    if (item !== undefined && typeof item.id === "string" && item.id !== "") items.set(item.id, item);
  }
  return items;
}

/** repliesFacts counts for lists. */
export function repliesFacts(text: string): NonNullable<Row["note"]> {
  const all = saidIn(text);
  const comments = all.filter(({ kind }) => kind === "comment").length;
  return { comments, likes: all.length - comments };
}
