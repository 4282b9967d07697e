/**
 * `/settings/relays`: the relays of a person, and the secret from which their pod and their devices derive all that
 * they have to agree on (docs/protocol.md, Relays). Owner's devices only.
 *
 *     send(RELAY, name)    HMAC(secret, "kith send 1"   LF RELAY LF name), the first 24 bytes
 *     token(RELAY, kid)    HMAC(secret, "kith read 1"   LF RELAY LF kid)
 *     cursor key           HMAC(secret, "kith cursor 1")
 */

import { b64u, type Bytes, fromB64u, hmac, utf8 } from "../bytes.ts";
import { iso, list, object, parse, string, time, url } from "../json.ts";
import type { ContactId } from "../kith.ts";
import { type RelayWay, sendBytes } from "../webid/link.ts";

/** relaysPath is the resource that holds the relays. */
export const relaysPath = "/settings/relays";

/** maxRelays is how many relays a person has at most. */
export const maxRelays = 8;

/** Queue is where messages for this person wait, at one relay. */
export interface Queue {
  /** The relay's URL, with a slash at its end. */
  readonly url: string;
  readonly queue: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** OldQueue is one that friends may still know of: it is read until then, in milliseconds since the epoch. */
export interface OldQueue extends Queue {
  readonly secret: Bytes;
  readonly until: number;
}

/** Relays are the settings. */
export interface Relays {
  readonly secret: Bytes;
  /** Requests go by way of another relay where there are two. */
  readonly hop: boolean;
  /** The best first. */
  readonly relays: readonly Queue[];
  readonly old: readonly OldQueue[];
}

/** relaysText writes the settings. */
export function relaysText({ secret, hop, relays, old }: Relays): string {
  const queue = (each: Queue) => ({ url: each.url, queue: each.queue, since: iso(each.since) });
  const past = old.map((each) => ({ ...queue(each), secret: b64u(each.secret), until: iso(each.until) }));
  return JSON.stringify({ secret: b64u(secret), hop, relays: relays.map(queue), ...(past.length > 0 && { old: past }) });
}

/** readRelays reads the settings; undefined when they are of another form. */
export function readRelays(text: string): Relays | undefined {
  const json = parse(text);
  const secret = secretOf(json?.secret);
  if (json === undefined || secret === undefined) return undefined;
  const relays = list(json.relays).slice(0, maxRelays).flatMap((each) => queueOf(each) ?? []);
  const old = list(json.old).slice(0, 4 * maxRelays).flatMap((each) => oldOf(each) ?? []);
  return { secret, hop: json.hop !== false, relays, old };
}

function queueOf(value: unknown): Queue | undefined {
  const json = object(value);
  const [at, queue] = [url(json?.url), string(json?.queue, 200)];
  if (at === undefined || !at.endsWith("/") || queue === undefined || queue === "") return undefined;
  return { url: at, queue, since: time(json?.since) ?? 0 };
}

function oldOf(value: unknown): OldQueue | undefined {
  const json = object(value);
  const [queue, secret, until] = [queueOf(value), secretOf(json?.secret), time(json?.until)];
  return queue === undefined || secret === undefined || until === undefined ? undefined : { ...queue, secret, until };
}

function secretOf(value: unknown): Bytes | undefined {
  const secret = fromB64u(string(value, 43) ?? "!");
  return secret?.length === 32 ? secret : undefined;
}

/** sendName is the name of the send ids that a friend knows; raising the grant makes them worthless. */
export function sendName(cid: ContactId, grant: number): string {
  return `${cid} ${grant}`;
}

/** inviteName is the name of the send id in an invite's link; `id` in base64url. */
export function inviteName(id: string): string {
  return `invite ${id}`;
}

/** ownName is the name of the send id for the owner's own devices. */
export const ownName = "own";

/** wayOf returns the way to the person's queue at a relay that goes by that name. */
export async function wayOf(secret: Bytes, relay: string, name: string): Promise<RelayWay> {
  return { relay, send: b64u((await derived(secret, "kith send 1", relay, name)).slice(0, sendBytes)) };
}

/** tokenOf returns the token by which a device reads the person's queue at a relay, 32 bytes. */
export function tokenOf(secret: Bytes, relay: string, kid: string): Promise<Bytes> {
  return derived(secret, "kith read 1", relay, kid);
}

/** cursorKey returns the key under which the person's responders seal the cursors of their feed, 32 bytes. */
export function cursorKey(secret: Bytes): Promise<Bytes> {
  return hmac(secret, utf8("kith cursor 1"));
}

function derived(secret: Bytes, ...parts: readonly string[]): Promise<Bytes> {
  return hmac(secret, utf8(parts.join("\n")));
}
