/**
 * Asking friends to drop their copies of a post (docs/protocol.md, Receipts): everybody who could
 * see it when it was deleted, and those who may no longer see one that is still there.
 *
 *     /social/deleted/<handle>             the post is gone
 *     /social/deleted/narrowed-<handle>    it is there, and no longer for these
 *
 * The first has the name by which the post was told of, and the pod forgets with it who could read the post; the second
 * must not have it, since the others are still to hear of what becomes of the post.
 */

import type { ContactId } from "../kith.ts";
import type { Store } from "../store/store.ts";
import { recordText, unpacked } from "./facts.ts";
import { receiptsOf } from "./letters.ts";
import { entries } from "./outbox.ts";
import { type Folder, postPath, recordPath, relaysPath } from "./paths.ts";
import { peopleOf, postAudience } from "./people.ts";
import { digestOf } from "./traces.ts";
import { type Batch, jsonLD, type Tree } from "./tree.ts";

/** askAll notes, with the deletion of a post, that all who may have a copy are asked to drop it. */
export async function askAll(tree: Tree, batch: Batch, folder: Folder): Promise<void> {
  const handle = await digestOf(folder);
  const narrowed = tree.store.row(recordPath(handle, true));
  if (narrowed !== undefined) batch.erase(narrowed.path);
  const seeing = readersOf(tree, folder);
  askAnew(tree.store, batch, seeing, handle);
  await note(tree, batch, folder, recordPath(handle, false), [...seeing, ...unpacked(narrowed?.note?.asked).filter((cid) => !seeing.includes(cid))]);
}

/** askLeft notes, with another audience of a post, that those who are not in it any more are asked to drop their copies. */
export async function askLeft(tree: Tree, batch: Batch, folder: Folder, members: readonly ContactId[]): Promise<void> {
  const handle = await digestOf(folder);
  const path = recordPath(handle, true);
  const before = unpacked(tree.store.row(path)?.note?.asked);
  const left = readersOf(tree, folder).filter((cid) => !members.includes(cid));
  const still = before.filter((cid) => !members.includes(cid) && !left.includes(cid));
  if (left.length === 0 && still.length === before.length) return;
  if (left.length + still.length === 0) return batch.erase(path);
  askAnew(tree.store, batch, left, handle);
  await note(tree, batch, folder, path, [...still, ...left]);
}

async function note({ store, env }: Tree, batch: Batch, folder: Folder, path: string, asked: readonly ContactId[]): Promise<void> {
  const published = Number(store.row(`${postPath(folder)}post.jsonld`)?.note?.published);
  if (asked.length > 0) await batch.putText(path, jsonLD, recordText({ published, deleted: env.now() }, asked.map((cid) => ({ cid }))));
}

/** askAnew drops what these friends said before they had the copy that they are asked about. */
function askAnew(store: Store, batch: Batch, asked: readonly ContactId[], handle: string): void {
  for (const cid of asked) for (const { path } of receiptsOf(store, cid, handle)) batch.erase(path);
}

/** readersOf returns the friends who can have fetched a post: from the pod, once it is there, or from this device. */
function readersOf(tree: Tree, folder: Folder): readonly ContactId[] {
  const { store } = tree;
  const elsewhere = store.row(relaysPath) !== undefined || (store.get("pod") !== undefined && !entries(store).some(({ what, post }) => what === "post" && post === folder));
  return elsewhere ? postAudience(store, folder, peopleOf(store)).people.map(({ cid }) => cid) : [];
}
