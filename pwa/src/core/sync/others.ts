/** Which of the person's devices replicate with this one by themselves. */

import { relayCount } from "../pod/facts.ts";
import type { Did } from "../webid/key.ts";
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
