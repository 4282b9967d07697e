/** The owner's signed lists, as `/profile/devices` and `/profile/keys` hold them (docs/protocol.md, Keys and lists). */

import type { KeyRecords } from "../webid/records.ts";
import { newestKey, type AgreementKey, acceptKeysDocument, isFar, type KeysDocument, makeKeysDocument, nextSerial, readKeysDocument } from "../webid/agreement.ts";
import { acceptDeviceList, isLong, nextDeviceList, readDeviceList } from "../webid/devices.ts";
import { can, type Device, type DeviceList } from "../webid/list.ts";
import { KithError } from "../errors.ts";
import type { Did, Signer } from "../webid/key.ts";
import { personSigner, recoverySetting } from "../webid/person.ts";
import { signerOf } from "../webid/records.ts";
import { Refusal } from "../webid/verdict.ts";
import { devices, keys } from "./paths.ts";
import { type Batch, jose, type Tree } from "./tree.ts";

/** Lists are the two signed texts of a person, verified. */
export interface Lists {
  readonly devices: DeviceList;
  readonly keys: KeysDocument;
}

/** ownLists returns the owner's lists; throws `not-started`. The keys document is good for the devices that are still listed, though its signer
 * may have gone since: the list can come before the document that follows it. */
export async function ownLists(tree: Pick<Tree, "text">): Promise<Lists> {
  const [list, document] = await Promise.all([tree.text(devices), tree.text(keys)]);
  if (list === undefined || document === undefined) throw new KithError("not-started", "read own lists: there are none");
  const pinned = await readDeviceList(list);
  return { devices: pinned, keys: await readKeysDocument(document, pinned) };
}

/** putLists writes both lists. */
export async function putLists(batch: Batch, lists: Lists): Promise<void> {
  await batch.putText(devices, jose, lists.devices.text);
  await batch.putText(keys, jose, lists.keys.text);
}

/** A keys document of so many keys fits where friends read it. */
const maxKeys = 24;

/** Change is what a new pair of lists shall hold. */
export interface Change {
  readonly devices: (now: readonly Device[]) => readonly Device[];
  /** Agreement keys to add; keys of devices that are gone go by themselves. */
  readonly agree?: readonly AgreementKey[];
}

/** changeLists signs the next lists with this device's key, which has to be an admin's; throws a `Refusal` otherwise. Where the devices stay the same, so does their list. */
export async function changeLists(tree: Tree, records: KeyRecords, change: Change): Promise<Lists> {
  const now = await ownLists(tree);
  const signer = await signerOf(records, tree.device as Did);
  const wanted = change.devices(now.devices.devices);
  const next = wanted === now.devices.devices ? now.devices : await nextDeviceList(now.devices, await listSigner(tree, now.devices, signer), wanted);
  const added = change.agree ?? [];
  const held: readonly string[] = await records.names();
  // Nobody but this device knows which keys are its own.
  const kept = now.keys.agree.filter(({ kid, device, key }) => (device !== tree.device || held.includes(key)) && !added.some((each) => each.kid === kid));
  const all = [...kept, ...added];
  // What is on its way was sealed to a key that has been superseded since; the newest of a device is good until there is another.
  const good = all.filter((each) => each.until > tree.env.now() || newestKey({ agree: all }, each.device) === each);
  const left = good.filter(({ device }) => next.devices.some(({ kid }) => kid === device)).sort((a, b) => b.until - a.until).slice(0, maxKeys);
  return { devices: next, keys: await makeKeysDocument(next, signer, nextSerial({ document: now.keys, now: tree.env.now() }), left) };
}

/** listSigner returns who signs the next list: this device, or, where the chain has grown long and the person key is still here, that key, with which another chain begins. */
async function listSigner({ store }: Tree, list: DeviceList, device: Signer): Promise<Signer> {
  const kept = store.get(recoverySetting);
  return isLong(list) && typeof kept === "string" ? personSigner(kept, list.person) : device;
}

/** acceptable tells whether a list or keys document that the pod holds may replace the one that is here, given the device list that holds now: a rented host cannot add devices. A person who has started has a list, and keeps their label.
 * Whoever lost the list takes one of their person that names this device. Between `equals`, neither of which has the last word, both decide alike. */
export async function acceptable(tree: Tree, path: string, text: string, pinnedText: string | undefined, equals = false): Promise<boolean> {
  try {
    const pinned = pinnedText === undefined ? undefined : await readDeviceList(pinnedText);
    const me = tree.store.get("me") as { readonly label: string } | undefined;
    if (me !== undefined && pinned === undefined && path === devices) return await namesSelf(tree, text, me.label);
    if (me !== undefined && pinned?.label !== me.label) return false;
    if (path === devices) return await newerList(text, pinned, equals);
    if (pinned === undefined) return true;
    const known = await tree.text(keys);
    // Who signed it may have gone; what it outranked stays outranked.
    const document = known === undefined ? undefined : await readKeysDocument(known, pinned).catch(() => undefined);
    const counts = document && { document, now: tree.env.now() };
    const next = await acceptKeysDocument(text, pinned, counts);
    return !equals || counts === undefined || isFar(counts) || next.serial > counts.document.serial || text > counts.document.text;
  } catch (error) {
    if (error instanceof KithError) return false;
    throw error;
  }
}

async function namesSelf({ device }: Tree, text: string, person: string): Promise<boolean> {
  const { label, devices: named } = await readDeviceList(text);
  return label === person && named.some(({ kid }) => kid === device);
}

/** newerList tells whether a device list follows the pinned one. Of two that part, the pod's holds: what this device revoked, it revokes again. */
async function newerList(text: string, pinned: DeviceList | undefined, equals: boolean): Promise<boolean> {
  try {
    return (await acceptDeviceList(text, pinned)).text === text;
  } catch (error) {
    if (!(error instanceof Refusal) || error.verdict !== "same epoch, different list") throw error;
    if (pinned === undefined) return false;
    const { epoch, signer } = await readDeviceList(text);
    const ahead = epoch === pinned.epoch ? text > pinned.text : epoch > pinned.epoch;
    return can(pinned, signer, "admin") && (ahead || !equals);
  }
}
