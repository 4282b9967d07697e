/**
 * The relays of a person: which there are, and what pod and phones derive from the secret they share (docs/protocol.md,
 * Relays). Nothing of this is sent; a relay sees SHA-256 sums of send ids and tokens.
 */

import { b64u, type Bytes, fromB64u, hmac, utf8 } from "../bytes.ts";
import { iso, list, object, parse, string, time } from "../json.ts";

/** PersonRelay is a queue of the person at a relay: what friends send to it, all devices that may answer read. */
export interface PersonRelay {
  /** The relay's URL with its slash at the end. */
  readonly url: string;
  readonly queue: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly since: number;
}

/** OldRelay is a queue that friends may still know of: it is read until then, in milliseconds since the epoch. */
export interface OldRelay extends PersonRelay {
  /** From which its send ids and tokens were derived. */
  readonly secret: Bytes;
  readonly until: number;
}

/** RelaySettings is the resource `settings/relays`. */
export interface RelaySettings {
  /** 32 bytes that only devices of the person know. */
  readonly secret: Bytes;
  /** Whether one relay forwards to another, so that no relay sees both whence and whither. */
  readonly hop: boolean;
  /** At most 8, the best first. */
  readonly relays: readonly PersonRelay[];
  /** At most 32. */
  readonly old: readonly OldRelay[];
}

/** maxRelays is how many relays a person has at most. */
export const maxRelays = 8;
const maxOld = 4 * maxRelays;

/** readRelays reads the resource; undefined when it is not wholly sound: half of it would lose messages. */
export function readRelays(written: string): RelaySettings | undefined {
  const json = parse(written);
  const secret = readSecret(json?.secret);
  if (secret === undefined) return undefined;
  const relays = all(json?.relays, maxRelays, readRelay);
  const old = all(json?.old, maxOld, readOld);
  if (relays === undefined || old === undefined || new Set(relays.map(({ url }) => url)).size < relays.length) return undefined;
  return { secret, hop: json?.hop === true, relays, old };
}

/** all reads every element of a list; undefined when one is unsound, or there are too many. */
function all<T>(value: unknown, most: number, read: (each: unknown) => T | undefined): readonly T[] | undefined {
  const found = list(value).map(read);
  const sound = found.filter((each) => each !== undefined);
  return sound.length < found.length || found.length > most ? undefined : sound;
}

function readSecret(value: unknown): Bytes | undefined {
  const secret = fromB64u(string(value, 43) ?? "");
  return secret?.length === 32 ? secret : undefined;
}

function readOld(value: unknown): OldRelay | undefined {
  const json = object(value);
  const [relay, secret, until] = [readRelay(value), readSecret(json?.secret), time(json?.until)];
  return relay === undefined || secret === undefined || until === undefined ? undefined : { ...relay, secret, until };
}

function readRelay(value: unknown): PersonRelay | undefined {
  const json = object(value);
  const [url, queue, since] = [relayUrl(json?.url), string(json?.queue, 200), time(json?.since)];
  return url === undefined || queue === undefined || !/^[\w-]+$/.test(queue) || since === undefined ? undefined : { url, queue, since };
}

/** writeRelays returns the text of the resource. */
export function writeRelays({ secret, hop, relays, old }: RelaySettings): string {
  const written = ({ url, queue, since }: PersonRelay) => ({ url, queue, since: iso(since) });
  const past = old.map((each) => ({ ...written(each), secret: b64u(each.secret), until: iso(each.until) }));
  return JSON.stringify({ secret: b64u(secret), hop, relays: relays.map(written), ...(past.length > 0 && { old: past }) });
}

/** relayUrl returns its argument when it is the URL of a relay: http or https, a slash at its end, no query, and so short that it
 * fits an invite's link. */
export function relayUrl(value: unknown): string | undefined {
  const written = string(value, 231);
  const plain = written !== undefined && /^https?:\/\/[^\s/?#@]+\/([^\s?#]*\/)?$/.test(written) && URL.canParse(written);
  return plain ? written : undefined;
}

/** What sends are for: a friend by the record's id and grant, an invite by its id in base64url, the person's own devices, and one
 * that pairs and knows nothing yet. */
export type SendName = `${string} ${string}` | `invite ${string}` | "own" | "pair";

/** sendOf returns the send id, 24 bytes, by which somebody leaves messages in the person's queue at a relay. */
export async function sendOf(secret: Bytes, url: string, name: SendName): Promise<Bytes> {
  return (await hmac(secret, utf8(`kith send 1\n${url}\n${name}`))).slice(0, 24);
}

/** tokenOf returns the token, 32 bytes, by which the device `kid` reads the person's queue at a relay. */
export function tokenOf(secret: Bytes, url: string, kid: string): Promise<Bytes> {
  return hmac(secret, utf8(`kith read 1\n${url}\n${kid}`));
}

/** cursorKeyOf returns the key, 32 bytes, that all who answer for the person seal cursors with. */
export function cursorKeyOf(secret: Bytes): Promise<Bytes> {
  return hmac(secret, utf8("kith cursor 1"));
}
