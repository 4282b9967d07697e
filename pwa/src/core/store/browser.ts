/**
 * The one store of a browser profile. One tab has it at a time: it holds a Web Lock, and lets go when another
 * tab asks for the store through a BroadcastChannel.
 */

import { KithError } from "../errors.ts";
import type { Bytes } from "../bytes.ts";
import { failed } from "./failure.ts";
import { type Database, idbCiphertext, idbJournal, idbSlots, openDatabase, slotsIn } from "./idb.ts";
import { takeIn } from "./journal.ts";
import { type Opfs, opfsSlots, type SlotWorker } from "./opfs.ts";
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
  /** Stores what is still only in the page, before another tab gets the store. */
  readonly leaving?: () => Promise<unknown>;
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
  let release = (): void => undefined;
  try {
    release = await hold(browser.locks, name, channel, options.takeOver === true);
    const opening = open(browser, name);
    channel.onmessage = ({ data }) => void (data === asking.tab && opening.then((store) => yielding(browser, store)).catch(() => undefined));
    const store = await opening;
    void store.closed.then(release).then(() => channel.close());
    return store;
  } catch (cause) {
    release();
    channel.close();
    throw failed("open store", cause);
  }
}

async function yielding({ leaving }: Browser, store: Store): Promise<void> {
  await leaving?.().catch(() => undefined);
  await store.close();
}

/** How long to wait for another tab, in milliseconds: one that closes or reloads is gone in a moment; one that was
 * asked may finish what it is writing. */
const patience = { closing: 1_000, asked: 10_000 };

/** What a page says when it wants the store: the service worker leaves it to any, a tab to one that takes it over. */
const asking = { worker: "leave", tab: "yield" };

/** hold takes the lock and returns what gives it back. */
function hold(locks: LockManager, name: string, channel: BroadcastChannel, takeOver: boolean): Promise<() => void> {
  const signal = AbortSignal.timeout(takeOver ? patience.asked : patience.closing);
  channel.postMessage(takeOver ? asking.tab : asking.worker);
  return new Promise((resolve, reject) => {
    const during = (): Promise<void> => new Promise((release) => resolve(release));
    const refused = (cause: unknown): void => reject(signal.aborted ? new TakenError() : failed("lock store", cause));
    locks.request(name, { signal }, during).catch(refused);
  });
}

async function open({ now, random, startWorker }: Browser, name: string): Promise<Store> {
  // The worker starts while the database opens.
  const opfs = startWorker && opfsSlots(startWorker());
  try {
    const db = await openDatabase(name);
    const slots = await openSlots(db, name, opfs).catch(closing(db));
    const store = await openStoreOver({ slots, ciphertext: idbCiphertext(db), now, random }).catch(closing(db));
    await takeIn(store, idbJournal(db), random);
    return store;
  } catch (cause) {
    opfs?.terminate();
    throw cause;
  }
}

/** openSlots opens the slots that this store began with: a store whose keys lie in OPFS must not be opened
 * without them, and the other way round. A new one takes OPFS where it can be had. */
async function openSlots(db: Database, name: string, opfs: Opfs | undefined): Promise<Slots> {
  if (opfs !== undefined && (await slotsIn(db, "keys")).length === 0) {
    try {
      return await opfs.open(name);
    } catch (cause) {
      if ((await slotsIn(db, "pages")).length > 0) throw cause;
    }
  }
  opfs?.terminate();
  return idbSlots(db);
}

/** closing closes the database after a failure, which it passes on. */
function closing(db: Database): (cause: unknown) => never {
  return (cause) => {
    db.close();
    throw cause;
  };
}
