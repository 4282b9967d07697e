/** What the service worker leaves for the page: sealed, in order, taken in once. */

import { expect, test } from "vitest";
import type { Bytes } from "../../src/core/bytes.ts";
import { type Journal, journalKey, openEntry, sealEntry, takeIn, writesIn } from "../../src/core/store/journal.ts";
import type { Store, Write } from "../../src/core/store/store.ts";
import { bytesOf, inMemory, newRow, textAt } from "./disks.ts";

const random = (length: number): Bytes => crypto.getRandomValues(new Uint8Array(length));

function journal(): Journal & { readonly left: Bytes[] } {
  const left: Bytes[] = [];
  return { left, add: async (entry) => void left.push(entry), entries: async () => left, clear: async () => void left.splice(0) };
}

const writes: readonly Write[] = [
  { put: newRow("/a"), bytes: bytesOf("first") },
  { put: newRow("/b"), bytes: bytesOf("") },
  { put: newRow("/c"), bytes: null },
  { erase: "/d" },
  { set: "counter", value: 7 },
  { unset: "other" },
];

async function keyOf(store: Store): Promise<CryptoKey> {
  const key = await journalKey(store);
  if (key === undefined) throw new Error("no page has made a key");
  return key;
}

test("an entry says what was written, to who has the key alone", async () => {
  const store = await inMemory().open();
  expect(await journalKey(store)).toBeUndefined();
  await takeIn(store, journal(), random);
  const key = await keyOf(store);
  const entry = await sealEntry(key, random(12), writes);
  expect(await openEntry(key, entry)).toEqual(writes);
  expect(Buffer.from(entry).includes("first")).toBe(false);
  const other = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["decrypt"]);
  expect(await openEntry(other, entry)).toBeUndefined();
  for (let at = 0; at < entry.length; at += 7) expect(await openEntry(key, entry.map((byte, i) => (i === at ? byte ^ 1 : byte)))).toBeUndefined();
});

test("a page takes everything in, in its order, and what was taken in means nothing any more", async () => {
  const store = await inMemory().open();
  const kept = journal();
  await takeIn(store, kept, random);
  const key = await keyOf(store);
  await store.apply([{ put: newRow("/d"), bytes: bytesOf("old") }]);
  await kept.add(await sealEntry(key, random(12), writes));
  await kept.add(await sealEntry(key, random(12), [{ put: newRow("/a", "2"), bytes: bytesOf("second") }]));
  const before = [...kept.left];
  await takeIn(store, kept, random);
  expect([await textAt(store, "/a"), await textAt(store, "/d"), store.get("counter"), kept.left]).toEqual(["second", undefined, 7, []]);
  // As after a crash between the two: the entries are still there, and are of another key.
  kept.left.push(...before);
  expect(await writesIn(kept, await keyOf(store))).toEqual([]);
  await store.apply([{ erase: "/a" }]);
  await takeIn(store, kept, random);
  expect([store.row("/a"), kept.left]).toEqual([undefined, []]);
});
