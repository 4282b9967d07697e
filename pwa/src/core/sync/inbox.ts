/**
 * What friends put into the inbox: applied and erased. What waits for the person's answer, or is the record
 * of somebody's, stays; so does what another kind of app sent.
 *
 *     stays       kith:Keep      while the post is there and its sender sees it, until the owner has answered
 *                 kith:Kept      as long as the sender's post is there
 *                 Accept         as long as somebody has not deleted their copy (deleted.ts)
 */

import type { ContactId } from "../kith.ts";
import { type Card, cardText } from "../pod/card.ts";
import { tidyName } from "../pod/friends.ts";
import { folderOf } from "../pod/letters.ts";
import { maxMessage, type Message, readMessage } from "../pod/message.ts";
import { cardPath, type Folder, inbox, placeOf, postPath, recordPath } from "../pod/paths.ts";
import { card, contactsOf, peopleOf, postAudience } from "../pod/people.ts";
import { itemOf, maxReplies, removed, replyId, withItems } from "../pod/gather.ts";
import { repliesName, saidIn } from "../pod/replies.ts";
import { type Batch, jsonLD } from "../pod/tree.ts";
import type { Row } from "../store/store.ts";
import { KithError } from "../errors.ts";
import type { Json } from "../json.ts";
import { alike, named } from "../name.ts";
import type { Session } from "./session.ts";

/** Follow returns a friend's record after what they say of themself. */
export type Follow = (known: Card, said: Json, now: number) => Promise<Card>;

/** readInbox applies what came; returns the paths that changed. */
export async function readInbox(session: Session, follow: Follow): Promise<readonly string[]> {
  const { tree, store } = session;
  const changed: string[] = [];
  for (const row of [...store.rows(inbox)]) {
    const place = placeOf(row.path);
    if (place.kind !== "message" || !row.here || row.size > maxMessage || stands(session, place.cid, row)) continue;
    const message = readMessage((await tree.text(row.path)) ?? "");
    if (message === undefined) continue;
    await tree.act("other", async (batch) => {
      changed.push(...(await apply(session, batch, place.cid, row.path.split("/").at(-1) ?? "", message, follow)));
      batch.erase(row.path);
    });
  }
  return changed;
}

/** stands tells whether a message has been read and stays. */
function stands({ store }: Session, cid: ContactId, { note }: Row): boolean {
  if (note?.type === "kith:Kept") return true;
  if (note?.type === "Accept") return [true, false].some((narrowed) => store.row(recordPath(String(note.object), narrowed)) !== undefined);
  const folder = note?.type === "kith:Keep" ? folderOf(note.object) : undefined;
  return folder !== undefined && sees({ store }, cid, folder);
}

/** sees tells whether a friend may see an own post. */
function sees({ store }: Pick<Session, "store">, cid: ContactId, folder: Folder): boolean {
  if (store.row(`${postPath(folder)}post.jsonld`) === undefined) return false;
  return postAudience(store, folder, peopleOf(store)).people.some((each) => each.cid === cid);
}

async function apply(session: Session, batch: Batch, cid: ContactId, nonce: string, message: Message, follow: Follow): Promise<readonly string[]> {
  const known = await card(session.tree, cid).catch(() => undefined);
  if (known === undefined) return [];
  switch (message.kind) {
    case "ways": return followed(batch, cid, known, await follow(known, message.said, session.env.now()));
    case "comment":
    case "like":
    case "undo": return replied(session, batch, cid, known, nonce, message);
    default: return [];
  }
}

async function followed(batch: Batch, cid: ContactId, known: Card, next: Card): Promise<readonly string[]> {
  if (cardText(next) !== cardText(known)) await batch.putText(cardPath(cid), jsonLD, cardText(next));
  return [cardPath(cid)];
}

type Said = Extract<Message, { folder: Folder; kind: "comment" | "like" | "undo" }>;

/** replied takes a reply in, or out: the same one once, however often it comes and wherever. */
async function replied(session: Session, batch: Batch, cid: ContactId, known: Card, nonce: string, message: Said): Promise<readonly string[]> {
  const path = postPath(message.folder) + repliesName;
  if (session.store.row(`${postPath(message.folder)}post.jsonld`) === undefined) return [];
  const text = (await session.tree.text(path)) ?? "";
  const item = message.kind === "undo" ? removed(await replyId(known.salt, message.folder, message.nonce)) : await said(session, cid, known, nonce, message, text);
  const next = item === undefined ? text : withItems(text, [item]);
  if (next === text || next.length > Math.max(maxReplies, text.length)) return [];
  await batch.putText(path, jsonLD, next);
  return [path];
}

/** said returns what a friend says to a post that they see; undefined when it was said before. */
async function said(session: Session, cid: ContactId, { salt, name }: Card, nonce: string, message: Exclude<Said, { kind: "undo" }>, text: string): Promise<Json | undefined> {
  const { folder, kind } = message;
  if (!sees(session, cid, folder) || (kind === "like" && (await likes(salt, folder, text)))) return undefined;
  const at = Math.min(message.at, session.env.now());
  return itemOf({ id: await replyId(salt, folder, nonce), kind, name: calledHere(session, cid, message.name, name), text: kind === "comment" ? message.text : "", at });
}

/** likes tells whether a friend likes a post already. */
async function likes(salt: string, folder: Folder, text: string): Promise<boolean> {
  for (const { id, kind } of saidIn(text)) {
    if (kind === "like" && (await replyId(salt, folder, id.split(".")[0] ?? "")) === id) return true;
  }
  return false;
}

/** calledHere returns the name under which others see a friend's reply: what they call themself, unless the owner or another friend is called that. */
function calledHere({ me, store }: Session, cid: ContactId, said: string, known: string): string {
  try {
    const name = tidyName(said.slice(0, 40));
    const taken = alike(me.name, name) || contactsOf(store).some((each) => each.cid !== cid && alike(each.name, name));
    return taken ? named(known) : name;
  } catch (error) {
    if (error instanceof KithError) return named(known);
    throw error;
  }
}
