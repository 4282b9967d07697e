/**
 * Whom the owner asked to drop their copies of a post, and what they said (docs/protocol.md, Receipts): everybody who could
 * see it when it was deleted, and those who may no longer see one that is still there.
 *
 *     /social/deleted/<handle>             the post is gone
 *     /social/deleted/narrowed-<handle>    it is there, and no longer for these
 *
 * The first has the name by which the post was told of, and the pod forgets with it who could read the post; the second
 * must not have it, since the others are still to hear of what becomes of the post.
 */

import { iso } from "../json.ts";
import type { ContactId } from "../kith.ts";
import type { Row, Store } from "../store/store.ts";
import { deleted, inboxPath } from "./paths.ts";

const context = ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }] as const;

/** recordPath returns where it stands who was asked. */
export function recordPath(handle: string, narrowed: boolean): string {
  return `${deleted}${narrowed ? "narrowed-" : ""}${handle}`;
}

/** recordText writes who was asked, and how many of their devices said that the copy is gone. */
export function recordText(when: { readonly published: number; readonly deleted: number }, asked: readonly { readonly cid: ContactId; readonly gone?: number }[]): string {
  const gone = asked.flatMap(({ cid, gone: count }) => (count === undefined ? [] : [[cid, count] as const]));
  return JSON.stringify({
    "@context": context, type: "Tombstone", published: iso(when.published), deleted: iso(when.deleted),
    "kith:asked": asked.map(({ cid }) => cid), ...(gone.length === 0 ? {} : { "kith:gone": Object.fromEntries(gone) }),
  });
}

/** receiptsOf returns what a friend's devices said of their copies of what has that handle. */
export function receiptsOf(store: Store, cid: ContactId, handle: string): readonly Row[] {
  return [...store.rows(inboxPath(cid))].filter(({ note }) => note?.type === "Accept" && note.object === handle);
}
