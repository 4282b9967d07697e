/**
 * Answers that wait at the asker's relay because nobody waited for them: taken back when what they carry is deleted, when
 * the asker may not see it any more, and when the friendship ends (protocol §6).
 *
 *     late/<digest of the cancel token>    Late
 */

import { b64u, fromB64u, sha256 } from "../bytes.ts";
import type { ContactId } from "../kith.ts";
import { cardPath } from "../pod/paths.ts";
import { card } from "../pod/people.ts";
import { happened, traces } from "../pod/traces.ts";
import type { Reading } from "../pod/reading.ts";
import { cancel, type Net } from "../relay/client.ts";
import type { ReplyTo } from "../sealed/request.ts";
import type { Write } from "../store/store.ts";
import { Judge, type Realm } from "./judge.ts";
import { exists } from "./listing.ts";
import { has, read } from "./rules.ts";

/** Late is an answer that may not have been fetched yet. */
export interface Late {
  readonly cid: ContactId;
  readonly kid: string;
  /** What was answered about: a path of the tree. */
  readonly path: string;
  readonly relay: string;
  readonly send: string;
  readonly cancel: string;
  /** When it was given, and when the relay forgets it, in milliseconds since the epoch. */
  readonly at: number;
  readonly expires: number;
}

const prefix = "late/";

/** keepLate returns the write that remembers an answer. */
export async function keepLate(late: Omit<Late, "relay" | "send">, { relay, send }: ReplyTo): Promise<Write> {
  const name = prefix + b64u((await sha256(late.cancel)).subarray(0, 16));
  return { set: name, value: { ...late, relay, send: b64u(send) } satisfies Late };
}

/** anyLate tells whether any answers may wait. */
export function anyLate({ store }: Reading): boolean {
  return store.names(prefix).length > 0;
}

/** takeBack cancels what must not be read any more, and forgets what ran out. What a relay could not be told is tried again the next time. */
export async function takeBack(tree: Reading, realm: Realm, net: Net): Promise<void> {
  const { store, env } = tree;
  for (const name of store.names(prefix)) {
    const late = store.get(name) as Late;
    const over = late.expires <= env.now();
    if (!over && (await stillMay(tree, realm, late))) continue;
    const send = fromB64u(late.send);
    if (over || send === undefined || (await cancel(net, late.relay, send, late.cancel))) await store.apply([{ unset: name }]);
  }
}

/** stillMay tells whether the asker may have an answer of that time. */
async function stillMay(tree: Reading, realm: Realm, { cid, kid, path, at }: Late): Promise<boolean> {
  const { store } = tree;
  if (store.row(cardPath(cid)) === undefined) return false;
  const { blocked, grant, accepts } = await card(tree, cid);
  if (blocked) return false;
  if (path === "/social/feed" || path.endsWith("/")) return !lostSince(tree, cid, at);
  if (path === "/social/door") return true;
  const judge = new Judge(realm, { kind: "contact", cid, grant, kid, also: accepts });
  return exists(store, path) && has(await judge.modes(path), read);
}

function lostSince({ store }: Reading, cid: ContactId, at: number): boolean {
  return [...traces(store).values()].some((trace) => {
    const how = trace.at >= at ? happened(trace, cid)?.how : undefined;
    return how === "gone" || how === "lost" || how === "changed";
  });
}
