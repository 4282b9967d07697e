/** What the core needs from the place where it runs: a page, a worker, or Node in tests. */

import type { Random } from "./ids.ts";
import type { Connecting } from "./relay/direct.ts";
import type { Store } from "./store/store.ts";
import type { Waker } from "./wakes.ts";
import type { KeyRecords } from "./webid/records.ts";

/** Stop ends what was begun; calling it twice does nothing. */
export type Stop = () => void;

/** Presence says whether asking makes sense now. */
export interface Presence {
  /** False when the device knows that it has no network. */
  online(): boolean;
  /** Somebody looks at the app. */
  visible(): boolean;
  /** Calls `changed` whenever one of the two may have changed. */
  watch(changed: () => void): Stop;
}

/** Env is everything that is not a pure function. */
export interface Env {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: Random;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The address of the app, without query and fragment. */
  readonly page: string;
  /** Opens a connection that speaks that subprotocol. */
  readonly socket: (url: string, protocol: string) => WebSocket;
  /** Loads what connects directly to other devices; absent where the platform has nothing for it, as in a service worker. */
  readonly connecting?: () => Promise<Connecting | undefined>;
  /** What lets this device be woken while the app is closed; absent or undefined where that cannot be. */
  readonly waker?: () => Promise<Waker | undefined>;
  /** Opens the one store of this browser profile; rejects with `storage-unavailable` or `newer-version`. */
  readonly openStore: () => Promise<Store>;
  /** Where this browser profile keeps private keys. */
  readonly keys: KeyRecords;
  /** Runs a function after so many milliseconds. */
  readonly after: (milliseconds: number, run: () => void) => Stop;
  readonly presence: Presence;
  /** What this device is called in the person's list of devices, at most 64 bytes. */
  readonly deviceName: string;
  /** Asks the browser not to evict the store; false when it may. */
  readonly persist: () => Promise<boolean>;
  /** Bytes that this origin may store; 0 when unknown. */
  readonly quota: () => Promise<number>;
}
