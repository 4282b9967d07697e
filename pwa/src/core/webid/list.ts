/** Device lists as they stand in the owner's own tree: what was verified when it was written is not verified again (devices.ts). */

import { fromB64u, utf8 } from "../bytes.ts";
import { objectIn } from "../json.ts";
import type { Did, Label } from "./key.ts";

/** What a device may do for its person. */
export type Right = "answer" | "accept" | "post" | "admin";

/** Device is one of a person's devices as a device list names it. */
export interface Device {
  readonly kid: Did;
  /** As its owner calls it, at most 64 bytes, no control characters. */
  readonly name: string;
  readonly may: readonly Right[];
}

/** A device list whose chain was verified. */
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
  /** The chain, this list first. */
  readonly text: string;
  readonly signer: Did;
}

/** separator stands between the lists of a chain. */
export const separator = "~";

/** maxName is how long the name of a device may be, in bytes of UTF-8. */
export const maxName = 64;

/** can tells whether a list names a device and gives it that right. */
export function can(list: DeviceList, kid: string, right: Right): boolean {
  return list.devices.some((device) => device.kid === kid && device.may.includes(right));
}

/** isName tells whether a device may be called so. */
export function isName(name: string): boolean {
  return utf8(name).length <= maxName && !/\p{Cc}/u.test(name);
}

/** nameBeside returns the name of a device that comes to others: where one of them is called so, with the next number behind it. */
export function nameBeside(others: readonly Device[], name: string): string {
  const taken = (called: string): boolean => others.some((each) => each.name === called) || !isName(called);
  let called = name;
  for (let n = 2; taken(called) && n <= others.length + 1; n++) called = `${name} ${n}`;
  return isName(called) ? called : name;
}

/** hasNamed tells whether a list that was verified, or one of those before it in its chain, names a device. */
export function hasNamed(list: DeviceList, kid: string): boolean {
  return chainOf(list).some(({ devices }) => devices.some((device) => device.kid === kid));
}

/** chainOf returns a list that was verified and those before it in its chain, the newest first. */
export function chainOf({ text }: Pick<DeviceList, "text">): readonly DeviceList[] {
  return text.split(separator).flatMap((each) => ownList(each) ?? []);
}

/** ownList reads the newest list of a chain that this device has verified; undefined when it is none. */
export function ownList(chain: string): DeviceList | undefined {
  const [header, payload] = (chain.split(separator)[0] ?? "").split(".").slice(0, 2).map((part) => objectIn(fromB64u(part) ?? new Uint8Array(0)));
  if (header === undefined || payload === undefined) return undefined;
  return { ...(payload as unknown as Omit<DeviceList, "text" | "signer">), text: chain, signer: header.kid as Did };
}
