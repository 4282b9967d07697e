/**
 * Telling the pod where this device is woken; relays are told when they are connected (answer/queues.ts).
 *
 *     push/told    what the pod was told last
 */

import { podClient } from "./clients.ts";
import { pushSetting } from "../wakes.ts";
import type { Session } from "./session.ts";

const toldSetting = "push/told";

/** tellPush tells the pod when this device is woken elsewhere than it knows, or no longer. */
export async function tellPush(session: Session): Promise<void> {
  const { store, pod } = session;
  const push = store.get(pushSetting);
  const wanted = JSON.stringify([pod?.pod, push ?? null]);
  if (push === undefined || pod === undefined || store.get(toldSetting) === wanted) return;
  const headers = { "Content-Type": "application/json" };
  const asking = push === null ? { method: "DELETE" as const } : { method: "PUT" as const, headers, body: JSON.stringify(push) };
  await podClient(session).ask({ ...asking, path: ".push", allow: [200, 204, 404, 405] });
  await store.apply([{ set: toldSetting, value: wanted }]);
}
