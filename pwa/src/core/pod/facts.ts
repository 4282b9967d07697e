/**
 * Facts: what lists need to know of a row without decrypting its bytes. They are told from path and
 * bytes alone, so that every device and every pull arrives at the same ones.
 */

import { readAudience, readCircle, sorted } from "../acl/group.ts";
import { readPostACL } from "../acl/document.ts";
import type { ContactId } from "../kith.ts";
import type { Row } from "../store/store.ts";
import { isRelay, type PodWay } from "../webid/link.ts";
import { type Card, readCard } from "./card.ts";
import { placeOf } from "./paths.ts";
import { type Note, readNote } from "./post.ts";

/** Facts is `Row.note`. */
export type Facts = NonNullable<Row["note"]>;

/** factsOf returns the facts of a resource of the owner's tree, or undefined when it has none. */
export function factsOf(path: string, text: () => string): Facts | undefined {
  switch (placeOf(path).kind) {
    case "post": return optional(readNote(text()), noteFacts);
    case "acl": return readersFacts(text());
    case "contact": return optional(readCard(text()), cardFacts);
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

function readersFacts(text: string): Facts {
  const readers = readPostACL(text);
  return { readers: readers.kind, ...(readers.kind === "audience" ? { audience: readers.id } : {}) };
}

/** CardFacts are the facts of a contact record; `pod` and `issuer` are empty when the friend has none. `relays` has a relay and a send id a line. */
export type CardFacts = Pick<Card, "name" | "label" | "since" | "muted" | "verified" | "blocked"> & { readonly pod: string; readonly issuer: string; readonly relays: string };

function cardFacts({ name, label, since, muted, verified, blocked, ways }: Card): CardFacts {
  const { pod, issuer } = ways.find((way): way is PodWay => !isRelay(way)) ?? { pod: "", issuer: "" };
  const relays = ways.filter(isRelay).map(({ relay, send }) => `${relay} ${send}`).join("\n");
  return { name, label, since, muted, verified, blocked, pod, issuer, relays };
}

/** packed writes a set of contacts as one text, equal for equal sets. */
export function packed(members: readonly ContactId[]): string {
  return sorted(members).join(" ");
}

/** unpacked reads what `packed` wrote. */
export function unpacked(members: Facts[string] | undefined): readonly ContactId[] {
  return typeof members === "string" && members !== "" ? (members.split(" ") as ContactId[]) : [];
}
