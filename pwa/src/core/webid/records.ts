/**
 * Where private keys are kept: each in a record of its own and with nothing else in it, because an engine
 * that cannot keep one kind of key gives the whole record back empty (app.md §1.2). A record's name is the
 * `did:key` of its public half.
 *
 * The keys are WebCrypto keys that no script can export. They are not encrypted at rest; the app lock will
 * wrap them.
 */

import { asked, committed, opened } from "../database.ts";
import { KithError } from "../errors.ts";
import type { Did, Signer } from "./key.ts";

/** KeyRecords keeps private keys by the names of their public halves. */
export interface KeyRecords {
  get(name: Did): Promise<CryptoKey | undefined>;
  put(name: Did, key: CryptoKey): Promise<void>;
  remove(name: Did): Promise<void>;
  names(): Promise<readonly Did[]>;
  close(): void;
}

const store = "keys";

/** openKeyRecords keeps keys in an IndexedDB database of that name. */
export async function openKeyRecords(name: string): Promise<KeyRecords> {
  const db = await opened(name, 1, (fresh) => fresh.createObjectStore(store));
  const read = <T>(ask: (keys: IDBObjectStore) => IDBRequest<T>): Promise<T> => asked(ask(db.transaction(store).objectStore(store)));
  const write = async (act: (keys: IDBObjectStore) => void): Promise<void> => {
    const tx = db.transaction(store, "readwrite", { durability: "strict" });
    act(tx.objectStore(store));
    await committed(tx);
  };
  return {
    get: (did) => read<CryptoKey | undefined>((keys) => keys.get(did)),
    put: (did, key) => write((keys) => keys.put(key, did)),
    remove: (did) => write((keys) => keys.delete(did)),
    names: async () => (await read((keys) => keys.getAllKeys())).map((name) => String(name) as Did),
    close: () => db.close(),
  };
}

/** memoryKeyRecords keeps keys for as long as it lives. */
export function memoryKeyRecords(): KeyRecords {
  const keys = new Map<Did, CryptoKey>();
  return {
    get: async (did) => keys.get(did),
    put: async (did, key) => void keys.set(did, key),
    remove: async (did) => void keys.delete(did),
    names: async () => [...keys.keys()],
    close: () => undefined,
  };
}

/** signerOf returns the private key whose public half is `kid`; throws `storage-unavailable` when it is not kept
 * here. */
export async function signerOf(records: KeyRecords, kid: Did): Promise<Signer> {
  const key = await records.get(kid);
  if (key === undefined) throw new KithError("storage-unavailable", `load key: ${kid} is not here`);
  return { kid, key };
}
