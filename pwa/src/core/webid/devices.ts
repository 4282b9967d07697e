/**
 * Device lists: which devices speak for a person (protocol §1.1).
 *
 * A list is always carried as its chain, the newest first, down to the one that the person key signed, so
 * that who sees it for the first time can tell that it comes from the person of the label:
 *
 *     JWS of epoch n ~ JWS of the epoch before ~ … ~ JWS by the person key     at most 32 of them, 32 KiB
 */

import { b64u, fromB64u, sha256 } from "../bytes.ts";
import type { Json } from "../json.ts";
import { leap, listOf, numberOf, object, textOf } from "./members.ts";
import { open, signAs } from "./jws.ts";
import { type Did, type Label, labelOf, parseDid, type Signer } from "./key.ts";
import type { Device, DeviceList, Right } from "./list.ts";
import { can, isName, maxName, separator } from "./list.ts";
import { Refusal } from "./verdict.ts";

/** maxDevices is how many devices a list may name. */
export const maxDevices = 16;
/** maxChain is how long a chain may be, in bytes. */
export const maxChain = 32 << 10;
const maxLists = 32;
const typ = "kith-devices+jwt";
const rights: readonly string[] = ["answer", "accept", "post", "admin"] satisfies Right[];

/** isLong tells whether a list's chain nears one of its bounds, so that the person key had better begin another. */
export function isLong({ text }: DeviceList): boolean {
  return listsOf(text).length >= maxLists * 0.75 || text.length >= maxChain * 0.75;
}

/** firstDeviceList returns generation 1, epoch 1 of a new person, signed by the person key. */
export async function firstDeviceList(person: Signer, devices: readonly Device[]): Promise<DeviceList> {
  const label = await labelOf(person.kid);
  return readDeviceList(await make(person, { label, gen: 1, epoch: 1, prev: "", person: person.kid, devices }));
}

/** nextDeviceList returns the list that follows `list` with these devices: signed by an admin device of it, the
 * next epoch; signed by the person key, epoch 1 of the next generation, whose chain begins with it. */
export async function nextDeviceList(list: DeviceList, signer: Signer, devices: readonly Device[]): Promise<DeviceList> {
  const { label, person } = list;
  const follow = { label, prev: await hashOf(list), person, devices };
  if (signer.kid === person) return readDeviceList(await make(signer, { ...follow, gen: list.gen + 1, epoch: 1 }));
  const next = await make(signer, { ...follow, gen: list.gen, epoch: list.epoch + 1 });
  return readDeviceList(next + separator + list.text);
}

/** Chains that were verified, those asked for last at the end: most are asked for again. */
const verified = new Map<string, DeviceList>();
const maxVerified = 64;

/** acceptDeviceList returns the list that holds after `chain` was shown to somebody who has pinned `pinned`: the
 * newer list, or `pinned` when both say the same. A newer list has `pinned` in its chain, or is of a higher
 * generation. Throws a `Refusal` as `readDeviceList` does, and: wrong label, stale, and same epoch, different list
 * when the chain passes by `pinned`. */
export async function acceptDeviceList(chain: string, pinned?: DeviceList): Promise<DeviceList> {
  const next = await readDeviceList(chain);
  if (pinned === undefined) return next;
  if (next.label !== pinned.label) throw new Refusal("wrong label");
  if (next.gen > pinned.gen) return next;
  if (next.gen < pinned.gen) throw new Refusal("stale");
  if (reaches(next, pinned)) return next.epoch === pinned.epoch ? pinned : next;
  throw new Refusal(reaches(pinned, next) ? "stale" : "same epoch, different list");
}

/** readDeviceList reads a list from its chain and verifies all of it. Throws a `Refusal`: malformed, wrong header,
 * bad signature, wrong label, not signed by an admin, no chain, broken chain. */
export async function readDeviceList(chain: string): Promise<DeviceList> {
  if (chain.length > maxChain || listsOf(chain).length > maxLists) throw new Refusal("malformed");
  const list = await verify(chain);
  keep(list);
  return list;
}

/** verify verifies a chain as far as it was not verified before. */
async function verify(chain: string): Promise<DeviceList> {
  const kept = verified.get(chain);
  if (kept !== undefined) return kept;
  const [newest = "", ...before] = listsOf(chain);
  return next(newest, before.length === 0 ? undefined : await verify(before.join(separator)));
}

function keep(list: DeviceList): void {
  verified.delete(list.text);
  verified.set(list.text, list);
  const [oldest = ""] = verified.keys();
  if (verified.size > maxVerified) verified.delete(oldest);
}

function listsOf(chain: string): readonly string[] {
  return chain.split(separator);
}

/** next reads the list in a JWS as the one that follows `before`, or that begins a chain. */
async function next(jws: string, before: DeviceList | undefined): Promise<DeviceList> {
  const list = await readOne(jws);
  if (before === undefined) {
    if (list.signer !== list.person) throw new Refusal("no chain");
    return list;
  }
  if (list.label !== before.label) throw new Refusal("wrong label");
  const follows = list.gen === before.gen && list.epoch > before.epoch && list.epoch - before.epoch <= leap && list.prev === (await hashOf(before));
  if (!follows) throw new Refusal("broken chain");
  if (!can(before, list.signer, "admin")) throw new Refusal("not signed by an admin");
  return { ...list, text: jws + separator + before.text };
}

/** readOne reads one list and verifies that the key it names signed it and, where it opens a generation, that this
 * is the person key. */
async function readOne(jws: string): Promise<DeviceList> {
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

/** reaches tells whether the chain of `list` comes to `before`, or to the same list under another signature: anybody
 * can turn a signature (r, s) into (r, -s), and must not part two chains by that. */
function reaches(list: DeviceList, before: DeviceList): boolean {
  const [said] = payloads(before);
  return payloads(list).includes(said ?? "");
}

function payloads({ text }: DeviceList): readonly string[] {
  return listsOf(text).map((jws) => jws.split(".")[1] ?? "");
}

/** hashOf returns what the list after this one has as `prev`. */
async function hashOf({ text }: DeviceList): Promise<string> {
  return b64u(await sha256(listsOf(text)[0] ?? ""));
}

function make(signer: Signer, content: Omit<DeviceList, "text" | "signer">): Promise<string> {
  return signAs(signer, typ, { ...content });
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
  if (!isName(name) || new Set(may).size < may.length || !may.every((right) => rights.includes(right))) {
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
