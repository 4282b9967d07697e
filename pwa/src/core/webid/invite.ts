/**
 * The link of an invite (protocol §7), and nothing else of it: a page that shows what a link says need not be able to accept.
 *
 *     0x01 | label 32 | ik 33 | secret 16 | id 16 | length 1, name ≤ 24
 *     | count 1 | each way: type 1, length 1, and of type 0x01 the URL of a pod, of 0x02 send 24 | URL of a relay
 */

import { b64u, base32, type Bytes, fromB64u, fromBase32, join, text, utf8 } from "../bytes.ts";
import { type Did, didOf, type Label, pointOf } from "./key.ts";
import { badLink, linkBytes, makeLink, partsOf, podUrl, reading, relayWay } from "./link.ts";
import { type RelayWay, sendBytes } from "./way.ts";

/** Invite is what an invite link says; whoever has it can accept. */
export interface Invite {
  readonly label: Label;
  /** The one-use key that acceptances are sealed to. */
  readonly ik: Did;
  /** 16 bytes that only the link's holder has. */
  readonly secret: Bytes;
  /** 16 bytes that name the invite at its pod. */
  readonly id: Bytes;
  /** The inviter's name, at most 24 bytes. */
  readonly name: string;
  /** URLs of pods that take the acceptance. */
  readonly pods: readonly string[];
  /** Queues at relays where it may be left. */
  readonly relays: readonly RelayWay[];
}

const [podType, relayType] = [1, 2];
/** maxWays is how many ways of reaching somebody are named at most. */
export const maxWays = 3;
const maxLink = 400;

/** makeInvite returns the link of an invite that opens the app at `base`; throws `bad-link` when it would not be
 * read. */
export function makeInvite(base: string, { label, ik, secret, id, name, pods, relays }: Invite): string {
  const digest = fromBase32(label);
  if (digest?.length !== 32 || secret.length !== 16 || id.length !== 16) throw badLink("its parts have wrong sizes");
  const counted = (part: Bytes): Bytes => join(Uint8Array.of(part.length), part);
  const toRelay = ({ relay, send }: RelayWay): Bytes => join(fromB64u(send) ?? badSend(), utf8(podUrl(relay)));
  const typed = (type: number, way: Bytes): Bytes => join(Uint8Array.of(type), counted(way));
  const ways = [...pods.map((pod) => typed(podType, utf8(podUrl(pod)))), ...relays.map((way) => typed(relayType, toRelay(way)))];
  const count = Uint8Array.of(ways.length);
  const link = makeLink(base, "invite", join(Uint8Array.of(1), digest, pointOf(ik), secret, id, counted(utf8(name)), count, ...ways));
  readInvite(link);
  return link;
}

/** readInvite reads an invite link. Ways of kinds that came later are left out. */
export function readInvite(link: string): Invite {
  return reading(() => {
    const bytes = linkBytes(link, "invite");
    if (link.trim().length > maxLink) throw badLink("it is too long");
    const { next, counted, number, end } = partsOf(bytes);
    if (number() !== 1) throw badLink("it is of a newer version");
    const label = base32(next(32)) as Label;
    const ik = didOf(next(33));
    pointOf(ik);
    const [secret, id, name] = [next(16), next(16), text(counted(24))];
    const ways = Array.from({ length: number() }, () => ({ type: number(), at: counted(255) }));
    end();
    if (ways.length > maxWays) throw badLink("it names too many ways");
    const pods = ways.filter(({ type }) => type === podType).map((way) => podUrl(text(way.at)));
    const relays = ways.filter(({ type }) => type === relayType).map(({ at: way }) => relayWay(text(way.slice(sendBytes)), b64u(way.slice(0, sendBytes))));
    return { label, ik, secret, id, name, pods, relays };
  });
}

function badSend(): never {
  throw badLink("a queue is named in another way than in base64url");
}
