/**
 * What a device hears from one of the person's that its list does not name, where there is no pod: the list by which that one goes. It holds if it
 * follows the one here, whoever brings it, since it is signed; if it parts from that and leaves this device out, or is signed by one that was
 * removed here, both go on by their own, and the person is told (docs/protocol.md, Replicas).
 *
 *     parted    Parted: the last such list
 */

import { readText } from "../bytes.ts";
import { named } from "../name.ts";
import { devices } from "../pod/paths.ts";
import type { Tree } from "../pod/tree.ts";
import type { SealedRequest } from "../sealed/request.ts";
import { readDeviceList, acceptDeviceList } from "../webid/devices.ts";
import { can, chainOf, type DeviceList, hasNamed } from "../webid/list.ts";
import { Refusal } from "../webid/verdict.ts";
import { hasCome, isRemoved, type Parted, partedSetting } from "./others.ts";
import type { Session } from "./session.ts";

/** telling is how a device brings a list, and below it in the same body the keys document that goes with it where that is to be taken as well. */
export const telling = `PUT /.replica${devices}`;

/** isNews tells whether a request brings a list of the person that the one here does not reach: it follows that, or parts from it. */
export async function isNews(tree: Pick<Tree, "text">, { method, path, body }: SealedRequest): Promise<boolean> {
  const [list, [chain = ""]] = [await tree.text(devices), (readText(body) ?? "").split("\n")];
  if (`${method} ${path}` !== telling || list === undefined) return false;
  try {
    return (await acceptDeviceList(chain, await readDeviceList(list))).text !== list;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.verdict === "same epoch, different list";
  }
}

/** part notes a list of the person that does not hold here, where the person has to know; true when it is news. */
export async function part({ env, list, me, store }: Session, chain: string): Promise<boolean> {
  const theirs = await partingFrom(list, chain);
  if (theirs === undefined) return false;
  const off = isRemoved({ list: theirs, me });
  // A list that parts can let anybody in, by any name: it is that of who is known here and signed last.
  const { signer: by, epoch } = chainOf(theirs).find(({ signer }) => hasNamed(list, signer)) ?? theirs;
  // Of two that name each other one comes to hold at last. What is brought once more may have been settled long since.
  if (hasCome(list, { by, epoch }) || (!off && can(list, by, "admin"))) return false;
  const before = store.get(partedSetting) as Parted | undefined;
  if (before?.gen === theirs.gen && before.by === by && before.off === off && before.epoch >= epoch) return false;
  const { name = "" } = chainOf(list).flatMap(({ devices }) => devices).find(({ kid }) => kid === by) ?? {};
  await store.apply([{ set: partedSetting, value: { by, name: named(name), epoch, off, gen: theirs.gen, at: env.now() } satisfies Parted }]);
  return true;
}

/** partingFrom reads a list of the same person and generation that parts from the one that holds; undefined for any other. */
async function partingFrom(list: DeviceList, chain: string): Promise<DeviceList | undefined> {
  try {
    await acceptDeviceList(chain, await readDeviceList(list.text));
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.verdict === "same epoch, different list" ? readDeviceList(chain) : undefined;
  }
}
