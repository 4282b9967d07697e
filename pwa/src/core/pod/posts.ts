/** The owner's posts: made, edited, shown to others, deleted. Each act is one batch (protocol §2.1). */

import { type AudienceId, audienceText } from "../acl/group.ts";
import { postACL } from "../acl/document.ts";
import { KithError } from "../errors.ts";
import { randomName } from "../ids.ts";
import { iso } from "../json.ts";
import type { Audience, Compose, ContactId } from "../kith.ts";
import { askAll, askLeft } from "./asking.ts";
import { withoutDraft } from "./drafts.ts";
import { audienceOf, membersOf } from "./people.ts";
import { audiencePath, type Folder, postPath } from "./paths.ts";
import { attachmentOf, leaseOf, maxText, type Note, noteText, readNote, usualLease } from "./post.ts";
import { type Batch, jsonLD, type Tree, turtle } from "./tree.ts";

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

/** showPost changes who can see a post: one access list, and an audience when this set of people is new. It notes who is to delete their copy. */
export function showPost(tree: Tree, folder: Folder, audience: Audience): Promise<void> {
  return tree.act("audience", async (batch) => {
    mustExist(tree, folder);
    await askLeft(tree, batch, folder, membersOf(tree.store, audience));
    await show(tree, batch, folder, audience);
  }, folder);
}

/** removePost erases a post with everything in it, and notes who is to delete their copy. */
export function removePost(tree: Tree, folder: Folder): Promise<void> {
  const write = async (batch: Batch): Promise<void> => {
    mustExist(tree, folder);
    await askAll(tree, batch, folder);
    batch.erase(postPath(folder));
  };
  return tree.act("delete", write, folder);
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
