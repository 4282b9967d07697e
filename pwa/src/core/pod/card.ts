/** `/contacts/<cid>/card`: what the owner knows of one friend (protocol §1.2). */

import { iso, list, object, parse, string, time, url, whole } from "../json.ts";
import { fromB64u } from "../bytes.ts";
import { maxReach, sendBytes, type Way } from "../webid/way.ts";

/** Card is a contact record. */
export interface Card {
  readonly name: string;
  readonly label: string;
  /** Raised whenever tokens that were given out must end. */
  readonly grant: number;
  /** The pinned device list with its chain, a signed text. */
  readonly devices: string;
  /** The keys document, a signed text. */
  readonly keys: string;
  /** Further names that prove being this friend. */
  readonly accepts: readonly string[];
  readonly ways: readonly Way[];
  readonly salt: string;
  readonly since: number;
  readonly muted: boolean;
  readonly verified: boolean;
  readonly blocked: boolean;
  /** They may see the network addresses of the owner's devices and pod. */
  readonly direct: boolean;
  readonly note: string;
}

/** maxList is the longest signed list that is read, in UTF-16 code units. */
export const maxList = 64 << 10;

const context = ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }] as const;

/** cardText writes a contact record. */
export function cardText(card: Card): string {
  const { name, since, ...rest } = card;
  const own = Object.entries(rest).map(([key, value]) => [`kith:${key}`, value] as const);
  return JSON.stringify({
    "@context": context, id: "#me", type: "Person", name, ...Object.fromEntries(own), "kith:since": iso(since),
  });
}

/** readCard reads a contact record; undefined when it names nobody. */
export function readCard(text: string): Card | undefined {
  const card = parse(text);
  const label = string(card?.["kith:label"], 52);
  if (card === undefined || label === undefined || !/^[a-z2-7]{52}$/.test(label)) return undefined;
  const text_ = (key: string, max: number): string => string(card[`kith:${key}`], max) ?? "";
  return {
    name: string(card.name, 200) ?? "",
    label,
    grant: whole(card["kith:grant"]) ?? 0,
    devices: text_("devices", maxList),
    keys: text_("keys", maxList),
    accepts: list(card["kith:accepts"]).flatMap((each) => string(each, 2048) ?? []),
    ways: readWays(card["kith:ways"]),
    salt: text_("salt", 64),
    since: time(card["kith:since"]) ?? 0,
    muted: card["kith:muted"] === true,
    verified: card["kith:verified"] === true,
    blocked: card["kith:blocked"] === true,
    direct: card["kith:direct"] === true,
    note: text_("note", 4096),
  };
}

/** readWays reads at most eight ways; those of other kinds, and those that are no plain http addresses, are left out. */
export function readWays(value: unknown): readonly Way[] {
  return list(value).slice(0, maxReach).flatMap((each): readonly Way[] => {
    const way = object(each);
    const [pod, issuer, relay] = [way?.pod, way?.issuer, way?.relay].map(url);
    const send = string(way?.send, 64);
    if (pod?.endsWith("/") && issuer !== undefined) return [{ pod, issuer }];
    return relay?.endsWith("/") && fromB64u(send ?? "!")?.length === sendBytes ? [{ relay, send: send ?? "" }] : [];
  });
}
