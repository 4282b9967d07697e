/** Keys documents: by which keys a person's devices can be sent sealed messages (protocol §1.1). */

import { did } from "./devices.ts";
import { can, chainOf, type DeviceList } from "./list.ts";
import { leap, listOf, momentOf, numberOf, object, textOf } from "./members.ts";
import { open, signAs } from "./jws.ts";
import { type Did, didOfJwk, jwkOf, type Label, type Signer } from "./key.ts";
import { Refusal } from "./verdict.ts";

/** AgreementKey is the public half of a key by which a device can be sent sealed messages. */
export interface AgreementKey {
  /** Unique in its document, at most 64 bytes. */
  readonly kid: string;
  /** The device that holds the secret half. */
  readonly device: Did;
  readonly key: Did;
  /** The last moment at which somebody may seal to it, in milliseconds since the epoch. */
  readonly until: number;
}

/** A keys document whose signature was verified against a device list, and the JWS it came from. */
export interface KeysDocument {
  readonly label: Label;
  /** Rises with each document. */
  readonly serial: number;
  readonly agree: readonly AgreementKey[];
  readonly text: string;
  readonly signer: Did;
}

const typ = "kith-keys+jwt";
const maxAgree = 64;

/** makeKeysDocument returns a document signed by an admin device of the list. */
export async function makeKeysDocument(list: DeviceList, signer: Signer, serial: number, agree: readonly AgreementKey[]): Promise<KeysDocument> {
  const written = agree.map(({ kid, device, key, until }) => ({ kid, device, jwk: jwkOf(key), until: new Date(until).toISOString() }));
  return acceptKeysDocument(await signAs(signer, typ, { label: list.label, serial, agree: written }), list);
}

/** Known is the document that is known when another comes, and when that is, in milliseconds since the epoch. */
export interface Known {
  readonly document: KeysDocument;
  readonly now: number;
}

/** isFar tells whether nobody can have counted to the serial of a document by now: it is more than 2^32 above the clock. Honest ones are far
 * below, and whoever signs the highest of a moment is outranked in the next. */
export function isFar({ document: { serial }, now }: Known): boolean {
  return serial > now + leap;
}

/** nextSerial returns the serial of the document that follows one. */
export function nextSerial({ document: { serial }, now }: Known): number {
  return Math.min(serial + 1, now + leap);
}

/** acceptKeysDocument reads a document of the person whose list this is; keys of devices that the list does not
 * name are left out. Throws a `Refusal`: malformed, wrong header, bad signature, wrong label, not signed by an
 * admin; stale when `known` has a higher serial, and too far ahead when nobody can have counted to it. Such a one, at first sight, is
 * taken and outranks none. */
export async function acceptKeysDocument(jws: string, list: DeviceList, known?: Known): Promise<KeysDocument> {
  const document = await readKeysDocument(jws, list);
  if (!can(list, document.signer, "admin")) throw new Refusal("not signed by an admin");
  if (known === undefined || isFar(known)) return document;
  if (isFar({ ...known, document })) throw new Refusal("too far ahead");
  if (document.serial < known.document.serial) throw new Refusal("stale");
  return document;
}

/** keptKeysDocument reads a document that was accepted when it came, though its signer may have been taken off the list since; throws as
 * `acceptKeysDocument` does where no list of the chain has its signer as an admin. */
export async function keptKeysDocument(jws: string, list: DeviceList): Promise<KeysDocument> {
  const document = await readKeysDocument(jws, list);
  if (!chainOf(list).some((each) => can(each, document.signer, "admin"))) throw new Refusal("not signed by an admin");
  return document;
}

/** readKeysDocument reads a document whoever signed it: for one that stands in the owner's own tree, which nothing enters that was not accepted. */
export async function readKeysDocument(jws: string, list: DeviceList): Promise<KeysDocument> {
  const { payload, signer } = await open(jws, typ);
  const label = textOf(payload, "label", 52) as Label;
  const serial = numberOf(payload, "serial", 1);
  const agree = listOf(payload, "agree", maxAgree).map(readAgreementKey);
  if (new Set(agree.map(({ kid }) => kid)).size < agree.length) throw new Refusal("malformed");
  if (label !== list.label) throw new Refusal("wrong label");
  const named = agree.filter(({ device }) => list.devices.some(({ kid }) => kid === device));
  return { label, serial, agree: named, text: jws, signer };
}

/** newestKey returns the key that a device is sealed to, the one with the latest `until`; undefined when it has none. It is good even after that
 * moment, since a device drops a key only when it has made another. */
export function newestKey({ agree }: Pick<KeysDocument, "agree">, of: Did): AgreementKey | undefined {
  return agree.filter(({ device }) => device === of).sort((a, b) => b.until - a.until)[0];
}

function readAgreementKey(value: unknown): AgreementKey {
  const json = object(value);
  const kid = textOf(json, "kid", 64);
  if (kid === "") throw new Refusal("malformed");
  return { kid, device: did(textOf(json, "device", 64)), key: keyOf(json.jwk), until: momentOf(json, "until") };
}

function keyOf(jwk: unknown): Did {
  try {
    return didOfJwk(jwk);
  } catch (cause) {
    throw new Refusal("malformed", { cause });
  }
}
