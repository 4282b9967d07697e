/**
 * Letters: what waits to be put into a friend's inbox. The name of the message is chosen once, so that it is
 * there once however often it is sent.
 *
 *     letter/<cid>/<nonce>    one Letter
 */

import type { Env } from "../env.ts";
import type { ErrorCode } from "../errors.ts";
import { randomName } from "../ids.ts";
import { string } from "../json.ts";
import type { ContactId, OperationId, OutboxItem, PostRef } from "../kith.ts";
import type { Row, Store, Write } from "../store/store.ts";
import type { Message } from "./message.ts";
import { type Folder, inboxPath, postPath, safeName } from "./paths.ts";
import { contactsOf } from "./people.ts";

/** Letter is one message on its way. */
export interface Letter {
  readonly cid: ContactId;
  /** The name that the message has in the friend's inbox. */
  readonly nonce: string;
  readonly what: Message["kind"];
  /** What it says; where the sender is reached is written when it goes out. */
  readonly body: string;
  /** The friend's post that it is about. */
  readonly post?: PostRef;
  readonly since: number;
  /** It does not go out before this, in milliseconds since the epoch. */
  readonly after?: number;
  readonly attempts: number;
  readonly error?: ErrorCode;
  /** When the friend's inbox had it; it stays until what it asks for can be seen. */
  readonly there?: number;
  /** The friend does not take it, and it is not sent again. */
  readonly refused?: boolean;
}

const prefix = "letter/";

/** lettersTo is the prefix of the settings that hold what goes to a friend. */
export const lettersTo = (cid: ContactId): string => `${prefix}${cid}/`;

/** letterName is the setting of one letter. */
export const letterName = ({ cid, nonce }: Pick<Letter, "cid" | "nonce">): string => lettersTo(cid) + nonce;

/** letters returns all letters, or those to one friend, the oldest first. */
export function letters(store: Store, cid?: ContactId): readonly Letter[] {
  const names = store.names(cid === undefined ? prefix : lettersTo(cid));
  return names.map((name) => store.get(name) as Letter).sort((a, b) => a.since - b.since);
}

/** unsent returns what a person wrote to friends and their inboxes do not have; what the app tells by itself is left out. */
export function unsent(store: Store): readonly Unsent[] {
  const open = letters(store).filter(({ there, what }) => there === undefined && what !== "ways" && what !== "receipt");
  return open.map(({ what, cid, since, attempts, post, error, nonce }) => ({
    id: letterName({ cid, nonce }) as OperationId, what: what as OutboxItem["what"], friend: cid, since, attempts, post, error,
  }));
}

type Unsent = Pick<OutboxItem, "id" | "what" | "since" | "attempts"> & { readonly friend: ContactId; readonly post: PostRef | undefined; readonly error: ErrorCode | undefined };

/** receiptsOf returns what a friend's devices said of their copies of what has that handle. */
export function receiptsOf(store: Store, cid: ContactId, handle: string): readonly Row[] {
  return [...store.rows(inboxPath(cid))].filter(({ note }) => note?.type === "Accept" && note.object === handle);
}

/** asksOf returns the own posts that a friend asks to keep. */
export function asksOf(store: Store, cid: ContactId): readonly Folder[] {
  const asked = [...store.rows(inboxPath(cid))].filter(({ note }) => note?.type === "kith:Keep");
  return [...new Set(asked.map(({ note }) => folderOf(note?.object)))].filter((folder) => folder !== undefined && store.row(`${postPath(folder)}post.jsonld`) !== undefined) as Folder[];
}

/** folderOf returns the post that a message's reference means; undefined when it is none. */
export function folderOf(reference: unknown): Folder | undefined {
  const name = /^\.\.\/\.\.\/posts\/([^/]+)\/$/.exec(string(reference, 200) ?? "")?.[1];
  return name !== undefined && safeName(name) ? (name as Folder) : undefined;
}

/** withoutLetters returns the writes that drop letters. */
export function withoutLetters(dropped: readonly Letter[]): readonly Write[] {
  return dropped.map((letter) => ({ unset: letterName(letter) }));
}

/** tellAll returns the writes that make every friend hear where this person is reached, and by which devices. */
export function tellAll({ store, env }: { readonly store: Store; readonly env: Env }): readonly Write[] {
  const old = letters(store).filter(({ what }) => what === "ways");
  const since = env.now();
  const anew = contactsOf(store).map(({ cid }): Letter => ({ cid, nonce: randomName(env.random, 20), what: "ways", body: "", since, attempts: 0 }));
  return [...withoutLetters(old), ...anew.map((letter) => ({ set: letterName(letter), value: letter }))];
}
