/**
 * Links of the app. Everything lies in the fragment, which no server sees:
 * `#i=` an invite (invite.ts), `#pair=` a pod that wants its owner, `#device=` another device of this person.
 */

import { KithError } from "../errors.ts";
import type { LinkKind } from "../kith.ts";
import { linkKind, take } from "./mark.ts";
import { isRelay, maxReach, type PodWay, type RelayWay, sendBytes, type Way } from "./way.ts";
import { b64u, type Bytes, fromB64u, utf8 } from "../bytes.ts";
import type { Json } from "../json.ts";
import { listOf, numberOf, object, textOf } from "./members.ts";
import { type Did, parseDid } from "./key.ts";

/** What a pairing link says: this pod waits for its owner; the secret works once. */
export interface Pairing extends PodWay {
  readonly secret: string;
  /** Relays by which the pod takes sealed requests; empty when it is reached at its own address alone. */
  readonly via: readonly RelayWay[];
  /** The pod's key, which those requests are sealed to; absent without `via`. */
  readonly ik?: Did;
}

/** linkBytes returns what a link of that kind carries; throws `bad-link` or `link-of-other-kind`. */
export function linkBytes(link: string, kind: LinkKind): Bytes {
  const found = take(link);
  const actual = linkKind(link);
  if (found === undefined || actual === "unknown") throw badLink("it is none of ours");
  if (actual !== kind) throw new KithError("link-of-other-kind", `read link: a link for ${actual}, not for ${kind}`);
  return found.bytes;
}

/** makeLink returns the link that opens the app at `base` with these bytes. */
export function makeLink(base: string, kind: "invite" | "pair" | "device", bytes: Bytes): string {
  const mark = kind === "invite" ? "i" : kind;
  return `${base}#${mark}=${b64u(bytes)}`;
}

/** partsOf returns what cuts one part after another off the bytes of a link; each throws `bad-link`. */
export function partsOf(bytes: Bytes): {
  readonly next: (length: number) => Bytes;
  readonly number: () => number;
  /** A part behind its length. */
  readonly counted: (most: number) => Bytes;
  /** Wants nothing to be left. */
  readonly end: () => void;
} {
  let at = 0;
  const next = (length: number): Bytes => {
    if (at + length > bytes.length) throw badLink("it is cut off");
    return bytes.slice(at, (at += length));
  };
  const number = (): number => next(1)[0] ?? 0;
  const counted = (most: number): Bytes => {
    const length = number();
    if (length > most) throw badLink("a part is too long");
    return next(length);
  };
  return { next, number, counted, end: () => { if (at !== bytes.length) throw badLink("it has parts that do not belong"); } };
}

/** isWebId tells whether a text is an absolute http or https IRI with a host and without an account (RFC 3987
 * §2.2), of at most 2048 characters. */
export function isWebId(written: string): boolean {
  const whole = written.length <= 2048 && /^https?:\/\/[^/?#@]+([/?#].*)?$/.test(written);
  return whole && !/[\s\0-\x20\x7f-\x9f<>"{}|\\^`]/.test(written) && URL.canParse(written);
}

/** podUrl returns its argument when it is the URL of a pod: no query, no fragment, a slash at its end, at most 255
 * bytes; throws `bad-link`. */
export function podUrl(written: string): string {
  if (!isWebId(written) || !/^[^?#]*\/$/.test(written) || utf8(written).length > 255) throw badLink("it names no pod");
  return written;
}

/** readPodWay reads a way to a pod from JSON; throws `bad-link` or a `Refusal`. */
export function readPodWay(json: Json): PodWay {
  const issuer = textOf(json, "issuer", 255);
  if (!isWebId(issuer) || !/^[^?#]*[^/?#]$/.test(issuer)) throw badLink("it names no issuer");
  return { pod: podUrl(textOf(json, "pod", 255)), issuer };
}

/** relayWay returns a way to a relay; throws `bad-link` when it is none. */
export function relayWay(relay: string, send: string): RelayWay {
  if (fromB64u(send)?.length !== sendBytes) throw badLink("it names no queue");
  return { relay: podUrl(relay), send };
}

/** readWay reads a way from JSON, undefined when it is of a kind that came later; throws `bad-link` or a `Refusal`. */
export function readWay(json: Json): Way | undefined {
  if ("pod" in json || "issuer" in json) {
    if ("relay" in json || "send" in json) throw badLink("it is two ways in one");
    return readPodWay(json);
  }
  if ("relay" in json || "send" in json) return relayWay(textOf(json, "relay", 255), textOf(json, "send", 64));
  return undefined;
}

/** readWays reads the ways in a list, at most 8; those of kinds that came later are left out. Throws `bad-link` or a `Refusal`. */
export function readWays(json: Json, name: string): readonly Way[] {
  return listOf(json, name, maxReach).flatMap((way) => readWay(object(way)) ?? []);
}

/** reading runs a reader and gives all its refusals the code `bad-link`, or `link-of-other-kind`. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof KithError && cause.code === "link-of-other-kind") throw cause;
    throw badLink("it is damaged", cause);
  }
}

/** badLink returns the error for a link that is none, damaged, or of a newer version. */
export function badLink(why: string, cause?: unknown): KithError {
  return new KithError("bad-link", `read link: ${why}`, { cause });
}

/** secretly reads what a link says besides where the pod is; throws `bad-link` or a `Refusal`. */
export function secretly(json: Json): Pick<Pairing, "secret" | "via" | "ik"> {
  if (numberOf(json, "v", 1) !== 1) throw badLink("it is of a newer version");
  const secret = textOf(json, "secret", 256);
  if ((fromB64u(secret)?.length ?? 0) < 16) throw badLink("its secret is too short");
  const via = "via" in json ? readWays(json, "via").filter(isRelay) : [];
  return { secret, via, ...(via.length > 0 && { ik: parseDid(json.ik) }) };
}
