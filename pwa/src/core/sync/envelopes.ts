/** Whose keys a sealed request is sealed to, and who it is from (docs/protocol.md, Sealed requests). */

import { type Bytes, fromB64u } from "../bytes.ts";
import { KithError } from "../errors.ts";
import { card } from "../pod/people.ts";
import { ownLists } from "../pod/profile.ts";
import { ownSalt } from "../sealed/pair.ts";
import type { Recipient, Sender } from "../sealed/request.ts";
import { keptKeysDocument, type KeysDocument, newestKey } from "../webid/agreement.ts";
import { readDeviceList } from "../webid/devices.ts";
import type { Device, DeviceList } from "../webid/list.ts";
import type { Label } from "../webid/key.ts";
import { signerOf } from "../webid/records.ts";
import type { Whom } from "./reach.ts";
import type { Session } from "./session.ts";

/** Envelope is what a request to somebody is sealed with. */
export interface Envelope {
  readonly label: Label;
  readonly to: readonly Recipient[];
  readonly from: Sender;
}

const maxTo = 8;

/** envelopeFor returns who reads a request to a friend, or to the own pod; throws `keys-refused` when nobody could. */
export async function envelopeFor(session: Session, whom: Whom): Promise<Envelope> {
  const own = await ownLists(session.tree);
  if (whom === "me") return envelopeWithin(session, isPod);
  const { devices, keys, salt } = await card(session.tree, whom);
  const list = await readDeviceList(devices);
  const to = recipients(list, await keptKeysDocument(keys, list), (device) => device.may.includes("answer"));
  return { label: list.label, to, from: await sender(session, own.keys, fromB64u(salt) ?? new Uint8Array(0)) };
}

/** envelopeWithin returns who reads a request to those of the person's own devices. */
export async function envelopeWithin(session: Session, wanted: (device: Device) => boolean): Promise<Envelope> {
  const { devices, keys } = await ownLists(session.tree);
  return { label: devices.label, to: recipients(devices, keys, wanted), from: await ownSender(session) };
}

/** ownSender returns as whom this device writes to others of the same person. */
export async function ownSender(session: Session): Promise<Sender> {
  const { devices, keys } = await ownLists(session.tree);
  return sender(session, keys, await ownSalt(devices.label));
}

function isPod({ may }: Device): boolean {
  return may.includes("answer") && !may.includes("post");
}

/** recipients returns the keys of the devices that may answer. */
function recipients(list: DeviceList, keys: KeysDocument, wanted: (device: Device) => boolean): readonly Recipient[] {
  const found = list.devices.filter(wanted).flatMap(({ kid }) => newestKey(keys, kid) ?? []);
  if (found.length === 0) throw new KithError("keys-refused", "seal: no device of theirs could read it");
  return found.slice(0, maxTo).map(({ key, device }) => ({ key, device }));
}

async function sender({ env, me }: Session, keys: KeysDocument, salt: Bytes): Promise<Sender> {
  const own = newestKey(keys, me.device);
  if (own === undefined || salt.length !== 32) throw new KithError("keys-refused", "seal: this device has no agreement key, or no salt with them");
  return { label: keys.label, kid: own.kid, key: (await signerOf(env.keys, own.key)).key, salt };
}
