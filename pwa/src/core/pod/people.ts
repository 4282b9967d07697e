/** Friends, circles and audiences as the store's index tells them, without decrypting anything. */

import { type AudienceId, sorted } from "../acl/group.ts";
import { KithError } from "../errors.ts";
import type { Audience, AudienceView, CircleId, ContactId } from "../kith.ts";
import { named } from "../name.ts";
import type { Row, Store } from "../store/store.ts";
import type { PodWay, RelayWay } from "../webid/way.ts";
import { type Card, readCard } from "./card.ts";
import { given } from "../given.ts";
import { type CardFacts, packed, unpacked } from "./facts.ts";
import { audiencePath, audiences, cardPath, circles, contacts, type Folder, placeOf, postPath } from "./paths.ts";
import type { Tree } from "./tree.ts";

/** Contact is what the index says of one friend. */
export interface Contact {
  readonly cid: ContactId;
  readonly name: string;
  readonly label: string;
  readonly since: number;
  readonly muted: boolean;
  readonly verified: boolean;
  /** Where their pod answers; undefined when it has no address that everybody reaches. */
  readonly way: PodWay | undefined;
  /** Where messages may be left for their devices. */
  readonly relays: readonly RelayWay[];
}

/** CircleFacts is what the index says of one circle; members who are friends no longer are left out. */
export interface CircleFacts {
  readonly id: CircleId;
  readonly name: string;
  readonly hue: number;
  readonly members: readonly ContactId[];
}

/** contactsOf returns the friends, by name; blocked ones are none. */
export function contactsOf(store: Store): readonly Contact[] {
  const found: Contact[] = [];
  for (const row of store.rows(contacts)) {
    const contact = contactOf(row);
    if (contact !== undefined) found.push(contact);
  }
  return found.sort(byName);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** contact returns one friend; throws `no-such`. */
export function contact(store: Store, cid: ContactId): Contact {
  const row = store.row(cardPath(cid));
  const found = row === undefined ? undefined : contactOf(row);
  if (found === undefined) throw new KithError("no-such", "read contact: there is none of that id");
  return found;
}

function contactOf(row: Row): Contact | undefined {
  const place = placeOf(row.path);
  const { note } = row;
  if (place.kind !== "contact" || note === undefined || note.blocked === true) return undefined;
  // A record that was kept by an earlier version of the app has no relays.
  const { name, label, since, muted, verified, pod, issuer, relays = "" } = note as unknown as CardFacts;
  return { cid: place.cid, name, label, since, muted, verified, way: pod === "" ? undefined : { pod, issuer }, relays: relaysOf(relays) };
}

function relaysOf(lines: string): readonly RelayWay[] {
  return lines.split("\n").flatMap((line) => {
    const [relay = "", send = ""] = line.split(" ");
    return send === "" ? [] : [{ relay, send }];
  });
}

/** reachable tells whether there is any way to ask a friend. */
export function reachable({ way, relays }: Pick<Contact, "way" | "relays">): boolean {
  return way !== undefined || relays.length > 0;
}

/** card returns the whole record of one friend; throws `no-such`. */
export async function card(tree: Pick<Tree, "text">, cid: ContactId): Promise<Card> {
  const found = readCard((await tree.text(cardPath(cid))) ?? "");
  if (found === undefined) throw new KithError("no-such", "read contact: there is none of that id");
  return found;
}

/** circlesOf returns the circles, by name. */
export function circlesOf(store: Store, contacts = contactsOf(store)): readonly CircleFacts[] {
  const known = new Set(contacts.map(({ cid }) => cid));
  const found: CircleFacts[] = [];
  for (const row of store.rows(circles)) {
    const place = placeOf(row.path);
    if (place.kind !== "circle" || row.note === undefined) continue;
    const { name, hue, members } = row.note as unknown as { readonly name: string; readonly hue: number; readonly members: string };
    found.push({ id: place.id, name, hue, members: unpacked(members).filter((cid) => known.has(cid)) });
  }
  return found.sort(byName);
}

/** membersOf returns the people whom an audience means today. */
export function membersOf(store: Store, audience: Audience): readonly ContactId[] {
  if (audience.kind === "me") return [];
  const all = contactsOf(store).map(({ cid }) => cid);
  if (audience.kind === "all") return sorted(all);
  const chosen = circlesOf(store).filter(({ id }) => audience.circles.includes(id)).flatMap(({ members }) => members);
  const wanted = new Set([...chosen, ...audience.friends]);
  return sorted(all.filter((cid) => wanted.has(cid)));
}

/** audienceOf returns the audience that holds exactly these people, when there is one. */
export function audienceOf(store: Store, members: readonly ContactId[]): AudienceId | undefined {
  const wanted = packed(members);
  for (const row of store.rows(audiences)) {
    const place = placeOf(row.path);
    if (place.kind === "audience" && row.note?.members === wanted) return place.id;
  }
  return undefined;
}

/** audienceSize returns how many people an audience holds; undefined when it is unknown here. */
export function audienceSize(store: Store, id: AudienceId): number | undefined {
  const note = store.row(audiencePath(id))?.note;
  return note === undefined ? undefined : unpacked(note.members).length;
}

/** People are the friends and circles of one moment. */
export interface People {
  readonly contacts: readonly Contact[];
  readonly circles: readonly CircleFacts[];
}

/** peopleOf returns the friends and circles of this moment. */
export function peopleOf(store: Store): People {
  const known = contactsOf(store);
  return { contacts: known, circles: circlesOf(store, known) };
}

/** viewOf says in a person's terms who these contacts are. */
export function viewOf({ contacts: known, circles: all }: People, members: readonly ContactId[]): AudienceView {
  const wanted = new Set(members);
  const people = known.filter(({ cid }) => wanted.has(cid)).map(({ cid, name }) => ({ cid, name: named(name) }));
  if (people.length === 0) return { kind: "me", people };
  const here = packed(people.map(({ cid }) => cid));
  const circle = all.find((each) => packed(each.members) === here)?.id;
  const kind = people.length === known.length ? "all" : "some";
  return given({ kind, people, circle } as const);
}

/** postAudience returns who can see one of the owner's posts, as its access list says. */
export function postAudience(store: Store, folder: Folder, people: People): AudienceView {
  const note = store.row(`${postPath(folder)}.acl`)?.note;
  if (note?.readers === "custom") return { kind: "custom", people: [] };
  const group = note?.audience === undefined ? undefined : store.row(audiencePath(note.audience as AudienceId));
  return viewOf(people, unpacked(group?.note?.members));
}
