/**
 * Messages: what friends put into each other's inboxes (docs/protocol.md, Messages). They name posts of the
 * inbox's owner by a reference relative to themselves.
 */

import { base32, sha256 } from "../bytes.ts";
import { iso, type Json, object, parse, string, time } from "../json.ts";
import type { Did } from "../webid/key.ts";
import { folderOf } from "./letters.ts";
import { type Folder, safeName } from "./paths.ts";
import { maxSaid } from "./replies.ts";

/** maxMessage is the longest message that is read, in bytes. */
export const maxMessage = 160 << 10;

/** Message is one message, told apart. */
export type Message =
  /** Where its sender is reached, and their lists. */
  | { readonly kind: "ways"; readonly said: Json }
  | { readonly kind: "comment"; readonly folder: Folder; readonly text: string; readonly at: number; readonly name: string }
  | { readonly kind: "like"; readonly folder: Folder; readonly at: number; readonly name: string }
  /** Takes back what its sender said in the message of that name. */
  | { readonly kind: "undo"; readonly folder: Folder; readonly nonce: string }
  /** A device purged what had that handle in the feed of the inbox's owner. */
  | { readonly kind: "receipt"; readonly handle: string; readonly device: string }
  /** Asks to keep a post of the inbox's owner. */
  | { readonly kind: "keep"; readonly folder: Folder }
  /** Lets the inbox's owner keep what has that handle in the sender's feed. */
  | { readonly kind: "kept"; readonly handle: string };

const context = ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }] as const;
const base = "../../posts/";

/** Sendable is a message that says what it has to say once and for all; where its sender is reached is told as it is then. */
export type Sendable = Exclude<Message, { kind: "ways" }>;

/** messageText writes a message. */
export function messageText(message: Sendable): string {
  return JSON.stringify({ "@context": context, ...membersOf(message) });
}

function membersOf(message: Sendable): Json {
  switch (message.kind) {
    case "comment": return { type: "Note", inReplyTo: refTo(message.folder), published: iso(message.at), attributedTo: person(message.name), content: message.text, mediaType: "text/plain" };
    case "like": return { type: "Like", object: refTo(message.folder), published: iso(message.at), actor: person(message.name) };
    case "undo": return { type: "Delete", object: message.nonce, target: refTo(message.folder) };
    case "receipt": return { type: "Accept", object: message.handle, "kith:device": message.device };
    case "keep": return { type: "kith:Keep", object: refTo(message.folder) };
    case "kept": return { type: "kith:Kept", object: message.handle };
  }
}

function person(name: string): Json {
  return { type: "Person", name };
}

function refTo(folder: Folder): string {
  return `${base}${folder}/`;
}

/** readMessage reads a message; undefined when it is of no kind that is known. */
export function readMessage(text: string): Message | undefined {
  const json = parse(text);
  switch (json?.type) {
    case "Update": return waysOf(object(json.object));
    case "Note": return commentOf(json);
    case "Like": return about(json.object, (folder) => ({ kind: "like", folder, at: time(json.published) ?? 0, name: nameOf(json.actor) }));
    case "Delete":
    case "Undo": return undoOf(json);
    case "Accept": return receiptOf(json);
    case "kith:Keep": return about(json.object, (folder) => ({ kind: "keep", folder }));
    case "kith:Kept": return keptOf(json);
    default: return undefined;
  }
}

function waysOf(said: Json | undefined): Message | undefined {
  return said?.type === "kith:Ways" ? { kind: "ways", said } : undefined;
}

function commentOf(json: Json): Message | undefined {
  const text = string(json.content, maxSaid)?.trim();
  if (text === undefined || text === "") return undefined;
  return about(json.inReplyTo, (folder) => ({ kind: "comment", folder, text, at: time(json.published) ?? 0, name: nameOf(json.attributedTo) }));
}

function undoOf(json: Json): Message | undefined {
  const nonce = string(json.object, 100);
  return nonce === undefined || !safeName(nonce) ? undefined : about(json.target, (folder) => ({ kind: "undo", folder, nonce }));
}

function receiptOf(json: Json): Message | undefined {
  const [handle, device] = [string(json.object, 100), string(json["kith:device"], 100)];
  return handle === undefined || device === undefined ? undefined : { kind: "receipt", handle, device };
}

function keptOf(json: Json): Message | undefined {
  const handle = string(json.object, 100);
  return handle === undefined ? undefined : { kind: "kept", handle };
}

function about(reference: unknown, message: (folder: Folder) => Message): Message | undefined {
  const folder = folderOf(reference);
  return folder === undefined ? undefined : message(folder);
}

function nameOf(person: unknown): string {
  return string(object(person)?.name, 200) ?? "";
}

/** receiptName returns the name of a receipt, the same whenever that device sends it. */
export async function receiptName(handle: string, device: Did): Promise<string> {
  return base32(await sha256(`kith receipt 1\n${handle}\n${device}`)).slice(0, 20);
}
