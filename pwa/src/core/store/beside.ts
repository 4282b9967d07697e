/**
 * The store as the service worker opens it while no page has it: what lies on the disk is read and left alone; what is
 * written goes to the journal and, for as long as it is open, into memory (app.md §1.8).
 */

import { KithError } from "../errors.ts";
import type { Bytes } from "../bytes.ts";
import { failed } from "./failure.ts";
import { idbJournal, openExisting, readCiphertext, readSlots, slotsIn } from "./idb.ts";
import { type Journal, journalKey, sealEntry, writesIn } from "./journal.ts";
import { type Disk, Layer } from "./layer.ts";
import { keysIn } from "./slotfile.ts";
import type { Store, Write } from "./store.ts";

/** What the store needs of a service worker. */
export interface Ground {
  readonly now: () => number;
  readonly random: (length: number) => Bytes;
  readonly locks: LockManager;
  /** Returns the slot file of that name in the origin's private file system; undefined where there is none. */
  readonly slotFile: (name: string) => Promise<Bytes | undefined>;
}

/** How long a page that is being closed may keep the store, in milliseconds. */
const patience = 2_000;

/** openBeside opens the store of that name; undefined when a page has it, when there is none or it is damaged. `leave` is called when a page wants it. */
export async function openBeside(ground: Ground, name: string, leave: () => void): Promise<Store | undefined> {
  const channel = new BroadcastChannel(name);
  const wanted = new AbortController();
  channel.onmessage = () => {
    wanted.abort();
    leave();
  };
  const release = await take(ground.locks, name, AbortSignal.any([wanted.signal, AbortSignal.timeout(patience)]));
  if (release === undefined) return void channel.close();
  const end = (): void => {
    channel.close();
    release();
  };
  try {
    const store = await open(ground, name);
    if (store === undefined) return void end();
    void store.closed.then(end);
    return store;
  } catch (cause) {
    end();
    if (cause instanceof KithError) return undefined;
    throw failed("open store beside the page", cause);
  }
}

/** take takes the lock and returns what gives it back; undefined when that did not come about before the signal. */
function take(locks: LockManager, name: string, signal: AbortSignal): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    const during = (): Promise<void> => new Promise((release) => resolve(release));
    locks.request(name, { signal }, during).catch(() => resolve(undefined));
  });
}

async function open({ now, random, slotFile }: Ground, name: string): Promise<Store | undefined> {
  const db = await openExisting(name);
  if (db === undefined) return undefined;
  try {
    const slots = (await slotsIn(db, "keys")).length > 0 ? readSlots(db) : slotsOf(await slotFile(name));
    if (slots === undefined) return void db.close();
    return await openOver({ slots, ciphertext: readCiphertext(db), now }, idbJournal(db), random);
  } catch (cause) {
    db.close();
    throw cause;
  }
}

/** slotsOf reads the keys in a slot file, from where this store began to keep them. */
function slotsOf(file: Bytes | undefined): Disk["slots"] | undefined {
  return file === undefined || file.length === 0 ? undefined : { erases: true, read: keysIn(file) };
}

/** openOver opens the store on a disk, with what its journal holds; what is applied is in the journal first. */
export async function openOver(disk: Disk, journal: Journal, random: (length: number) => Bytes): Promise<Store> {
  const inner = await Layer.open(disk);
  const key = await journalKey(inner);
  if (key !== undefined) await inner.apply(await writesIn(journal, key));
  let turn: Promise<unknown> = Promise.resolve();
  const apply = (writes: readonly Write[]): Promise<void> => {
    const mine = turn.then(async () => {
      if (key === undefined) throw new KithError("storage-unavailable", "write beside the page: no page has made a journal");
      await journal.add(await sealEntry(key, random(12), writes));
      await inner.apply(writes);
    });
    turn = mine.catch(() => undefined);
    return mine;
  };
  return {
    row: (path) => inner.row(path),
    rows: (prefix, descending) => inner.rows(prefix, descending),
    bytes: (path) => inner.bytes(path),
    get: (name) => inner.get(name),
    names: (prefix) => inner.names(prefix),
    apply,
    usage: () => inner.usage(),
    erases: inner.erases,
    closed: inner.closed,
    close: () => turn.then(() => inner.close()),
  };
}
