/** Whose a post is, for acts that only its owner, or only others, can do. */

import { KithError } from "./errors.ts";
import type { ContactId, PostRef } from "./kith.ts";
import type { Folder } from "./pod/paths.ts";
import { whereOf } from "./sync/feed.ts";

/** own returns the folder of an own post; throws `no-such` when it is a friend's. */
export function own(ref: PostRef): Folder {
  const { cid, folder } = whereOf(ref);
  if (cid !== undefined) throw new KithError("no-such", "act on post: it is a friend's");
  return folder;
}

/** theirs returns where the copy of a friend's post lies; throws `no-such` when it is the owner's own. */
export function theirs(ref: PostRef): { readonly cid: ContactId; readonly folder: Folder } {
  const { cid, folder } = whereOf(ref);
  if (cid === undefined) throw new KithError("no-such", "act on copy: the post is the owner's own");
  return { cid, folder };
}
