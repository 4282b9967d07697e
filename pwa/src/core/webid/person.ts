/** Making a person: the keys and the two signed lists with which everything begins (protocol §1.1). */

import { type AgreementKey, type KeysDocument, makeKeysDocument } from "./agreement.ts";
import { type Bytes, fromB64u } from "../bytes.ts";
import { firstDeviceList } from "./devices.ts";
import type { DeviceList } from "./list.ts";
import { type Did, generate, type Signer } from "./key.ts";
import type { KeyRecords } from "./records.ts";

/** Person is a new person with one device. */
export interface Person {
  readonly devices: DeviceList;
  readonly keys: KeysDocument;
  /** This device, an admin of the list; its private key is in the records. */
  readonly device: Did;
  /** The person's private key as PKCS #8. */
  readonly recovery: Bytes;
}

/** The store setting that holds the person's private key, in base64url, until the recovery kit takes it off the
 * device. Whoever has it can replace every device. */
export const recoverySetting = "recovery";

/** How long a key may be sealed to: a week, and a week more for a device that was asleep. */
export const agreementLife = 22 * 86_400_000;

/** makePerson makes a person whose only device is this one, and keeps the device's private keys in the records. */
export async function makePerson(records: KeyRecords, deviceName: string, now: number): Promise<Person> {
  const person = await generate("sign", true);
  const device = await generate("sign");
  await records.put(device.kid, device.key);
  const devices = await firstDeviceList(person, [{ kid: device.kid, name: deviceName, may: ["answer", "accept", "post", "admin"] }]);
  const keys = await makeKeysDocument(devices, device, 1, [await makeAgreementKey(records, device.kid, now)]);
  const recovery = new Uint8Array(await crypto.subtle.exportKey("pkcs8", person.key));
  return { devices, keys, device: device.kid, recovery };
}

/** personSigner returns the person's private key from what is kept under `recoverySetting`. */
export async function personSigner(kept: string, kid: Did): Promise<Signer> {
  const bytes = fromB64u(kept) ?? new Uint8Array(0);
  return { kid, key: await crypto.subtle.importKey("pkcs8", bytes, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]) };
}

/** makeAgreementKey makes a device's agreement key for the time from `now` on, keeps its private half in the
 * records under `key`, and returns its entry for a keys document. */
export async function makeAgreementKey(records: KeyRecords, device: Did, now: number): Promise<AgreementKey> {
  const agree = await generate("agree");
  await records.put(agree.kid, agree.key);
  return { kid: `k${agree.kid.slice(-11)}`, device, key: agree.kid, until: now + agreementLife };
}
