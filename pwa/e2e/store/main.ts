// The real store on a page of its own; the test calls what is put on the window here.

import { openStore } from "../../src/core/store/browser.ts";
import type { NewRow, Store, Write } from "../../src/core/store/store.ts";
import { generate, publicKey, type Did } from "../../src/core/webid/key.ts";
import { makePerson } from "../../src/core/webid/person.ts";
import { openKeyRecords } from "../../src/core/webid/records.ts";
import { startWorker } from "../../src/ui/trusted.ts";
import { source } from "../../src/worker/slots.ts?source";

/** Every key that the store asked for, in hexadecimal, so that the test can look for it. */
const keys: string[] = [];

const browser = {
  now: Date.now,
  random: (length: number) => {
    const key = crypto.getRandomValues(new Uint8Array(length));
    keys.push(Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join(""));
    return key;
  },
  locks: navigator.locks,
  startWorker: () => startWorker(source, "slots"),
};

let opened: Store | undefined;

function store(): Store {
  if (opened === undefined) throw new Error("use store: it is not open");
  return opened;
}

async function open(options: { readonly takeOver?: boolean } = {}): Promise<void> {
  opened = await openStore(browser, "kith", options);
}

function row(path: string): NewRow {
  const version = { counter: 1, device: "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169" };
  return { path, id: "AbCdEfGhIjKlMnOpQrStUv", version, type: "application/ld+json", etag: `"${path.slice(-20)}"`, modified: Date.now() };
}

const writes = (path: string, body: string): Write[] => [{ put: row(path), bytes: new TextEncoder().encode(body) }];

const put = (path: string, body: string): Promise<void> => store().apply(writes(path, body));

async function text(path: string): Promise<string | undefined> {
  const bytes = await store().bytes(path);
  return bytes && new TextDecoder().decode(bytes);
}

/** putBytes puts as many random bytes at each path, in one batch. */
async function putBytes(paths: readonly string[], length: number): Promise<void> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65536)));
  await store().apply(paths.map((path) => ({ put: row(path), bytes })));
}

const numbered = (i: number): string => `/n/${String(i).padStart(6, "0")}`;

/** writeForEver goes on from where the last run ended: each batch adds a row, counts it, and erases the row three
 * before; what is acknowledged is said on the console. */
async function writeForEver(): Promise<void> {
  await open();
  for (let i = Number(store().get("count") ?? -1) + 1; ; i++) {
    await store().apply([...writes(numbered(i), `text ${i}`), { set: "count", value: i }, { erase: numbered(i - 3) }]);
    console.log(i);
  }
}

async function written(): Promise<{ readonly count: number; readonly rows: readonly (readonly [string, string | undefined])[] }> {
  const rows: [string, string | undefined][] = [];
  for (const { path } of store().rows("/n/")) rows.push([path, await text(path)]);
  return { count: Number(store().get("count")), rows };
}

/** measure returns median milliseconds of writing one post and of opening the store with that many rows. */
async function measure(rows: number): Promise<{ readonly put: number; readonly open: number; readonly rows: number }> {
  const bytes = new Uint8Array(2048);
  const path = (i: number): string => `/social/posts/2026-11-22-${String(i).padStart(16, "a")}/post.jsonld`;
  const fill = Array.from({ length: rows - 21 }, (_, i): Write => ({ put: row(path(i)), bytes }));
  for (let from = 0; from < fill.length; from += 1000) await store().apply(fill.slice(from, from + 1000));
  const put = await median(21, (i) => store().apply([{ put: row(path(rows - 21 + i)), bytes }]));
  const opening = await median(7, async () => {
    await open();
  }, () => store().close());
  return { put, open: opening, rows: [...store().rows("/social/")].length };
}

async function median(times: number, run: (i: number) => Promise<void>, before: () => Promise<void> = async () => undefined): Promise<number> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    await before();
    const start = performance.now();
    await run(i);
    taken.push(performance.now() - start);
  }
  return taken.sort((a, b) => a - b)[times >> 1] ?? 0;
}

/** makeKeys makes a person whose device's private keys are kept, and returns their names. */
async function makeKeys(): Promise<readonly Did[]> {
  const records = await openKeyRecords("keys");
  await makePerson(records, "Browser", Date.now());
  const names = await records.names();
  records.close();
  return names;
}

/** useKeys says of each kept key whether it does what it is for, and whether a script can export it. */
async function useKeys(): Promise<readonly { readonly name: Did; readonly works: boolean; readonly exportable: boolean }[]> {
  const records = await openKeyRecords("keys");
  const found = [];
  for (const name of await records.names()) {
    const key = await records.get(name);
    found.push({ name, works: key !== undefined && (await works(name, key)), exportable: key?.extractable !== false });
  }
  records.close();
  return found;
}

async function works(name: Did, key: CryptoKey): Promise<boolean> {
  if (key.usages.includes("sign")) {
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(algorithm, key, new Uint8Array(9));
    return crypto.subtle.verify(algorithm, await publicKey(name, "sign"), signature, new Uint8Array(9));
  }
  const other = await generate("agree");
  const shared = async (own: CryptoKey, theirs: Did): Promise<string> => {
    const bits = await crypto.subtle.deriveBits({ name: "ECDH", public: await publicKey(theirs, "agree") }, own, 256);
    return new Uint8Array(bits).join();
  };
  return (await shared(key, other.kid)) === (await shared(other.key, name));
}

async function removeKey(name: Did): Promise<void> {
  const records = await openKeyRecords("keys");
  await records.remove(name);
  records.close();
}

const tools = { keys, open, store, writes, put, putBytes, text, writeForEver, written, measure, makeKeys, useKeys, removeKey };

export type Tools = typeof tools;

Object.assign(window, { tools });
