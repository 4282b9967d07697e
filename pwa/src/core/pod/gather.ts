/**
 * Writing `replies.jsonld`: items only ever become more, and one that was removed leaves its id behind, so that
 * documents of which neither writer saw the other's merge as sets (protocol §3.4).
 */

import { base32, fromB64u, hmac, utf8 } from "../bytes.ts";
import { iso, type Json } from "../json.ts";
import { itemsOf, type Said } from "./replies.ts";

/** maxReplies is the longest document to which a reply is added, in UTF-16 code units. */
export const maxReplies = 200_000;

const context = ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }] as const;

/** itemOf writes one reply. */
export function itemOf({ id, kind, name, text, at }: Said): Json {
  const by = { type: "Person", name };
  const published = iso(at);
  if (kind === "like") return { id: `#${id}`, type: "Like", published, actor: by };
  return { id: `#${id}`, type: "Note", published, attributedTo: by, content: text, mediaType: "text/plain" };
}

/** removed is what stays of a reply. */
export function removed(id: string): Json {
  return { id: `#${id}`, type: "Tombstone" };
}

/** idsIn returns the ids of a document's replies, those that were removed among them. */
export function idsIn(text: string): ReadonlySet<string> {
  return new Set([...itemsOf(text).keys()].map((id) => id.slice(1)));
}

/** gathered returns the document of all that two say: one of the two, when it says it all. */
export function gathered(ours: string, theirs: string): string {
  const [a, b] = [itemsOf(ours), itemsOf(theirs)];
  const all = union(a, b);
  if (equal(all, b)) return theirs;
  return equal(all, a) ? ours : repliesText(all);
}

/** withItems returns a document with more items in it. */
export function withItems(text: string, more: readonly Json[]): string {
  return repliesText(union(itemsOf(text), new Map(more.map((item) => [String(item.id), item]))));
}

function union(a: ReadonlyMap<string, Json>, b: ReadonlyMap<string, Json>): ReadonlyMap<string, Json> {
  const all = new Map(a);
  for (const [id, item] of b) {
    const other = all.get(id);
    if (other === undefined || wins(item, other)) all.set(id, item);
  }
  return all;
}

/** wins decides between two items of one id: what was removed stays so, else every device decides the same. */
function wins(item: Json, other: Json): boolean {
  const gone = Number(item.type === "Tombstone") - Number(other.type === "Tombstone");
  return gone !== 0 ? gone > 0 : JSON.stringify(item) > JSON.stringify(other);
}

function equal(a: ReadonlyMap<string, Json>, b: ReadonlyMap<string, Json>): boolean {
  return a.size === b.size && [...a].every(([id, item]) => JSON.stringify(item) === JSON.stringify(b.get(id)));
}

function repliesText(items: ReadonlyMap<string, Json>): string {
  const sorted = [...items.values()].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
  return JSON.stringify({ "@context": context, type: "Collection", items: sorted });
}

/** replyId returns the id of a friend's reply: its message's name, and what only that friend and the owner can make
 * of it, so that both know whose it is and nobody else does. The owner's own replies have no such second half. */
export async function replyId(salt: string, folder: string, nonce: string): Promise<string> {
  const mac = await hmac(fromB64u(salt) ?? utf8(salt), utf8(`kith reply 1\n${folder}\n${nonce}`));
  return `${nonce}.${base32(mac).slice(0, 16)}`;
}
