/** The SDK: everything that an app of friends is made of, without a document and without words for people. */

import { App } from "./app.ts";
import type { Env } from "./env.ts";
import type { Kith } from "./kith.ts";

export type { Env, Presence, Stop } from "./env.ts";
export { type ErrorCode, KithError } from "./errors.ts";
export type * from "./kith.ts";
export { admitGuest, dismissGuest, guestAt, guestFetch, guestFolder, type Guest, type GuestHost, type SolidFetch } from "./pod/guest.ts";
export type { Store } from "./store/store.ts";
export { type Did, generate, type Signer } from "./webid/key.ts";
export { openKeyRecords, memoryKeyRecords, type KeyRecords } from "./webid/records.ts";

/** openKith opens the store and returns what the views know. It rejects with the codes of `Env.openStore`. */
export async function openKith(env: Env): Promise<Kith> {
  const closing = new AbortController();
  const { signal } = closing;
  const bounded: Env = {
    ...env,
    fetch: (url, init) => env.fetch(url, { ...init, signal: init.signal ? AbortSignal.any([signal, init.signal]) : signal }),
  };
  const app = new App(bounded, await env.openStore(), closing);
  await app.begin();
  return app;
}
