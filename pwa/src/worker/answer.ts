/**
 * The responder of the service worker: after a push it answers what friends left while no page is open, from the store that
 * the page keeps, and tells the person in one notification (protocol §6).
 *
 * It is a script of its own, which sw.js loads when it is needed; what takes in messages and acceptances is another
 * (taking.ts), which this one loads when somebody brings one. It starts nothing that outlives the push.
 */

import { answeringFor } from "../core/answer.ts";
import type { Env } from "../core/env.ts";
import type { SealedRequest } from "../core/sealed/request.ts";
import { readingOf } from "../core/pod/reading.ts";
import { openBeside } from "../core/store/beside.ts";
import type { Store } from "../core/store/store.ts";
import { anySilent } from "../core/sync/leases.ts";
import { personOf } from "../core/sync/session.ts";
import { saidSetting, type Said } from "../core/wakes.ts";
import { openKeyRecords } from "../core/webid/records.ts";
import type { WorkersTaking } from "./taking.ts";

/** The file of taking.ts, named by the beginning of its SHA-256. */
declare const TAKING: string;

// One library serves all kinds of worker; this one is a service worker.
const worker = globalThis as unknown as ServiceWorkerGlobalScope & { kithAnswer: () => Promise<void>; readonly kithInstalls?: boolean; kithTaking?: (store: Store, env: Env) => WorkersTaking };

// What was loaded while installing can be loaded again when it is needed; sw.js tells when it installs, since Firefox does not.
if (worker.kithInstalls === true) load();

function load(): void {
  worker.importScripts(new URL(TAKING, worker.registration.scope).href);
}

/** Where the page keeps its store and its keys (src/main.ts). */
const place = { store: "kith", keys: "kith-keys" };

/** It ends when nothing came for a while, or after the longest time, in milliseconds. */
const patience = { quiet: 700, longest: 20_000, step: 50 };

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));
const after = (milliseconds: number, run: () => void): (() => void) => {
  const id = setTimeout(run, milliseconds);
  return () => clearTimeout(id);
};
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => after(milliseconds, resolve));

worker.kithAnswer = async () => {
  const said = await answered().catch(() => undefined);
  const { title = "Kith", body } = said ?? {};
  await worker.registration.showNotification(title, { tag: "kith", silent: true, ...(body !== undefined && { body }) });
};

/** answered answers what waits, and returns what to say of it; undefined when a page is open, which answers itself, or there is nothing to answer from. */
async function answered(): Promise<{ readonly title: string; readonly body: string } | undefined> {
  let wanted = false;
  const ground = { now: Date.now, random, locks: worker.navigator.locks, slotFile };
  const store = await openBeside(ground, place.store, () => (wanted = true));
  if (store === undefined) return undefined;
  try {
    const said = store.get(saidSetting) as Said | undefined;
    const came = await answer(store, () => wanted);
    return said && { title: said.title, body: came ? said.left : said.answered };
  } finally {
    await store.close();
  }
}

/** answer answers until it is quiet, and tells whether somebody left something for the person. */
async function answer(store: Store, wanted: () => boolean): Promise<boolean> {
  const me = personOf(store);
  if (me === undefined) return false;
  const env = await envOf(store);
  let came = false;
  const taking = async (): Promise<WorkersTaking> => {
    if (worker.kithTaking === undefined) load();
    const made = worker.kithTaking?.(store, env);
    if (made === undefined) throw new Error("take in: what does that is not here");
    return made;
  };
  const around = { hinted: () => (came = true), left: () => (came = true), accepted: () => (came = true), brief: true, unlisted: async (request: SealedRequest) => (await taking()).waits(request) };
  // A copy that ran out is not kept until somebody opens the app; without the other script the page drops it.
  if (anySilent(store, Date.now())) await taking().then((part) => part.lapse()).catch(() => undefined);
  const answering = answeringFor(env, readingOf(store, env, me.device), around, taking);
  await answering?.start();
  const end = Date.now() + patience.longest;
  for (let quiet = 0; answering !== undefined && quiet < patience.quiet && Date.now() < end && !wanted(); ) {
    await pause(patience.step);
    quiet = answering.quiet ? quiet + patience.step : 0;
  }
  await answering?.stop();
  return came;
}

async function envOf(store: Store): Promise<Env> {
  return {
    now: Date.now, random, after,
    fetch: (url, init) => fetch(url, init),
    socket: (url, protocol) => new WebSocket(url, protocol),
    openStore: async () => store,
    keys: await openKeyRecords(place.keys),
    presence: { online: () => true, visible: () => false, watch: () => () => undefined },
    deviceName: "",
    page: worker.registration.scope,
    persist: async () => false,
    quota: async () => 0,
  };
}

/** slotFile reads the file of the keys; the page alone writes it. */
async function slotFile(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const folder = await worker.navigator.storage.getDirectory();
    const file = await (await folder.getFileHandle(name)).getFile();
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    return undefined;
  }
}
