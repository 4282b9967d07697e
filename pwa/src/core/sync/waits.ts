/**
 * What relays keep for others to answer, as this device remembers it.
 *
 *     asked/<id>    Asked
 */

import { given } from "../given.ts";
import type { ContactId, Waiting } from "../kith.ts";
import type { Store } from "../store/store.ts";
import type { Whom } from "./reach.ts";

/** Asked is a request that at least one relay took, and that nobody has answered. */
export interface Asked {
  readonly id: string;
  /** A friend, `me`, or the name of a stranger. */
  readonly whom: Whom | string;
  /** Which request it is: a digest of all that it says. */
  readonly key: string;
  readonly method: string;
  readonly path: string;
  /** The nonce of 16 bytes, base64url, that it keeps however often it is sent. */
  readonly nonce: string;
  /** What a stranger is called. */
  readonly name?: string | undefined;
  /** In milliseconds since the epoch. */
  readonly since: number;
  readonly expires: number;
  /** Each time that it was left somewhere, the latest last. */
  readonly sent: readonly Sent[];
}

/** Sent is one message. */
export interface Sent {
  readonly at: number;
  readonly relay: string;
  readonly send: string;
  /** By which it can be taken back. */
  readonly cancel: string;
  /** What opens its answer, as `readPending` reads it. */
  readonly pending: unknown;
}

/** askedSettings is the prefix of the settings that hold what was asked. */
export const askedSettings = "waits/";

/** asideSetting holds the relays that this device had before it was paired, until the pod has told which it has. */
export const asideSetting = "relay/aside";

/** toldSetting holds the relays as the pod knows them, while it has not been told of a change. */
export const toldSetting = "relay/told";

/** renewSetting says that the relays' secret is to be replaced: a device was removed that knows it. */
export const renewSetting = "relay/renew";

/** askedOf returns what was asked and is not answered, oldest first. */
export function askedOf(store: Store): readonly Asked[] {
  return store.names(askedSettings).map((name) => store.get(name) as Asked).sort((a, b) => a.since - b.since);
}

/** waitingOf returns the same as the views see it. */
export function waitingOf(store: Store): readonly Waiting[] {
  return askedOf(store).map(({ id, whom, method, name, since, expires, sent }) => {
    const stranger = whom.includes(" ");
    const what: Waiting["what"] = stranger ? "invite" : whom === "me" ? "pod" : method === "GET" ? "news" : "message";
    const friend = stranger || whom === "me" ? undefined : (whom as ContactId);
    return given({ id, what, name, friend, since, expires, host: new URL(sent.at(-1)?.relay ?? "about:blank").host });
  });
}
