/** Device lists: which devices speak for a person (protocol §1.1). */

import { b64u, fromB64u, sha256 } from "../bytes.ts";
import type { Json } from "../json.ts";
import { listOf, numberOf, object, textOf } from "./members.ts";
import { open, signAs } from "./jws.ts";
import { type Did, type Label, labelOf, parseDid, type Signer } from "./key.ts";
import { Refusal } from "./verdict.ts";

/** What a device may do for its person. */
export type Right = "answer" | "accept" | "post" | "admin";

/** Device is one of a person's devices as a device list names it. */
export interface Device {
  readonly kid: Did;
  /** As its owner calls it, at most 64 bytes, no control characters. */
  readonly name: string;
  readonly may: readonly Right[];
}

/** A device list whose signature was verified, and the JWS it came from. */
export interface DeviceList {
  readonly label: Label;
  /** Raised by the person key only. */
  readonly gen: number;
  /** Raised by an admin device. */
  readonly epoch: number;
  /** Base64url SHA-256 of the JWS before, empty for the first. */
  readonly prev: string;
  readonly person: Did;
  readonly devices: readonly Device[];
  readonly text: string;
  readonly signer: Did;
}

/** maxDevices is how many devices a list may name. */
export const maxDevices = 16;
const maxName = 64;
const typ = "kith-devices+jwt";
const rights: readonly string[] = ["answer", "accept", "post", "admin"] satisfies Right[];

/** can tells whether a list names a device and gives it that right. */
export function can(list: DeviceList, kid: string, right: Right): boolean {
  return list.devices.some((device) => device.kid === kid && device.may.includes(right));
}

/** firstDeviceList returns generation 1, epoch 1 of a new person, signed by the person key. */
export async function firstDeviceList(person: Signer, devices: readonly Device[]): Promise<DeviceList> {
  const label = await labelOf(person.kid);
  return make(person, { label, gen: 1, epoch: 1, prev: "", person: person.kid, devices });
}

/** nextDeviceList returns the list that follows `list` with these devices: signed by an admin device of it, the
 * next epoch; signed by the person key, epoch 1 of the next generation. */
export async function nextDeviceList(list: DeviceList, signer: Signer, devices: readonly Device[]): Promise<DeviceList> {
  const anew = signer.kid === list.person;
  const { label, person } = list;
  const place = anew ? { gen: list.gen + 1, epoch: 1 } : { gen: list.gen, epoch: list.epoch + 1 };
  const next = await make(signer, { label, ...place, prev: b64u(await sha256(list.text)), person, devices });
  return judge(next, list);
}

/** readDeviceList reads a list and verifies that the key it names signed it. Whether that key may, says
 * `acceptDeviceList`. Throws a `Refusal`: malformed, wrong header, bad signature, wrong label, and not signed by
 * an admin where a generation begins without the person key. */
export async function readDeviceList(jws: string): Promise<DeviceList> {
  const { payload, signer } = await open(jws, typ);
  const list: DeviceList = {
    label: textOf(payload, "label", 52) as Label,
    gen: numberOf(payload, "gen", 1),
    epoch: numberOf(payload, "epoch", 1),
    prev: textOf(payload, "prev", 43),
    person: did(textOf(payload, "person", 64)),
    devices: listOf(payload, "devices", maxDevices).map(readDevice),
    text: jws,
    signer,
  };
  if (!ordered(list) || new Set(list.devices.map(({ kid }) => kid)).size < list.devices.length) {
    throw new Refusal("malformed");
  }
  if ((await labelOf(list.person)) !== list.label) throw new Refusal("wrong label");
  if (list.epoch === 1 && signer !== list.person) throw new Refusal("not signed by an admin");
  return list;
}

/** acceptDeviceList returns the list that holds after `jws` was shown to somebody who has pinned `pinned`: the
 * newer list, or `pinned` when both say the same. Without `pinned`, at first sight, the person key or one of
 * the list's own admin devices has to have signed it. Throws a `Refusal` as `readDeviceList` does, and: wrong
 * label, stale, same epoch, different list. Epochs may be skipped. */
export async function acceptDeviceList(jws: string, pinned?: DeviceList): Promise<DeviceList> {
  return judge(await readDeviceList(jws), pinned);
}

function judge(next: DeviceList, pinned: DeviceList | undefined): DeviceList {
  const admin = (list: DeviceList): boolean => can(list, next.signer, "admin");
  const person = next.signer === next.person;
  if (pinned === undefined) return allowed(person || admin(next), next);
  if (next.label !== pinned.label) throw new Refusal("wrong label");
  if (next.gen > pinned.gen) return allowed(person, next);
  if (next.gen < pinned.gen || next.epoch < pinned.epoch) throw new Refusal("stale");
  if (next.epoch > pinned.epoch) return allowed(admin(pinned), next);
  if (next.text.split(".")[1] !== pinned.text.split(".")[1]) throw new Refusal("same epoch, different list");
  return pinned;
}

function allowed(may: boolean, list: DeviceList): DeviceList {
  if (!may) throw new Refusal("not signed by an admin");
  return list;
}

async function make(signer: Signer, content: Omit<DeviceList, "text" | "signer">): Promise<DeviceList> {
  return readDeviceList(await signAs(signer, typ, { ...content }));
}

/** ordered tells whether the list's place is well formed: only one that opens a generation may be without a
 * predecessor, and the very first must be. */
function ordered({ gen, epoch, prev }: DeviceList): boolean {
  if (prev === "") return epoch === 1;
  return fromB64u(prev)?.length === 32 && (gen > 1 || epoch > 1);
}

function readDevice(value: unknown): Device {
  const json: Json = object(value);
  const name = textOf(json, "name", maxName);
  const may = listOf(json, "may", rights.length) as readonly Right[];
  if (/\p{Cc}/u.test(name) || new Set(may).size < may.length || !may.every((right) => rights.includes(right))) {
    throw new Refusal("malformed");
  }
  return { kid: did(textOf(json, "kid", 64)), name, may };
}

/** did is `parseDid` with the verdict of a list. */
export function did(written: unknown): Did {
  try {
    return parseDid(written);
  } catch (cause) {
    throw new Refusal("malformed", { cause });
  }
}
