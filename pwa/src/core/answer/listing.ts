/** Containers as an agent may see them: the members, the ETag over all that is told, and the one JSON-LD (docs/protocol.md, What a phone answers). */

import { b64u, sha256 } from "../bytes.ts";
import type { Store } from "../store/store.ts";
import type { Judge } from "./judge.ts";
import { escapedPath, isContainer, lastName, parentOf, subjectOf } from "./names.ts";
import { control, read } from "./rules.ts";
import { byBytes, essence, inSeconds, spelledJSON } from "./spelled.ts";

/** Info is what a listing tells of one resource; a container has neither type, size nor ETag. */
export interface Info {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly etag: string;
  /** Milliseconds since the epoch; 0 when it is not told. */
  readonly modified: number;
}

/** Listing is a container as one agent sees it. */
export interface Listing {
  /** With the ETag over the listing, and the time of the newest member. */
  readonly self: Info;
  readonly members: readonly Info[];
}

/** exists tells whether a resource is there; a container is where something lies below it. */
export function exists(store: Store, path: string): boolean {
  if (path === "/") return true;
  if (!isContainer(path)) return store.row(path) !== undefined;
  for (const _ of store.rows(path)) return true;
  return false;
}

/** list returns a container as the agent of the judge sees it: the members that may be read, and those whose access the agent controls. */
export async function list(store: Store, judge: Judge, path: string): Promise<Listing> {
  const members: Info[] = [];
  for (const member of membersOf(store, path)) if (((await judge.modes(member.path)) & (read | control)) !== 0) members.push(member);
  const modified = members.reduce((newest, member) => Math.max(newest, member.modified), 0);
  const self = { ...containerAt(path), modified };
  return { self: { ...self, etag: await digest(self, members) }, members };
}

/** membersOf returns what lies directly below a container, by name; auxiliaries are no members. */
function membersOf(store: Store, path: string): readonly Info[] {
  const found = new Map<string, Info>();
  for (const row of store.rows(path)) {
    const [name = "", ...deeper] = row.path.slice(path.length).split("/");
    const member = deeper.length > 0 ? containerAt(`${path}${name}/`) : row;
    if (member.path !== path && subjectOf(member.path) === member.path) found.set(member.path, member);
  }
  return [...found.values()].sort((a, b) => byBytes(lastName(a.path), lastName(b.path)));
}

function containerAt(path: string): Info {
  return { path, type: "", size: 0, etag: "", modified: 0 };
}

async function digest(self: Info, members: readonly Info[]): Promise<string> {
  const lines = [line("listing 2", self), ...members.map((member) => line(lastName(member.path), member))];
  return `"${b64u((await sha256(lines.join(""))).subarray(0, 16))}"`;
}

/** line spells a resource for the digest; no field of it can hold a control character. */
function line(name: string, { path, type, size, modified, etag }: Info): string {
  return `${name}${isContainer(path) ? "/" : ""}\0${type}\0${size}\0${modified}\0${etag}\n`;
}

/** representationTag returns the ETag of the JSON-LD of a listing. */
export function representationTag(etag: string): string {
  return `${etag.slice(0, -1)}.jsonld"`;
}

const xsd = "http://www.w3.org/2001/XMLSchema#";

/** listingText writes a container and its members as expanded JSON-LD, one resource a line, with references relative to the container. */
export function listingText({ self, members }: Listing): string {
  const named = members.map((member) => ({ ...member, id: referenceTo(member.path) }));
  const nodes = [node("./", self, named.map(({ id }) => ({ "@id": id }))), ...named.map((member) => node(member.id, member, []))];
  return `[${nodes.map((each) => `${spelledJSON(each)}\n`).join(",")}]\n`;
}

/** referenceTo returns the reference to a path that is relative to its container. The dot keeps a name with a colon from being a scheme (RFC 3986 §4.2). */
export function referenceTo(path: string): string {
  return `./${escapedPath(path.slice(parentOf(path).length))}`;
}

function node(id: string, { path, type, size, modified }: Info, contains: readonly object[]): object {
  const literal = (value: string, kind: string): readonly object[] => [{ "@value": value, "@type": xsd + kind }];
  return {
    "@id": id,
    "@type": typesOf(path, type),
    "http://purl.org/dc/terms/modified": modified > 0 ? literal(inSeconds(modified), "dateTime") : undefined,
    "http://www.w3.org/ns/posix/stat#mtime": modified > 0 ? literal(String(Math.floor(modified / 1000)), "integer") : undefined,
    "http://www.w3.org/ns/posix/stat#size": isContainer(path) ? undefined : literal(String(size), "integer"),
    "http://www.w3.org/ns/ldp#contains": contains.length > 0 ? contains : undefined,
  };
}

function typesOf(path: string, type: string): readonly string[] {
  const ldp = "http://www.w3.org/ns/ldp#";
  const media = essence(type);
  return [
    `${ldp}Resource`,
    ...(isContainer(path) ? [`${ldp}Container`, `${ldp}BasicContainer`] : []),
    ...(path === "/" ? ["http://www.w3.org/ns/pim/space#Storage"] : []),
    ...(!isContainer(path) && /^[a-z0-9/+._-]+$/.test(media) ? [`http://www.w3.org/ns/iana/media-types/${media}#Resource`] : []),
  ];
}
