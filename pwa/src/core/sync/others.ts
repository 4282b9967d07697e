/** Which of the person's devices replicate with this one by themselves, and which disagree with it. */

import { relayCount } from "../pod/facts.ts";
import type { Did } from "../webid/key.ts";
import { can, chainOf, type DeviceList } from "../webid/list.ts";
import type { Session } from "./session.ts";

/** others returns the devices with which this one exchanges directly: all that post, while there is no pod here, and relays that lead to them. */
export function others({ pod, list: { devices }, me, store }: Session): readonly Did[] {
  if (pod !== undefined || relayCount(store) === 0 || isRemoved({ list: { devices }, me })) return [];
  return devices.filter(({ kid, may }) => kid !== me.device && may.includes("post") && may.includes("answer")).map(({ kid }) => kid);
}

/** isRemoved tells whether this device was taken off the person's list. */
export function isRemoved({ list: { devices }, me }: { readonly list: Pick<Session["list"], "devices">; readonly me: Pick<Session["me"], "device"> }): boolean {
  return !devices.some(({ kid }) => kid === me.device);
}

/** partedSetting is the setting with what is known of a device that goes by another list (parting.ts). */
export const partedSetting = "parted";

/** Parted is a list of the person that was met and does not hold here. */
export interface Parted {
  /** Who signed it, or let in who did: a device that a list here has named. */
  readonly by: Did;
  readonly name: string;
  /** Of the list that this one signed last. */
  readonly epoch: number;
  /** It leaves this device out. */
  readonly off: boolean;
  readonly gen: number;
  /** When it was met, in milliseconds since the epoch. */
  readonly at: number;
  /** It has answered this device since, as it does none that it leaves out. */
  readonly over?: true;
}

/** hasCome tells whether who signed a list that parts goes by the one here: it is an admin in this, and has signed one of its chain later. */
export function hasCome(list: DeviceList, { by, epoch }: Pick<Parted, "by" | "epoch">): boolean {
  return can(list, by, "admin") && chainOf(list).some((each) => each.signer === by && each.epoch > epoch);
}

/** partedOf returns who disagrees with this device; undefined once the two have come together or the person key has spoken, and for a device that is off the list itself. */
export function partedOf(session: Pick<Session, "list" | "me" | "store">): Parted | undefined {
  const parted = session.store.get(partedSetting) as Parted | undefined;
  const stands = parted?.gen === session.list.gen && parted.over !== true && !hasCome(session.list, parted) && !isRemoved(session);
  return stands ? parted : undefined;
}
