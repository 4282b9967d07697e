/** The owner's posts: made, edited, shown to others, deleted. Each act is one batch (protocol §2.1). */

import { type AudienceId, audienceText } from "../acl/group.ts";
import { postACL } from "../acl/document.ts";
import { KithError } from "../errors.ts";
import { randomName } from "../ids.ts";
import { iso } from "../json.ts";
import type { Audience, Compose, ContactId } from "../kith.ts";
import { withoutDraft } from "./drafts.ts";
import { entries } from "./outbox.ts";
import { audienceOf, membersOf, peopleOf, postAudience } from "./people.ts";
import { audiencePath, deleted, type Folder, leasePath, postPath, relaysPath } from "./paths.ts";
import { attachmentOf, maxText, type Note, noteText, readNote } from "./post.ts";
import { digestOf } from "./traces.ts";
import { type Batch, jsonLD, type Tree, turtle } from "./tree.ts";

/** usualLease is for how many days a friend's copy lasts where the owner says nothing (protocol §4). */
export const usualLease = 30;

/** leaseOf returns for how many days copies of the next posts last; 0: for good. */
export async function leaseOf(tree: Tree): Promise<number> {
  const days = Number((await tree.text(leasePath)) ?? usualLease);
  return Number.isSafeInteger(days) && days >= 0 ? days : usualLease;
}

/** makePost writes a post: its pictures, its text, and last its access list, which makes it visible. */
export async function makePost(tree: Tree, { text, pictures, audience, draft }: Compose): Promise<Folder> {
  const attachments = pictures.map((picture, index) => attachmentOf(picture, index) ?? refuse("picture-unreadable"));
  checkText(text, pictures.length > 0);
  const [published, days] = [tree.env.now(), await leaseOf(tree)];
  const lease = days === usualLease ? undefined : days;
  const folder = `${iso(published).slice(0, 10)}-${randomName(tree.env.random, 16)}` as Folder;
  const base = postPath(folder);
  const write = async (batch: Batch): Promise<Folder> => {
    for (const [index, { full, thumb, mediaType }] of pictures.entries()) {
      const attachment = attachments[index];
      if (attachment?.thumb === undefined) continue;
      await batch.put(base + attachment.url, mediaType, full);
      await batch.put(base + attachment.thumb.url, mediaType, thumb);
    }
    await batch.putText(`${base}post.jsonld`, jsonLD, noteText({ text, published, lease, attachments }));
    await show(tree, batch, folder, audience);
    batch.set("audience/last", audience);
    if (draft !== undefined) batch.writes.push(...withoutDraft(tree.store, draft));
    return folder;
  };
  return tree.act("post", write, folder);
}

/** editPost changes a post's text. */
export function editPost(tree: Tree, folder: Folder, text: string): Promise<void> {
  const write = async (batch: Batch): Promise<void> => {
    const note = await readPost(tree, folder);
    checkText(text, note.attachments.length > 0);
    await batch.putText(`${postPath(folder)}post.jsonld`, jsonLD, noteText({ ...note, text, updated: tree.env.now() }));
  };
  return tree.act("edit", write, folder);
}

/** showPost changes who can see a post: one access list, and an audience when this set of people is new. */
export function showPost(tree: Tree, folder: Folder, audience: Audience): Promise<void> {
  return tree.act("audience", (batch) => {
    mustExist(tree, folder);
    return show(tree, batch, folder, audience);
  }, folder);
}

const context = ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }] as const;

/** deletedText writes the record of a deleted post: who was asked to delete their copy, and how many of their devices said that it is gone. */
export function deletedText(when: { readonly published: number; readonly deleted: number }, asked: readonly { readonly cid: ContactId; readonly gone?: number }[]): string {
  const gone = asked.flatMap(({ cid, gone: count }) => (count === undefined ? [] : [[cid, count] as const]));
  return JSON.stringify({
    "@context": context, type: "Tombstone", published: iso(when.published), deleted: iso(when.deleted),
    "kith:asked": asked.map(({ cid }) => cid), ...(gone.length === 0 ? {} : { "kith:gone": Object.fromEntries(gone) }),
  });
}

/** removePost erases a post with everything in it, and notes who is to delete their copy. */
export function removePost(tree: Tree, folder: Folder): Promise<void> {
  const write = async (batch: Batch): Promise<void> => {
    mustExist(tree, folder);
    const { store, env } = tree;
    const row = store.row(`${postPath(folder)}post.jsonld`);
    const asked = mayBeElsewhere(tree, folder) ? postAudience(store, folder, peopleOf(store)).people : [];
    if (row !== undefined && asked.length > 0) {
      const record = { published: Number(row.note?.published), deleted: env.now() };
      await batch.putText(deleted + (await digestOf(folder)), jsonLD, deletedText(record, asked));
    }
    batch.erase(postPath(folder));
  };
  return tree.act("delete", write, folder);
}

/** mayBeElsewhere tells whether friends can have fetched a post: from the pod, once it is there, or from this device. */
function mayBeElsewhere({ store }: Tree, folder: Folder): boolean {
  if (store.row(relaysPath) !== undefined) return true;
  return store.get("pod") !== undefined && !entries(store).some(({ what, post }) => what === "post" && post === folder);
}

/** readPost returns what a post of the owner's says; throws `no-such`. */
export async function readPost(tree: Tree, folder: Folder): Promise<Note> {
  const text = await tree.text(`${postPath(folder)}post.jsonld`);
  return (text === undefined ? undefined : readNote(text)) ?? refuse("no-such");
}

async function show(tree: Tree, batch: Batch, folder: Folder, audience: Audience): Promise<void> {
  const members = membersOf(tree.store, audience);
  const group = members.length === 0 ? undefined : await groupOf(tree, batch, members);
  await batch.putText(`${postPath(folder)}.acl`, turtle, postACL(group));
}

/** groupOf returns the audience of exactly these people, and writes it when it is the first of its kind. */
async function groupOf(tree: Tree, batch: Batch, members: readonly ContactId[]): Promise<AudienceId> {
  const known = audienceOf(tree.store, members);
  if (known !== undefined) return known;
  const id = randomName(tree.env.random, 20) as AudienceId;
  await batch.putText(audiencePath(id), turtle, audienceText(members));
  return id;
}

function mustExist(tree: Tree, folder: Folder): void {
  if (tree.store.row(`${postPath(folder)}post.jsonld`) === undefined) refuse("no-such");
}

function checkText(text: string, hasPictures: boolean): void {
  if (text.length > maxText) refuse("too-long");
  if (text.trim() === "" && !hasPictures) refuse("empty");
}

function refuse(code: "no-such" | "too-long" | "empty" | "picture-unreadable"): never {
  throw new KithError(code, `act on post: ${code}`);
}
