/** Ciphertext in IndexedDB, and, where there is no better place, keys. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Bytes } from "../bytes.ts";
import type { Ciphertext } from "./ciphertext.ts";
import { failed } from "./failure.ts";
import type { Journal } from "./journal.ts";
import { keyBytes, type Slots } from "./slots.ts";

interface Schema extends DBSchema {
  pages: { key: number; value: Bytes };
  bodies: { key: number; value: Bytes };
  /** Blobs, because a browser keeps each in a file of its own and removes that with it (app.md §1.1). */
  keys: { key: number; value: Blob };
  /** Entries that the service worker left (journal.ts), in their order. */
  journal: { key: number; value: Bytes };
}

/** Database is the one IndexedDB database of a store. */
export type Database = IDBPDatabase<Schema>;

/** openDatabase opens the database of that name; rejects with `newer-version` or `storage-unavailable`. */
export async function openDatabase(name: string): Promise<Database> {
  try {
    return await openDB<Schema>(name, version, { upgrade });
  } catch (cause) {
    throw failed("open database", cause);
  }
}

/** openExisting opens the database of that name if there is one; it makes none. */
export async function openExisting(name: string): Promise<Database | undefined> {
  let absent = false;
  const made = (db: Database, old: number, _next: number | null, tx: { abort(): void }): void => {
    absent = old === 0;
    if (absent) tx.abort();
    else upgrade(db, old);
  };
  try {
    return await openDB<Schema>(name, version, { upgrade: made });
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
    entries: () => reading(db.getAll("journal")),
    clear: () => reading(db.clear("journal")),
  };
}

/** idbCiphertext keeps ciphertext in the database, and closes it. */
export function idbCiphertext(db: Database): Ciphertext {
  return {
    async pages() {
      const [slots, pages] = await reading(Promise.all([db.getAllKeys("pages"), db.getAll("pages")]));
      return slots.map((slot, i) => [slot, pages[i] ?? new Uint8Array(0)] as const);
    },
    bodies: () => reading(db.getAllKeys("bodies")),
    body: (slot) => reading(db.get("bodies", slot)),
    commit: ({ pages, bodies, gone }) =>
      durably(db, ["pages", "bodies"], (put, remove) => {
        for (const slot of gone) remove("pages", slot), remove("bodies", slot);
        for (const [slot, bytes] of pages) put("pages", slot, bytes);
        for (const [slot, bytes] of bodies) put("bodies", slot, bytes);
      }),
    close: async () => db.close(),
  };
}

/** idbSlots keeps keys in the database, one Blob each. A removed one is no longer in any file of ours, but it was
 * not overwritten either. */
export function idbSlots(db: Database): Slots {
  const read = async (slot: number): Promise<Bytes> => {
    const blob = await reading(db.get("keys", slot));
    return blob === undefined ? new Uint8Array(keyBytes) : new Uint8Array(await reading(blob.arrayBuffer()));
  };
  return {
    erases: false,
    used: () => reading(db.getAllKeys("keys")),
    read: (slots) => Promise.all(slots.map(read)),
    write: (changes) =>
      durably(db, ["keys"], (put, remove) => {
        for (const [slot, key] of changes) key === null ? remove("keys", slot) : put("keys", slot, new Blob([key]));
      }),
    close: async () => undefined,
  };
}

async function reading<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    throw failed("read database", cause);
  }
}

type Name = "pages" | "bodies" | "keys" | "journal";
type Put = <N extends Name>(store: N, slot: number, value: Schema[N]["value"]) => void;

/** durably runs one transaction; when it resolves, the transaction is on the disk. */
async function durably(db: Database, names: readonly Name[], act: (put: Put, remove: (store: Name, slot: number) => void, add: (entry: Bytes) => void) => void): Promise<void> {
  const tx = db.transaction(names, "readwrite", { durability: "strict" });
  const asked: Promise<unknown>[] = [tx.done];
  try {
    act(
      (store, slot, value) => void asked.push(tx.objectStore(store).put(value, slot)),
      (store, slot) => void asked.push(tx.objectStore(store).delete(slot)),
      (entry) => void asked.push(tx.objectStore("journal").add(entry)),
    );
    await Promise.all(asked);
  } catch (cause) {
    // What was asked for before the failure would otherwise be committed.
    if (tx.error === null) tx.abort();
    await Promise.allSettled(asked);
    throw failed("write database", tx.error ?? cause);
  }
}
