/** The pod's own agreement key, which is another every week: the pod makes it, a device that may sign the keys document names it there
 * (docs/protocol.md, Sealed requests), and friends are told like of a key of this device. */

import { objectIn } from "../json.ts";
import { tellAll } from "../pod/letters.ts";
import { keys } from "../pod/paths.ts";
import { changeLists, ownLists } from "../pod/profile.ts";
import { jose } from "../pod/tree.ts";
import { newestKey } from "../webid/agreement.ts";
import { didOfJwk } from "../webid/key.ts";
import { can } from "../webid/list.ts";
import { agreementLife } from "../webid/person.ts";
import { podClient } from "./clients.ts";
import type { Session } from "./session.ts";

/** When the pod was last asked, in milliseconds since the epoch, and how often it is. */
const askedSetting = "pod/keyed";
const interval = 6 * 3600_000;

/** renewPodKey names the key that the pod wants named; true when it was another than before. */
export async function renewPodKey(session: Session): Promise<boolean> {
  const { env, me, pod, store, tree } = session;
  const asked = store.get(askedSetting);
  if (pod === undefined || !can(session.list, me.device, "admin") || (typeof asked === "number" && Math.abs(env.now() - asked) < interval)) return false;
  const lists = await ownLists(tree);
  const device = lists.devices.devices.find(({ may }) => may.includes("answer") && !may.includes("post"))?.kid;
  const { status, bytes } = await podClient(session).ask({ method: "POST", path: ".keys", allow: [200, 403, 404, 405], brief: true });
  await store.apply([{ set: askedSetting, value: env.now() }]);
  const told = status === 200 ? objectIn(bytes) : undefined;
  if (device === undefined || told?.kid !== device) return false;
  const key = didOfJwk(told.agree);
  if (newestKey(lists.keys, device)?.key === key) return false;
  await tree.act("other", async (batch) => {
    const agree = [{ kid: `k${key.slice(-11)}`, device, key, until: env.now() + agreementLife }];
    await batch.putText(keys, jose, (await changeLists(tree, env.keys, { devices: (now) => now, agree })).keys.text);
    for (const write of tellAll(session)) batch.writes.push(write);
  });
  return true;
}
