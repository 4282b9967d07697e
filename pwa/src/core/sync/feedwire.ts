/** A friend's feed as it comes over the wire (docs/protocol.md, Door and feed), checked. */

import { type Json, object, objectIn, string, time } from "../json.ts";
import { KithError } from "../errors.ts";
import type { Client } from "../ldp/client.ts";
import { type Folder, safeName } from "../pod/paths.ts";

/** Item is one change. `seen`: the post is visible, in this state; `replies` are what was said to it, or their ETag. `gone`: it has to be forgotten. */
export type Item =
  | { readonly kind: "seen"; readonly id: string; readonly folder: Folder; readonly state: string; readonly published: number; readonly post: Json | undefined; readonly replies: Json | string | undefined }
  | { readonly kind: "gone"; readonly id: string };

/** FeedPage is one answer. */
export interface FeedPage {
  readonly items: readonly Item[];
  readonly cursor: string | undefined;
  /** The path below the pod of the next older page. */
  readonly next: string | undefined;
}

const pageMax = 2 << 20;

/** firstPage asks for the newest posts, small texts included. */
export const firstPage = "social/feed?limit=100&inline=1";

/** since returns the path of the changes after a cursor, small texts included. */
export function since(cursor: string): string {
  return `social/feed?${new URLSearchParams({ cursor, inline: "1" })}`;
}

/** readFeed asks for one page; undefined when the cursor is too old (410). */
export async function readFeed(client: Client, path: string): Promise<FeedPage | undefined> {
  const answer = await client.ask({ method: "GET", path, max: pageMax, allow: [200, 410] });
  if (answer.status === 410) return undefined;
  return pageOf(objectIn(answer.bytes), client.way.pod);
}

/** pageOf reads a page of the pod at that URL; throws `friend-unreachable` when it is none, because then something else answered. Items that lead elsewhere are left out. */
export function pageOf(page: Json | undefined, pod: string): FeedPage {
  if (page === undefined || !Array.isArray(page.orderedItems)) throw new KithError("friend-unreachable", "read feed: not of the form expected");
  return { items: page.orderedItems.flatMap((each) => itemOf(object(each), pod) ?? []), cursor: string(page["kith:cursor"], 2048), next: nextOf(page.next, pod) };
}

function itemOf(item: Json | undefined, pod: string): Item | undefined {
  const id = string(item?.id, 200);
  if (id === undefined) return undefined;
  if (item?.type === "Remove" || item?.type === "Delete") return { kind: "gone", id };
  const [state, published] = [string(item?.state, 200), time(item?.published)];
  const [folder, replies] = [folderOf(item?.object, pod), item?.["kith:replies"]];
  if (state === undefined || folder === undefined) return undefined;
  return { kind: "seen", id, folder, state, published: published ?? 0, post: object(item?.["kith:post"]), replies: object(replies) ?? string(replies, 100) };
}

/** below returns the path under the pod's URL that a reference in the feed means; undefined when it leads elsewhere. */
function below(reference: unknown, pod: string): string | undefined {
  const written = string(reference, 2048);
  const base = `${pod}social/feed`;
  if (written === undefined || !URL.canParse(written, base)) return undefined;
  const { href } = new URL(written, base);
  return href.startsWith(pod) ? href.slice(pod.length) : undefined;
}

function folderOf(reference: unknown, pod: string): Folder | undefined {
  const name = /^social\/posts\/([^/]+)\/$/.exec(below(reference, pod) ?? "")?.[1];
  return name !== undefined && safeName(name) ? (name as Folder) : undefined;
}

function nextOf(reference: unknown, pod: string): string | undefined {
  const path = below(reference, pod);
  return path?.startsWith("social/feed?") ? path : undefined;
}
