/** What people say of where they are reached, and taking it over (docs/protocol.md, Messages). */

import { KithError } from "../errors.ts";
import { object, string } from "../json.ts";
import { type Card, maxList, readWays } from "../pod/card.ts";
import type { Introduction } from "../webid/acceptance.ts";
import { acceptKeysDocument, keptKeysDocument } from "../webid/agreement.ts";
import { acceptDeviceList, readDeviceList } from "../webid/devices.ts";
import type { Way } from "../webid/way.ts";

/** waysMessage writes the message that says where this person is reached. */
export function waysMessage({ devices, keys, ways }: Introduction): string {
  return JSON.stringify({
    "@context": ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }],
    type: "Update",
    object: { type: "kith:Ways", ways, device_list: devices.text, keys: keys.text },
  });
}

/** Update is what a friend says of themself, in their door or in a message. */
export interface Update {
  readonly devices: string | undefined;
  readonly keys: string | undefined;
  readonly ways: readonly Way[];
}

/** updateOf reads the members that door and message share. */
export function updateOf(json: NonNullable<ReturnType<typeof object>>): Update {
  return { devices: string(json.device_list, maxList), keys: string(json.keys, maxList), ways: readWays(json.ways) };
}

/** updated returns a friend's record after an update. Lists that do not follow the pinned ones are left out, and so is a list by which no keys are known. */
export async function updated(known: Card, { devices, keys, ways }: Update, now: number): Promise<Card> {
  const pinned = await readDeviceList(known.devices);
  const list = devices === undefined ? pinned : await orKept(acceptDeviceList(devices, pinned), pinned);
  const old = await orKept(keptKeysDocument(known.keys, list), undefined);
  const document = keys === undefined ? old : await orKept(acceptKeysDocument(keys, list, old && { document: old, now }), old);
  return { ...known, ...(document !== undefined && { devices: list.text, keys: document.text }), ways };
}

async function orKept<T>(next: Promise<T>, kept: T): Promise<T> {
  try {
    return await next;
  } catch (error) {
    if (error instanceof KithError) return kept;
    throw error;
  }
}
