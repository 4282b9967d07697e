/**
 * The store as the service worker opens it while no page has it: what lies on the disk is read and left alone; what is
 * written goes to the journal and, for as long as it is open, into memory (app.md §1.8).
 */

import { KithError } from "../errors.ts";
import type { Bytes } from "../bytes.ts";
import { failed } from "./failure.ts";
import { type Database, idbCiphertext, idbJournal, idbSlots, openExisting } from "./idb.ts";
import type { Ciphertext, Commit } from "./ciphertext.ts";
import { type Journal, journalKey, sealEntry, writesIn } from "./journal.ts";
import { openStoreOver } from "./phone.ts";
import { type PlainFile, SlotFile } from "./slotfile.ts";
import { keyBytes, type SlotChange, type Slots } from "./slots.ts";
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

async function open(ground: Ground, name: string): Promise<Store | undefined> {
  const db = await openExisting(name);
  if (db === undefined) return undefined;
  try {
    const slots = await slotsOf(ground, db, name);
    if (slots === undefined) return void db.close();
    const { now, random } = ground;
    const inner = await openStoreOver({ slots, ciphertext: layered(idbCiphertext(db)), now, random });
    return await journaled(inner, idbJournal(db), random);
  } catch (cause) {
    db.close();
    throw cause;
  }
}

/** slotsOf reads all keys into memory, from where this store began to keep them. */
async function slotsOf({ slotFile }: Ground, db: Database, name: string): Promise<Slots | undefined> {
  if ((await db.count("keys")) > 0) return inMemory(await copied(idbSlots(db)));
  const file = await slotFile(name);
  return file === undefined || file.length === 0 ? undefined : inMemory(new SlotFile(memoryFile(file)));
}

/** copied returns slots as a file in memory. */
async function copied(slots: Slots): Promise<SlotFile> {
  const used = await slots.used();
  const keys = await slots.read(used);
  const file = new SlotFile(memoryFile(new Uint8Array(0)));
  file.write(used.map((slot, i): SlotChange => [slot, keys[i] ?? new Uint8Array(keyBytes)]));
  return file;
}

function inMemory(file: SlotFile): Slots {
  return {
    erases: true,
    used: async () => file.used(),
    read: async (slots) => file.read(slots),
    write: async (changes) => file.write(changes),
    close: async () => undefined,
  };
}

function memoryFile(content: Bytes): PlainFile {
  let all = content;
  return {
    getSize: () => all.length,
    truncate(size) {
      const next = new Uint8Array(size);
      next.set(all.subarray(0, size));
      all = next;
    },
    read(to, { at }) {
      const part = all.subarray(at, at + to.length);
      to.set(part);
      return part.length;
    },
    write(from, { at }) {
      if (at + from.length > all.length) this.truncate(at + from.length);
      all.set(from, at);
      return from.length;
    },
    flush: () => undefined,
    close: () => undefined,
  };
}

/** layered keeps what is committed in memory, over ciphertext that stays as it is. */
function layered(below: Ciphertext): Ciphertext {
  const pages = new Map<number, Bytes>();
  const bodies = new Map<number, Bytes>();
  const gone = new Set<number>();
  return {
    pages: async () => [...(await below.pages()).filter(([slot]) => !gone.has(slot) && !pages.has(slot)), ...pages],
    bodies: async () => [...new Set([...(await below.bodies()).filter((slot) => !gone.has(slot)), ...bodies.keys()])],
    body: async (slot) => bodies.get(slot) ?? (gone.has(slot) ? undefined : below.body(slot)),
    commit: async (step: Commit) => {
      for (const slot of step.gone) pages.delete(slot), bodies.delete(slot), gone.add(slot);
      for (const [slot, bytes] of step.pages) pages.set(slot, bytes);
      for (const [slot, bytes] of step.bodies) bodies.set(slot, bytes);
    },
    close: () => below.close(),
  };
}

/** journaled returns the store with what its journal holds; what is applied is in the journal first. */
async function journaled(inner: Store, journal: Journal, random: (length: number) => Bytes): Promise<Store> {
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
