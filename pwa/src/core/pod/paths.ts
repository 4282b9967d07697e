/** The layout of a person's tree (protocol §2.1): which path holds what. */

import type { AudienceId } from "../acl/group.ts";
import type { CircleId, ContactId } from "../kith.ts";

declare const brand: unique symbol;
/** Folder is the name of a post's folder, `2026-11-22-<16 base32>`. */
export type Folder = string & { readonly [brand]: "Folder" };

/** posts holds one folder per post. */
export const posts = "/social/posts/";
/** contacts holds one folder per friend. */
export const contacts = "/contacts/";
/** circles holds one file per circle. */
export const circles = "/circles/";
/** audiences holds one file per distinct set of people. */
export const audiences = "/social/audiences/";
/** inbox holds one folder per friend, into which they put things. */
export const inbox = "/social/in/";
/** deleted holds, by handle, what friends were asked to delete (asking.ts). */
export const deleted = "/social/deleted/";
/** leasePath says for how many days friends' copies of the next posts last. */
export const leasePath = "/settings/lease";
/** relaysPath holds the relays by which this person is reached, and what is derived for them. */
export const relaysPath = "/settings/relays";
/** kitPath holds the document of the recovery kit, for all devices of the person. */
export const kitPath = "/settings/kit";
/** kitsPath is where the pod tells the kits of its backups. */
export const kitsPath = "/settings/backup";
/** agreedPath holds what the owner has agreed to have deleted. */
export const agreedPath = "/settings/agreed";
/** devices is the device list. */
export const devices = "/profile/devices";
/** keys is the keys document. */
export const keys = "/profile/keys";
/** namePath is the owner's name, so that their other devices and the pod know it. */
export const namePath = "/profile/name";
/** inviteSettings is the prefix of the settings that hold the invites. */
export const inviteSettings = "invite/";
/** acceptSettings is the prefix of the settings that hold acceptances of friends' invites. */
export const acceptSettings = "accept/";
/** peers holds, by contact, copies of what friends' pods answered. It is not part of the own tree. */
export const peers = "peers/";

/** cardPath returns a friend's contact record. */
export const cardPath = (cid: ContactId): string => `${contacts}${cid}/card`;
/** circlePath returns a circle's file. */
export const circlePath = (id: CircleId): string => `${circles}${id}`;
/** audiencePath returns an audience's file. */
export const audiencePath = (id: AudienceId): string => `${audiences}${id}`;
/** recordPath returns where it stands who was asked to delete the post of that handle, or, narrowed, may no longer see it. */
export const recordPath = (handle: string, narrowed: boolean): string => `${deleted}${narrowed ? "narrowed-" : ""}${handle}`;
/** inboxPath returns the folder of what a friend sends. */
export const inboxPath = (cid: ContactId): string => `${inbox}${cid}/`;
/** postPath returns a post's folder: the owner's own, or the copy of a friend's. */
export const postPath = (folder: Folder, author?: ContactId): string => `${author === undefined ? "" : peers + author}${posts}${folder}/`;

/** The kinds of picture that this app writes, and their extensions in the pod's table. */
const extensions: Readonly<Record<string, string>> = {
  "image/webp": "webp", "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/avif": "avif",
};

/** extensionOf returns the extension of a picture's media type, or undefined when this app writes no such picture. */
export function extensionOf(mediaType: string): string | undefined {
  return extensions[mediaType];
}

/** safeName tells whether a name from outside may be one segment of a path: letters, digits, `.`, `_`, `-`. */
export function safeName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(name);
}

/** Place is what a path of the tree is, for those who act on it. */
export type Place =
  | { readonly kind: "post" | "acl" | "replies" | "media"; readonly folder: Folder }
  | { readonly kind: "contact"; readonly cid: ContactId }
  | { readonly kind: "circle"; readonly id: CircleId }
  | { readonly kind: "audience"; readonly id: AudienceId }
  | { readonly kind: "message"; readonly cid: ContactId }
  | { readonly kind: "deleted"; readonly handle: string; readonly narrowed: boolean }
  | { readonly kind: "other" };

const places: readonly (readonly [RegExp, (a: string, b: string) => Place])[] = [
  [/^\/social\/posts\/([^/]+)\/post\.jsonld$/, (folder) => ({ kind: "post", folder: folder as Folder })],
  [/^\/social\/posts\/([^/]+)\/\.acl$/, (folder) => ({ kind: "acl", folder: folder as Folder })],
  [/^\/social\/posts\/([^/]+)\/replies\.jsonld$/, (folder) => ({ kind: "replies", folder: folder as Folder })],
  [/^\/social\/posts\/([^/]+)\/[^/]+$/, (folder) => ({ kind: "media", folder: folder as Folder })],
  [/^\/contacts\/([a-z2-7]{20})\/card$/, (cid) => ({ kind: "contact", cid: cid as ContactId })],
  [/^\/circles\/([a-z2-7]{20})$/, (id) => ({ kind: "circle", id: id as CircleId })],
  [/^\/social\/audiences\/([a-z2-7]{20})$/, (id) => ({ kind: "audience", id: id as AudienceId })],
  [/^\/social\/deleted\/(narrowed-)?([\w-]{1,64})$/, (narrowed, handle) => ({ kind: "deleted", handle, narrowed: narrowed !== "" })],
  [/^\/social\/in\/([a-z2-7]{20})\/[^/.][^/]*$/, (cid) => ({ kind: "message", cid: cid as ContactId })],
];

/** placeOf returns what a path of the owner's own tree is. */
export function placeOf(path: string): Place {
  for (const [shape, place] of places) {
    const found = shape.exec(path);
    if (found !== null) return place(found[1] ?? "", found[2] ?? "");
  }
  return { kind: "other" };
}

/** validPath tells whether a path that came from outside may stand in the owner's tree (docs/protocol.md, The tree). */
export function validPath(path: string): boolean {
  if (!path.startsWith("/") || path.length > 2048 || /[\u0000-\u001f\u007f\\]|\p{Surrogate}/u.test(path)) return false;
  const segments = path.slice(1).replace(/\/$/, "").split("/");
  return path === "/" || segments.every((each) => each !== "" && each !== "." && each !== "..");
}

/** unescaped reads the path of a URL; undefined when it is not escaped UTF-8. */
export function unescaped(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** escaped writes a path as the path of a URL, segment by segment. */
export function escaped(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
