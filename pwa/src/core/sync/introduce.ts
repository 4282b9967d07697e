/** What this person tells others of themself, and where each of them reaches this person. */

import { b64u } from "../bytes.ts";
import { relaysPath } from "../pod/paths.ts";
import { ownLists } from "../pod/profile.ts";
import type { Reading } from "../pod/reading.ts";
import type { Tree } from "../pod/tree.ts";
import { card } from "../pod/people.ts";
import type { ContactId } from "../kith.ts";
import { readRelays, type RelaySettings, type SendName, sendOf } from "../relay/settings.ts";
import type { Introduction } from "../webid/acceptance.ts";
import { maxReach, type RelayWay, type Way } from "../webid/way.ts";
import { personOf, type Pod, type Session } from "./session.ts";

/** Introducing is what of a session is needed to say who one is. */
export interface Introducing extends Pick<Session, "me" | "pod"> {
  readonly tree: Pick<Tree, "text">;
}

/** selfOf returns who the tree is of; undefined while there is nobody. */
export function selfOf(tree: Reading): Introducing | undefined {
  const { store } = tree;
  const me = personOf(store);
  return me && { tree, me, get pod() { return store.get("pod") as Pod | undefined; } };
}

/** ownRelays returns the person's relays; undefined when there never were any. */
export async function ownRelays(tree: Pick<Tree, "text">): Promise<RelaySettings | undefined> {
  const written = await tree.text(relaysPath);
  return written === undefined ? undefined : readRelays(written);
}

/** relayWays returns the ways to this person's queues for whoever is told that name. */
export async function relayWays(tree: Pick<Tree, "text">, name: SendName): Promise<readonly RelayWay[]> {
  const settings = await ownRelays(tree);
  return Promise.all((settings?.relays ?? []).map(async ({ url }) => ({ relay: url, send: b64u(await sendOf(settings?.secret ?? new Uint8Array(0), url, name)) })));
}

/** waysFor returns where those reach this person who are told that name: the pod where others reach it, and the relays. */
export async function waysFor({ tree, pod }: Omit<Introducing, "me">, name: SendName): Promise<readonly Way[]> {
  const direct = pod === undefined || isHidden(pod) ? [] : [{ pod: pod.pod, issuer: pod.issuer }];
  return [...direct, ...(await relayWays(tree, name))].slice(0, maxReach);
}

/** waysForFriend returns where a friend reaches this person; a higher grant makes what was told before worthless. */
export async function waysForFriend(session: Pick<Session, "tree" | "pod">, cid: ContactId): Promise<readonly Way[]> {
  return waysFor(session, `${cid} ${(await card(session.tree, cid)).grant}`);
}

/** introduction is what this person tells others of themself. */
export async function introduction({ tree, me }: Introducing): Promise<Omit<Introduction, "ways">> {
  return { ...(await ownLists(tree)), name: me.name };
}

/** isHidden tells whether a pod has no address that others could use: it was paired through relays, and stands at home. */
export function isHidden({ pod, via }: Pick<Pod, "pod" | "via">): boolean {
  return (via ?? []).length > 0 && !pod.startsWith("https:");
}
