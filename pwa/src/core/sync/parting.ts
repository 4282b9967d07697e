/**
 * What a device hears from one of the person's that its list does not name, where there is no pod: the list by which that one goes. It holds if it
 * follows the one here, whoever brings it, since it is signed; if it parts from that and leaves this device out, or is signed by one that was
 * removed here, both go on by their own, and the person is told (docs/protocol.md, Replicas).
 *
 *     parted    Parted: the last such list
 */

import { readDeviceList, acceptDeviceList } from "../webid/devices.ts";
import { can, type DeviceList } from "../webid/list.ts";
import { Refusal } from "../webid/verdict.ts";
import { type Parted, partedSetting } from "./others.ts";
import type { Session } from "./session.ts";

/** part notes a list of the person that does not hold here, where the person has to know; true when it is news. */
export async function part({ env, list, me, store }: Session, chain: string): Promise<boolean> {
  const theirs = await partingFrom(list, chain);
  if (theirs === undefined) return false;
  const off = !theirs.devices.some(({ kid }) => kid === me.device);
  // Of two that name each other one comes to hold at last.
  if (!off && can(list, theirs.signer, "admin")) return false;
  const before = store.get(partedSetting) as Parted | undefined;
  if (before?.gen === theirs.gen && before.by === theirs.signer && before.off === off) return false;
  const { name = "" } = theirs.devices.find(({ kid }) => kid === theirs.signer) ?? {};
  await store.apply([{ set: partedSetting, value: { by: theirs.signer, name, off, gen: theirs.gen, at: env.now() } satisfies Parted }]);
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
