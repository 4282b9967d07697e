/**
 * Facts: what lists need to know of a row without decrypting its bytes. They are told from path and
 * bytes alone, so that every device and every pull arrives at the same ones.
 */

import { readAudience, readCircle, sorted } from "../acl/group.ts";
import { readPostACL } from "../acl/document.ts";
import { given } from "../given.ts";
import { iso, type Json, list, object, parse, string, time, whole } from "../json.ts";
import type { ContactId } from "../kith.ts";
import type { Row, Store } from "../store/store.ts";
import { isRelay, type PodWay } from "../webid/way.ts";
import { type Card, readCard } from "./card.ts";
import { placeOf, relaysPath } from "./paths.ts";
import { repliesFacts } from "./replies.ts";
import { type Note, readNote } from "./post.ts";

/** Facts is `Row.note`. */
export type Facts = NonNullable<Row["note"]>;

/** factsOf returns the facts of a resource of the owner's tree, or undefined when it has none. */
export function factsOf(path: string, text: () => string): Facts | undefined {
  if (path === relaysPath) return { relays: list(parse(text())?.relays).length };
  switch (placeOf(path).kind) {
    case "post": return optional(readNote(text()), noteFacts);
    case "acl": return readersFacts(text());
    case "contact": return optional(readCard(text()), cardFacts);
    case "replies": return repliesFacts(text());
    case "message": return optional(parse(text()), messageFacts);
    case "deleted": return optional(parse(text()), deletedFacts);
    case "circle": return optional(readCircle(text()), ({ name, hue, members }) => ({ name, hue, members: packed(members) }));
    case "audience": return optional(readAudience(text()), (members) => ({ members: packed(members) }));
    default: return undefined;
  }
}

function optional<T>(value: T | undefined, facts: (value: T) => Facts): Facts | undefined {
  return value === undefined ? undefined : facts(value);
}

/** noteFacts returns the facts of a post's text. */
export function noteFacts(note: Note): Facts {
  return { published: note.published };
}

/** messageFacts tell what waits for an answer, or is one (docs/protocol.md, Messages). */
function messageFacts({ type, object: about, "kith:device": device }: Json): Facts {
  return given({ type: string(type, 40), object: string(about, 200), device: string(device, 100) });
}

const context = ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }] as const;

/** recordText writes who was asked, and how many of their devices said that the copy is gone. */
export function recordText(when: { readonly published: number; readonly deleted: number }, asked: readonly { readonly cid: ContactId; readonly gone?: number }[]): string {
  const gone = asked.flatMap(({ cid, gone: count }) => (count === undefined ? [] : [[cid, count] as const]));
  return JSON.stringify({
    "@context": context, type: "Tombstone", published: iso(when.published), deleted: iso(when.deleted),
    "kith:asked": asked.map(({ cid }) => cid), ...(gone.length === 0 ? {} : { "kith:gone": Object.fromEntries(gone) }),
  });
}

function deletedFacts({ published, deleted, "kith:asked": asked, "kith:gone": gone }: Json): Facts {
  const cids = list(asked).flatMap((each) => string(each, 20) ?? []) as ContactId[];
  const counts = Object.entries(object(gone) ?? {}).map(([cid, devices]) => `${cid} ${whole(devices) ?? 0}`);
  return given({ published: time(published) ?? 0, deleted: time(deleted) ?? 0, asked: packed(cids), gone: counts.join(",") || undefined });
}

function readersFacts(text: string): Facts {
  const readers = readPostACL(text);
  return { readers: readers.kind, ...(readers.kind === "audience" ? { audience: readers.id } : {}) };
}

/** CardFacts are the facts of a contact record; `pod` and `issuer` are empty when the friend has none. `relays` has a relay and a send id a line. */
export type CardFacts = Pick<Card, "name" | "label" | "since" | "muted" | "verified" | "blocked" | "direct"> & { readonly pod: string; readonly issuer: string; readonly relays: string };

function cardFacts({ name, label, since, muted, verified, blocked, direct, ways }: Card): CardFacts {
  const { pod, issuer } = ways.find((way): way is PodWay => !isRelay(way)) ?? { pod: "", issuer: "" };
  const relays = ways.filter(isRelay).map(({ relay, send }) => `${relay} ${send}`).join("\n");
  return { name, label, since, muted, verified, blocked, direct, pod, issuer, relays };
}

/** relayCount returns by how many relays this person is reached. */
export function relayCount(store: Pick<Store, "row">): number {
  return Number(store.row(relaysPath)?.note?.relays ?? 0);
}

/** packed writes a set of contacts as one text, equal for equal sets. */
export function packed(members: readonly ContactId[]): string {
  return sorted(members).join(" ");
}

/** unpacked reads what `packed` wrote. */
export function unpacked(members: Facts[string] | undefined): readonly ContactId[] {
  return typeof members === "string" && members !== "" ? (members.split(" ") as ContactId[]) : [];
}
