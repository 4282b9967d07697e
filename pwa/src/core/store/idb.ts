/** Ciphertext in IndexedDB, and, where there is no better place, keys. */

import type { Bytes } from "../bytes.ts";
import { asked, committed, opened } from "../database.ts";
import type { Ciphertext } from "./ciphertext.ts";
import { failed } from "./failure.ts";
import type { Journal } from "./journal.ts";
import { keyBytes, type Slots } from "./slots.ts";

/**
 * Database is the one IndexedDB database of a store. Its object stores:
 *
 *     pages, bodies    ciphertext by slot
 *     keys             keys by slot, as Blobs, because a browser keeps each in a file of its own and removes that with it (app.md §1.1)
 *     journal          entries that the service worker left (journal.ts), in their order
 */
export type Database = IDBDatabase;

type Name = "pages" | "bodies" | "keys" | "journal";

/** openDatabase opens the database of that name; rejects with `newer-version` or `storage-unavailable`. */
export async function openDatabase(name: string): Promise<Database> {
  try {
    return await opened(name, version, upgrade);
  } catch (cause) {
    throw failed("open database", cause);
  }
}

/** openExisting opens the database of that name if there is one; it makes none. */
export async function openExisting(name: string): Promise<Database | undefined> {
  let absent = false;
  try {
    return await opened(name, version, (db, old, tx) => {
      absent = old === 0;
      if (absent) tx.abort();
      else upgrade(db, old);
    });
  } catch (cause) {
    if (absent) return undefined;
    throw failed("open database", cause);
  }
}

const version = 2;

function upgrade(db: Database, old: number): void {
  if (old < 1) for (const store of ["pages", "bodies", "keys"] as const) db.createObjectStore(store);
  db.createObjectStore("journal", { autoIncrement: true });
}

/** idbJournal keeps the journal in the database. */
export function idbJournal(db: Database): Journal {
  return {
    add: (entry) => durably(db, ["journal"], (_put, _remove, add) => add(entry)),
    entries: () => reading<Bytes[]>(db, "journal", (journal) => journal.getAll()),
    clear: () => durably(db, ["journal"], (_put, _remove, _add, clear) => clear()),
  };
}

/** readCiphertext reads ciphertext in the database, and closes it. */
export function readCiphertext(db: Database): Pick<Ciphertext, "pages" | "body" | "close"> {
  return {
    async pages() {
      const [slots, pages] = await Promise.all([slotsIn(db, "pages"), reading<Bytes[]>(db, "pages", (all) => all.getAll())]);
      return slots.map((slot, i) => [slot, pages[i] ?? new Uint8Array(0)] as const);
    },
    body: (slot) => reading<Bytes | undefined>(db, "bodies", (bodies) => bodies.get(slot)),
    close: async () => db.close(),
  };
}

/** idbCiphertext keeps ciphertext in the database, and closes it. */
export function idbCiphertext(db: Database): Ciphertext {
  return {
    ...readCiphertext(db),
    bodies: () => slotsIn(db, "bodies"),
    commit: ({ pages, bodies, gone }) =>
      durably(db, ["pages", "bodies"], (put, remove) => {
        for (const slot of gone) remove("pages", slot), remove("bodies", slot);
        for (const [slot, bytes] of pages) put("pages", slot, bytes);
        for (const [slot, bytes] of bodies) put("bodies", slot, bytes);
      }),
  };
}

/** readSlots reads keys in the database. */
export function readSlots(db: Database): Pick<Slots, "erases" | "read"> {
  const read = async (slot: number): Promise<Bytes> => {
    for (let tries = 1; ; tries++) {
      const blob = await reading<Blob | undefined>(db, "keys", (keys) => keys.get(slot));
      if (blob === undefined) return new Uint8Array(keyBytes);
      try {
        return new Uint8Array(await blob.arrayBuffer());
      } catch (cause) {
        // A Blob cannot be read any more once its slot is emptied or filled anew: another look says which.
        if (tries === 3) throw failed("read database", cause);
      }
    }
  };
  return { erases: false, read: (slots) => Promise.all(slots.map(read)) };
}

/** idbSlots keeps keys in the database, one Blob each. A removed one is no longer in any file of ours, but it was
 * not overwritten either. */
export function idbSlots(db: Database): Slots {
  return {
    ...readSlots(db),
    used: () => slotsIn(db, "keys"),
    write: (changes) =>
      durably(db, ["keys"], (put, remove) => {
        for (const [slot, key] of changes) key === null ? remove("keys", slot) : put("keys", slot, new Blob([key]));
      }),
    close: async () => undefined,
  };
}

/** slotsIn returns the slots of which an object store has something. */
export function slotsIn(db: Database, name: Name): Promise<number[]> {
  return reading(db, name, (store) => store.getAllKeys() as IDBRequest<number[]>);
}

async function reading<T>(db: Database, name: Name, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  try {
    return await asked(ask(db.transaction(name).objectStore(name)));
  } catch (cause) {
    throw failed("read database", cause);
  }
}

type Put = (store: Name, slot: number, value: Bytes | Blob) => void;
type Remove = (store: Name, slot: number) => void;

/** durably runs one transaction; when it resolves, the transaction is on the disk. */
async function durably(db: Database, names: readonly Name[], act: (put: Put, remove: Remove, add: (entry: Bytes) => void, clear: () => void) => void): Promise<void> {
  const tx = begun(db, names);
  const done = committed(tx);
  try {
    act(
      (store, slot, value) => tx.objectStore(store).put(value, slot),
      (store, slot) => tx.objectStore(store).delete(slot),
      (entry) => tx.objectStore("journal").add(entry),
      () => tx.objectStore("journal").clear(),
    );
  } catch (cause) {
    // What was asked for before the failure would otherwise be committed.
    tx.abort();
    await done.catch(() => undefined);
    throw failed("write database", cause);
  }
  await done.catch((cause: unknown) => {
    throw failed("write database", cause);
  });
}

function begun(db: Database, names: readonly Name[]): IDBTransaction {
  try {
    return db.transaction(names, "readwrite", { durability: "strict" });
  } catch (cause) {
    throw failed("write database", cause);
  }
}
