/** Paths of the tree as requests and documents spell them. */

import { Refusal } from "./refusal.ts";

const longest = { path: 2048, segment: 239, depth: 32 };

/** pathOf reads the escaped path of a request; throws a `Refusal` for one that names nothing a pod can hold (docs/protocol.md, The tree). */
export function pathOf(escaped: string): string {
  if (!escaped.startsWith("/") || escaped.length > 3 * longest.path) throw new Refusal("path");
  const segments = escaped.slice(1).split("/");
  const names = segments.map((each, i) => (each === "" && i === segments.length - 1 ? "" : nameOf(each)));
  const path = `/${names.join("/")}`;
  if (bytesIn(path) > longest.path || path.split("/").length - (path.endsWith("/") ? 2 : 1) > longest.depth) throw new Refusal("path");
  if (names.some((name, i) => /\.(acl|meta)$/.test(name) && i < names.length - 1)) throw new Refusal("reserved");
  return path;
}

function nameOf(segment: string): string {
  if (/[^\x80-\uffff\w.~!$&'()*+,;=:@%[\]-]/.test(segment)) throw new Refusal("path");
  const name = decoded(segment);
  const plain = name.normalize("NFC") === name && !/[\u0000-\u001f\u007f-\u009f\u2028\u2029/\\]/.test(name);
  const subject = subjectOf(name);
  if (name === "" || !plain || /[. ]$/.test(name) || /[. ]$/.test(subject) || bytesIn(subject) > longest.segment || isDevice(subject)) throw new Refusal("path");
  const folded = name.toLowerCase();
  if (folded.startsWith(".kith") || /\.(acl|meta)$/.test(subject.toLowerCase()) || (subject === name && /\.(acl|meta)$/.test(folded))) throw new Refusal("reserved");
  return name;
}

/** isDevice tells whether a system would take the name for one of its devices. */
function isDevice(name: string): boolean {
  const [stem = ""] = name.toLowerCase().split(".");
  return /^(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d) *$/.test(stem);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal("path");
  }
}

function bytesIn(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** escapedPath writes a path as URLs have it: the one canonical spelling (RFC 3986 §3.3). */
export function escapedPath(path: string): string {
  const escape = (segment: string): string => encodeURIComponent(segment).replace(/%(24|26|2B|2C|3B|3D|3A|40)/g, decodeURIComponent);
  return path.split("/").map(escape).join("/");
}

/** isContainer tells whether a path names a container. */
export function isContainer(path: string): boolean {
  return path.endsWith("/");
}

/** parentOf returns the container of a path; "" for the root. */
export function parentOf(path: string): string {
  const bare = path.endsWith("/") ? path.slice(0, -1) : path;
  return bare.slice(0, bare.lastIndexOf("/") + 1);
}

/** lastName returns the last segment of a path, without a slash. */
export function lastName(path: string): string {
  const bare = path.endsWith("/") ? path.slice(0, -1) : path;
  return bare.slice(bare.lastIndexOf("/") + 1);
}

/** subjectOf returns what an auxiliary belongs to; the path itself when it is none. */
export function subjectOf(path: string): string {
  return path.replace(/\.(acl|meta)$/, "");
}

/** twinOf returns the other spelling of a path, with a slash at its end or without; undefined for the root and for auxiliaries. */
export function twinOf(path: string): string | undefined {
  if (path === "/" || subjectOf(path) !== path) return undefined;
  return path.endsWith("/") ? path.slice(0, -1) : `${path}/`;
}
