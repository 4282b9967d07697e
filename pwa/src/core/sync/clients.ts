/** Who asks whom: one client each, for as long as the pod stays where it is. */

import type { Env } from "../env.ts";
import type { ContactId } from "../kith.ts";
import { type Client, PodClient } from "../ldp/client.ts";
import type { Role } from "../ldp/errors.ts";
import { relayCount } from "../pod/facts.ts";
import { contact, reachable } from "../pod/people.ts";
import type { PodWay } from "../webid/way.ts";
import { Reach, type Ways, type Whom } from "./reach.ts";
import type { Session } from "./session.ts";

/** podClient asks the owner's pod; throws `no-pod`. */
export function podClient(session: Session): Client {
  return reach(session, "me", session.mustPod.pod, () => podWays(session));
}

/** A pod that was paired through relays is asked over HTTPS by the app that it hands out itself, and by nobody else: its address may be
 * one that only the house knows. */
function podWays(session: Session): Ways {
  const { pod, env, store } = session;
  const sealed = (pod?.via ?? []).length > 0;
  const direct = pod !== undefined && (!sealed || atHome(env, pod)) ? httpClient(session, "me", pod, "pod") : undefined;
  return { pod: direct, relays: sealed && (relayCount(store) > 0 || direct === undefined) };
}

/** atHome tells whether the app came from the host of that pod: then its address is one that this page reaches. */
export function atHome({ page }: Pick<Env, "page">, { issuer }: Pick<PodWay, "issuer">): boolean {
  return page.startsWith(`${issuer}/`);
}

/** friendClient asks a friend's pod or devices; undefined when no way leads there. Throws `no-such`. */
export function friendClient(session: Session, cid: ContactId): Client | undefined {
  const found = contact(session.store, cid);
  if (!reachable(found)) return undefined;
  return reach(session, cid, found.way?.pod ?? baseOf(found.label), () => friendWays(session, cid));
}

function friendWays(session: Session, cid: ContactId): Ways {
  const { way, relays } = contact(session.store, cid);
  return { pod: way && httpClient(session, cid, way, "friend"), relays: relays.length > 0 };
}

/** baseOf returns the URL by which a person's resources are named when they have no address (protocol §1.1). */
function baseOf(label: string): string {
  return `https://${label}.kith.invalid/`;
}

function reach(session: Session, whom: Whom, base: string, ways: () => Ways): Client {
  const held = session.reaches.get(whom);
  if (held?.way.pod === base) return held;
  const fresh = new Reach(session.env, whom, base, ways, session.carrier);
  session.reaches.set(whom, fresh);
  return fresh;
}

function httpClient(session: Session, name: string, { pod, issuer }: PodWay, role: Role): Client {
  const held = session.clients.get(name);
  if (held?.way.pod === pod && held.way.issuer === issuer) return held;
  const fresh = new PodClient(session.env, { pod, issuer }, session.signer, role, () => session.list.text);
  session.clients.set(name, fresh);
  return fresh;
}
