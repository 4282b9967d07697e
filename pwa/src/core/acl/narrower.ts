/**
 * Which of two concurrent changes lets fewer people in (protocol §3.4): of two access lists, groups or
 * contact records that two devices wrote without knowing of each other, the narrower one wins.
 */

import { type AudienceId, readAudience } from "./group.ts";
import { readPostACL } from "./document.ts";

/** SizeOf returns how many people an audience holds; undefined when it is unknown here. */
export type SizeOf = (id: AudienceId) => number | undefined;

/** Width is how many let in: 0 for nobody but the owner, Infinity when only another app knows. */
function widthOfACL(text: string, sizeOf: SizeOf): number {
  const readers = readPostACL(text);
  if (readers.kind === "me") return 0;
  return readers.kind === "audience" ? (sizeOf(readers.id) ?? 0) : Infinity;
}

function widthOfGroup(text: string): number {
  return readAudience(text)?.length ?? Infinity;
}

/** widthOfContact counts what a record grants: nothing when blocked, else one for the person and one for each further name. */
function widthOfContact(text: string): number {
  try {
    const card = Object(JSON.parse(text)) as Record<string, unknown>;
    if (card["kith:blocked"] === true) return 0;
    const accepts = card["kith:accepts"];
    return 1 + (Array.isArray(accepts) ? accepts.length : 0);
  } catch {
    return 0;
  }
}

/** narrower returns which of two texts of `path` lets fewer in: -1 the first, 1 the second, 0 when neither or when the path grants nothing. */
export function narrower(path: string, a: string, b: string, sizeOf: SizeOf): -1 | 0 | 1 {
  const width = widthFor(path, sizeOf);
  if (width === undefined) return 0;
  const [x, y] = [width(a), width(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}

function widthFor(path: string, sizeOf: SizeOf): ((text: string) => number) | undefined {
  if (path.endsWith(".acl")) return (text) => widthOfACL(text, sizeOf);
  if (path.startsWith("/social/audiences/")) return widthOfGroup;
  return /^\/contacts\/[^/]+\/card$/.test(path) ? widthOfContact : undefined;
}
