/** Puts the parts together: the page, its worker and its service worker, the core, and the views. */

import "./ui/style/all.css";
import "./ui/later.ts";
import { type Env, type Presence, type Store, openKeyRecords, openKith } from "./core/index.ts";
import { TakenError, openStore } from "./core/store/browser.ts";
import { showApp } from "./ui/app.tsx";
import { deviceName } from "./ui/device.ts";
import { install } from "./ui/install.ts";
import { openSpeech } from "./ui/speech.ts";
import { startWorker } from "./ui/trusted.ts";
import { watchUpdates } from "./ui/update.ts";
import { source as slots } from "./worker/slots.ts?source";

/** The one store of this browser profile, and beside it, never in one record with it, the keys (app.md §1.2). */
const place = { store: "kith", keys: "kith-keys" };

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));

const presence: Presence = {
  online: () => navigator.onLine,
  visible: () => document.visibilityState === "visible",
  watch(changed) {
    const end = new AbortController();
    for (const event of ["online", "offline"]) addEventListener(event, changed, { signal: end.signal });
    document.addEventListener("visibilitychange", changed, { signal: end.signal });
    return () => end.abort();
  },
};

async function envOf(store: () => Promise<Store>): Promise<Env> {
  return {
    now: Date.now,
    random,
    fetch: (url, init) => fetch(url, init),
    page: location.origin + location.pathname,
    waker: async () => (await navigator.serviceWorker?.getRegistration())?.pushManager,
    socket: (url, protocol) => new WebSocket(url, protocol),
    connecting: async () => (await import("./ui/connecting.ts")).connecting(),
    openStore: store,
    keys: await openKeyRecords(place.keys),
    after(milliseconds, run) {
      const id = setTimeout(run, milliseconds);
      return () => clearTimeout(id);
    },
    presence,
    deviceName: deviceName(navigator.userAgent),
    persist: async () => (await navigator.storage?.persist?.()) ?? false,
    quota: async () => (await navigator.storage?.estimate?.())?.quota ?? 0,
  };
}

const root = document.querySelector("#app");
if (root === null) throw new Error("start: the page has no #app");

void showApp({
  root,
  now: Date.now,
  speech: openSpeech(window),
  update: watchUpdates(install(), window),
  taken: (error) => error instanceof TakenError,
  async open(takeOver, leaving, closed) {
    const store = async (): Promise<Store> => {
      const opened = await openStore({ now: Date.now, random, locks: navigator.locks, startWorker: () => startWorker(slots, "slots"), leaving }, place.store, { takeOver });
      void opened.closed.then(closed);
      return opened;
    };
    return openKith(await envOf(store));
  },
});
