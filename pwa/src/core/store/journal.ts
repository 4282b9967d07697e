/**
 * The journal: what the service worker wrote while no page was open, until the next page takes it in. The worker cannot
 * overwrite keys in place (app.md §1.8), so it adds to this alone.
 *
 *     setting "journal"    base64url of the key that seals entries; each page makes another when it has taken them in,
 *                          so what was in them is erased with that page of the settings
 *     entry                nonce 12 | AES-256-GCM of: length u32 | JSON of the writes | bodies one after another
 */

import { b64u, type Bytes, fromB64u, join, text, utf8 } from "../bytes.ts";
import type { Store, Write } from "./store.ts";

/** Journal is where the entries lie. */
export interface Journal {
  /** add resolves once the entry is on the disk. */
  add(entry: Bytes): Promise<void>;
  /** entries returns them in the order in which they were added. */
  entries(): Promise<readonly Bytes[]>;
  clear(): Promise<void>;
}

/** journalSetting holds the key. */
const journalSetting = "journal";

const nonceBytes = 12;

/** journalKey returns the key that a store has for its journal; undefined when no page has made one. */
export async function journalKey(store: Store): Promise<CryptoKey | undefined> {
  const raw = fromB64u(String(store.get(journalSetting) ?? "!"));
  return raw?.length !== 32 ? undefined : crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** sealEntry writes a batch as an entry. */
export async function sealEntry(key: CryptoKey, nonce: Bytes, writes: readonly Write[]): Promise<Bytes> {
  const bodies: Bytes[] = [];
  const spelled = writes.map((write) => {
    if (!("put" in write) || write.bytes === null) return write;
    bodies.push(write.bytes);
    return { put: write.put, bytes: write.bytes.length };
  });
  const head = utf8(JSON.stringify(spelled));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, head.length);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, join(length, head, ...bodies));
  return join(nonce, new Uint8Array(sealed));
}

/** openEntry reads an entry; undefined when it is not sealed with that key. */
export async function openEntry(key: CryptoKey, entry: Bytes): Promise<readonly Write[] | undefined> {
  const algorithm = { name: "AES-GCM", iv: entry.slice(0, nonceBytes) };
  const opened = await crypto.subtle.decrypt(algorithm, key, entry.slice(nonceBytes)).catch(() => undefined);
  if (opened === undefined) return undefined;
  const plain = new Uint8Array(opened);
  const start = 4 + new DataView(opened).getUint32(0);
  let at = start;
  return (JSON.parse(text(plain.subarray(4, start))) as readonly (Write | { readonly put: unknown; readonly bytes: number })[]).map((write) => {
    if (!("put" in write) || typeof write.bytes !== "number") return write as Write;
    const bytes = plain.slice(at, (at += write.bytes));
    return { ...write, bytes } as Write;
  });
}

/** writesIn returns what the entries of a journal come to; those that were taken in before are of another key. */
export async function writesIn(journal: Journal, key: CryptoKey): Promise<readonly Write[]> {
  const all = await Promise.all((await journal.entries()).map((entry) => openEntry(key, entry)));
  return all.flatMap((writes) => writes ?? []);
}

/** takeIn gives a page's store what was written without it, and the journal another key. */
export async function takeIn(store: Store, journal: Journal, random: (length: number) => Bytes): Promise<void> {
  const key = await journalKey(store);
  const writes = key === undefined ? [] : await writesIn(journal, key);
  if (key !== undefined && writes.length === 0) return journal.clear();
  await store.apply([...writes, { set: journalSetting, value: b64u(random(32)) }]);
  await journal.clear();
}
