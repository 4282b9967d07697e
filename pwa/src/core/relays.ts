/** What views know of the relays of a person. */

import type { ContactId } from "./kith.ts";
import type { Said } from "./wakes.ts";

/** A relay by which this person is reached. */
export interface Relay {
  /** Its address, with a slash at its end. */
  readonly url: string;
  /** What a person would call it. */
  readonly host: string;
  /** `refused`: it does not know this person any more. `full`: it takes no more messages. */
  readonly state: "connecting" | "connected" | "unreachable" | "refused" | "full";
  /** Since when it has not been reached, in milliseconds since the epoch. */
  readonly since?: number;
}

/** The relays of a person. Its methods that act ask the network. */
export interface Relays {
  list(): readonly Relay[];
  /** Relays that were removed and are read until that moment, since friends may not have heard of it yet. */
  leaving(): readonly { readonly host: string; readonly until: number }[];
  /** Makes a place for this person's messages at the relay of an address as people write it, with its operator's `code` where it wants
   * one. Rejects with `no-relay`, `relay-unreachable`, `relay-refused` or `relay-full`. */
  add(address: string, code?: string): Promise<void>;
  remove(url: string): Promise<void>;
  /** Takes a removed relay back. */
  restore(url: string): Promise<void>;
  /** Whether one relay forwards to another, so that none sees both who asks and whom; it needs two. */
  readonly hop: boolean;
  setHop(on: boolean): Promise<void>;
  /** Whether this device may connect to a friend directly, which shows each the other's network address; undefined where it cannot. */
  direct(cid: ContactId): boolean | undefined;
  setDirect(cid: ContactId, on: boolean): Promise<void>;
  /** Whether this device is woken while the app is closed, by a relay or the pod. */
  readonly wakes: boolean;
  /** Whether this browser can be woken at all. */
  canWake(): Promise<boolean>;
  /** Turns that on or off; `said` is what a notification then says, also when that is all that changes. Rejects with `no-wake`. */
  setWakes(on: boolean, said: Said): Promise<void>;
  /** The address of the pod's host, or of the app's, when that is a relay itself and not one of the person's. */
  suggested(): Promise<string | undefined>;
}
