/**
 * The one store of a browser profile. One tab has it at a time: it holds a Web Lock, and lets go when another
 * tab asks for the store through a BroadcastChannel.
 */

import { KithError } from "../errors.ts";
import type { Bytes } from "../bytes.ts";
import { type Database, idbCiphertext, idbSlots, openDatabase } from "./idb.ts";
import { opfsSlots, type SlotWorker } from "./opfs.ts";
import { openStoreOver } from "./phone.ts";
import type { Slots } from "./slots.ts";
import type { Store } from "./store.ts";

/** What the store needs of the page. */
export interface Browser {
  readonly now: () => number;
  readonly random: (length: number) => Bytes;
  readonly locks: LockManager;
  /** Starts the worker that runs `serveSlots`; absent where there is no OPFS. */
  readonly startWorker?: () => SlotWorker;
}

/** Another tab has the store; `takeOver` would get it. */
export class TakenError extends KithError {
  constructor() {
    super("storage-unavailable", "open store: another tab has it");
    this.name = "TakenError";
  }
}

/** openStore opens the store of that name; rejects with a `TakenError`, `newer-version` or `storage-unavailable`.
 * With `takeOver` it first asks the tab that has the store to close it. */
export async function openStore(browser: Browser, name: string, options: { readonly takeOver?: boolean } = {}): Promise<Store> {
  const channel = new BroadcastChannel(name);
  const release = await hold(browser.locks, name, options.takeOver === true ? channel : undefined);
  try {
    const store = await open(browser, name);
    channel.onmessage = () => void store.close();
    void store.closed.then(release).then(() => channel.close());
    return store;
  } catch (cause) {
    release();
    channel.close();
    throw cause;
  }
}

/** How long a tab gets to finish what it is writing and let go, in milliseconds. */
const patience = 10_000;

/** hold takes the lock and returns what gives it back. */
function hold(locks: LockManager, name: string, asking: BroadcastChannel | undefined): Promise<() => void> {
  const options = asking === undefined ? { ifAvailable: true } : { signal: AbortSignal.timeout(patience) };
  const held = new Promise<() => void>((resolve, reject) => {
    const during = (lock: Lock | null): Promise<void> | undefined => {
      if (lock !== null) return new Promise((release) => resolve(release));
      reject(new TakenError());
      return undefined;
    };
    locks.request(name, options, during).catch((cause: unknown) => reject(isTimeout(cause) ? new TakenError() : cause));
  });
  asking?.postMessage("yield");
  return held;
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "TimeoutError";
}

async function open({ now, random, startWorker }: Browser, name: string): Promise<Store> {
  // The worker starts while the database opens.
  const worker = startWorker?.();
  try {
    const db = await openDatabase(name);
    const slots = await openSlots(db, name, worker).catch(closing(db));
    return await openStoreOver({ slots, ciphertext: idbCiphertext(db), now, random }).catch(closing(db));
  } catch (cause) {
    worker?.terminate();
    throw cause;
  }
}

/** openSlots opens the slots that this store began with: a store whose keys lie in OPFS must not be opened
 * without them, and the other way round. A new one takes OPFS where it can be had. */
async function openSlots(db: Database, name: string, worker: SlotWorker | undefined): Promise<Slots> {
  const inDatabase = worker === undefined || (await db.count("keys")) > 0;
  if (!inDatabase) {
    try {
      return await opfsSlots(worker, name);
    } catch (cause) {
      if ((await db.count("pages")) > 0) throw cause;
    }
  }
  worker?.terminate();
  return idbSlots(db);
}

/** closing closes the database after a failure, which it passes on. */
function closing(db: Database): (cause: unknown) => never {
  return (cause) => {
    db.close();
    throw cause;
  };
}
