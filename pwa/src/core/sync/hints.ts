/**
 * Hints that the pod took while this device slept: friends who have something new (docs/protocol.md, Behind a NAT).
 *
 *     pod/hints    the number of the last one that was heard
 */

import { list, objectIn, string, whole } from "../json.ts";
import type { ContactId } from "../kith.ts";
import { cardPath, relaysPath } from "../pod/paths.ts";
import { podClient } from "./clients.ts";
import type { Session } from "./session.ts";

const setting = "pod/hints";

/** hintedFriends returns the friends of whom the pod took a hint since it was asked last; none from a pod that takes no hints, or that no relay leads to. */
export async function hintedFriends(session: Session): Promise<readonly ContactId[]> {
  const { store } = session;
  // Hints come by relays: without any there is nothing to ask for.
  if (store.row(relaysPath) === undefined) return [];
  const after = (store.get(setting) as number | undefined) ?? 0;
  const { status, bytes } = await podClient(session).ask({ method: "GET", path: `.hints?after=${after}`, allow: [200, 403, 404, 405] });
  const json = status === 200 ? objectIn(bytes) : undefined;
  const head = whole(json?.head);
  if (head === undefined) return [];
  // A pod that was started anew counts from the beginning.
  if (head !== after) await store.apply([{ set: setting, value: head < after ? 0 : head }]);
  const friends = list(json?.friends).flatMap((each) => string(each, 64) ?? []) as ContactId[];
  return friends.filter((cid) => store.row(cardPath(cid)) !== undefined);
}
