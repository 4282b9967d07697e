/** `post.jsonld`: one post as an ActivityStreams 2.0 Note (protocol §2.1), written and read. */

import { iso, list, object, parse, string, time, whole } from "../json.ts";
import type { NewPicture } from "../kith.ts";
import { extensionOf, leasePath, safeName } from "./paths.ts";
import type { Reading } from "./reading.ts";

/** usualLease is for how many days a friend's copy lasts where the owner says nothing (protocol §4). */
export const usualLease = 30;

/** leaseOf returns for how many days copies of the next posts last; 0: for good. */
export async function leaseOf(tree: Pick<Reading, "text">): Promise<number> {
  const days = Number((await tree.text(leasePath)) ?? usualLease);
  return Number.isSafeInteger(days) && days >= 0 ? days : usualLease;
}

/** Image is one size of a picture: a file in the post's folder. */
export interface Image {
  /** A name without slashes. */
  readonly url: string;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
}

/** Attachment is one picture of a post; `thumb` is absent where its author made none. */
export interface Attachment extends Image {
  readonly alt: string;
  readonly thumb?: Image | undefined;
}

/** Note is what a post says. Times are milliseconds since the epoch. */
export interface Note {
  readonly text: string;
  readonly published: number;
  readonly updated?: number | undefined;
  /** For how many days a friend's copy lasts without contact; 0: for good (protocol §4). */
  readonly lease?: number | undefined;
  readonly attachments: readonly Attachment[];
}

const maxPictures = 50;
const maxAlt = 2000;
/** maxText is the longest text of a post, in UTF-16 code units. */
export const maxText = 20_000;

/** attachmentOf returns what a note says of the picture at `index`, counted from 0; undefined when its kind is not one this app writes. */
export function attachmentOf(picture: NewPicture, index: number): Attachment | undefined {
  const { mediaType, width, height, thumbWidth, thumbHeight } = picture;
  const extension = extensionOf(mediaType);
  if (extension === undefined) return undefined;
  const name = index + 1;
  const thumb = { url: `${name}-t.${extension}`, mediaType, width: thumbWidth, height: thumbHeight };
  return { url: `${name}.${extension}`, mediaType, width, height, alt: picture.alt.slice(0, maxAlt), thumb };
}

const vocabulary = "https://www.w3.org/ns/activitystreams";

/** noteText writes `post.jsonld`. */
export function noteText(note: Note): string {
  const image = ({ url, mediaType, width, height }: Image): object => ({ type: "Image", url, mediaType, width, height });
  const attachment = note.attachments.map((each) => ({
    ...image(each),
    name: each.alt,
    preview: each.thumb && image(each.thumb),
  }));
  return JSON.stringify({
    "@context": note.lease === undefined ? vocabulary : [vocabulary, { kith: "https://kith.invalid/ns#" }],
    id: "./",
    type: "Note",
    published: iso(note.published),
    updated: note.updated === undefined ? undefined : iso(note.updated),
    content: note.text,
    mediaType: "text/plain",
    "kith:lease": note.lease,
    attachment: attachment.length === 0 ? undefined : attachment,
  });
}

/** readNote reads `post.jsonld`; undefined when it is no note with a date. Pictures that could lead out of the folder are left out. */
export function readNote(text: string): Note | undefined {
  return noteOf(parse(text));
}

/** noteOf is `readNote` of JSON that is already taken apart. */
export function noteOf(value: unknown): Note | undefined {
  const note = object(value);
  const published = time(note?.published);
  if (note === undefined || note.type !== "Note" || published === undefined) return undefined;
  const attachments = list(note.attachment).slice(0, maxPictures).flatMap(readAttachment);
  return { text: string(note.content, maxText) ?? "", published, updated: time(note.updated), lease: whole(note["kith:lease"]), attachments };
}

function readAttachment(value: unknown): readonly Attachment[] {
  const picture = object(value);
  const image = readImage(picture);
  if (picture === undefined || image === undefined) return [];
  return [{ ...image, alt: string(picture.name, maxAlt) ?? "", thumb: readImage(object(picture.preview)) }];
}

function readImage(value: ReturnType<typeof object>): Image | undefined {
  const url = string(value?.url, 100);
  const mediaType = string(value?.mediaType, 100);
  if (url === undefined || !safeName(url) || mediaType === undefined || !/^image\/[a-z0-9.+-]+$/.test(mediaType)) return undefined;
  if (mediaType.includes("svg")) return undefined;
  return { url, mediaType, width: whole(value?.width) ?? 0, height: whole(value?.height) ?? 0 };
}
