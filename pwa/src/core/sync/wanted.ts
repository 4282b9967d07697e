/**
 * What was asked of a friend through relays and is not wanted any more: it came by another way meanwhile, a later question took its place,
 * or what it was about is gone. Nobody asks it again, so nothing else would end its waiting before it runs out.
 */

import type { ContactId } from "../kith.ts";
import { type Letter, letterName } from "../pod/letters.ts";
import { type Folder, postPath } from "../pod/paths.ts";
import type { Store } from "../store/store.ts";
import { copyOf, seenOf } from "./copies.ts";
import type { Asked } from "./waits.ts";

/** wanted tells whether an answer would still be of use. */
export function wanted(store: Store, { whom, path, since }: Pick<Asked, "whom" | "path" | "since">): boolean {
  if (whom === "me" || whom.includes(" ")) return true;
  const cid = whom as ContactId;
  const { pathname, searchParams } = new URL(path, "https://friend.invalid");
  const [, , place, folder = "", name = ""] = pathname.split("/").map(decodeURIComponent);
  if (place === "door") return (seenOf(store, cid).doorAt ?? -Infinity) < since;
  if (place === "feed") return searchParams.get("cursor") === (store.get(`peer/${cid}/cursor`) ?? null);
  if (place === "posts") return lacks(store, cid, folder as Folder, name);
  if (place === "in") return unsent(store.get(letterName({ cid, nonce: name })) as Letter | undefined);
  return true;
}

/** lacks tells whether a file of a post that is known is not here as it is there. */
function lacks(store: Store, cid: ContactId, folder: Folder, name: string): boolean {
  const base = postPath(folder, cid);
  const row = store.row(`${base}post.jsonld`);
  const copy = row && copyOf(row);
  if (copy === undefined || copy.purged) return false;
  return store.row(base + name)?.here !== true || (name === "post.jsonld" && copy.stale);
}

function unsent(letter: Letter | undefined): boolean {
  return letter !== undefined && letter.there === undefined && letter.refused !== true;
}
