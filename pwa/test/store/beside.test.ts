/** The store as the service worker has it: the same rows, settings and bytes as the page's, and a disk that stays as it is. */

import { expect, test } from "vitest";
import type { Bytes } from "../../src/core/bytes.ts";
import { openOver } from "../../src/core/store/beside.ts";
import { type Journal, takeIn } from "../../src/core/store/journal.ts";
import { type MemoryDisk, memoryDisk } from "./memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import { keysIn, SlotFile } from "../../src/core/store/slotfile.ts";
import type { Store, Write } from "../../src/core/store/store.ts";
import { bytesOf, newRow } from "./disks.ts";

const now = (): number => 1_700_000_000_000;
const random = (length: number): Bytes => crypto.getRandomValues(new Uint8Array(length));
const page = (disk: MemoryDisk): Promise<Store> => openStoreOver({ ...disk, now, random });

function journalInMemory(): Journal {
  const left: Bytes[] = [];
  return { add: async (entry) => void left.push(entry), entries: async () => [...left], clear: async () => void left.splice(0) };
}

/** All that a store says. */
async function said(store: Store): Promise<unknown> {
  const rows = await Promise.all([...store.rows("")].map(async ({ used: _used, ...row }) => {
    const { slot: _slot, ...rest } = row as typeof row & { readonly slot?: number };
    return [rest, await store.bytes(row.path)];
  }));
  const settings = store.names("").filter((name) => name !== "journal").map((name) => [name, store.get(name)]);
  return { rows, settings, usage: store.usage(), back: [...store.rows("/a", true)].map(({ path }) => path) };
}

/** Writes of every kind, of few names, so that they meet. */
function drawn(seed: number): readonly Write[] {
  let state = seed;
  const next = (below: number): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  return Array.from({ length: 40 }, (): Write => {
    const path = `${["/a/", "/b/", "peers/x/"][next(3)]}${next(6)}`;
    switch (next(6)) {
      case 0: return { erase: path };
      case 1: return { purge: path };
      case 2: return { put: newRow(path, String(next(3))), bytes: null };
      case 3: return next(3) === 0 ? { unset: `s${next(4)}` } : { set: `s${next(4)}`, value: { n: next(100) } };
      default: return { put: newRow(path, String(next(3))), bytes: bytesOf(`${path} ${next(1000)}`) };
    }
  });
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])("says what the page's would say after the same writes (%i)", async (seed) => {
  const [disk, other, journal] = [memoryDisk(), memoryDisk(), journalInMemory()];
  const [here, twin] = [await page(disk), await page(other)];
  await takeIn(here, journal, random);
  for (const store of [here, twin]) await store.apply(drawn(seed));
  const before = [await disk.ciphertext.pages(), await disk.ciphertext.bodies(), await disk.slots.used()];
  const beside = await openOver({ ...disk, now }, journal, random);
  expect(await said(beside)).toEqual(await said(twin));
  for (const more of [seed + 100, seed + 200, seed + 300]) {
    for (const store of [beside, twin]) await store.apply(drawn(more));
    expect(await said(beside)).toEqual(await said(twin));
  }
  expect([await disk.ciphertext.pages(), await disk.ciphertext.bodies(), await disk.slots.used()]).toEqual(before);
  // A worker that wakes up again has it, and so has the next page.
  expect(await said(await openOver({ ...disk, now }, journal, random))).toEqual(await said(twin));
  const again = await page(disk);
  await takeIn(again, journal, random);
  expect(await said(again)).toEqual(await said(twin));
  expect(await journal.entries()).toEqual([]);
});

test("opens nothing when a key is missing, and writes nothing where no page made a journal", async () => {
  const disk = memoryDisk();
  const store = await page(disk);
  await store.apply(drawn(1));
  const beside = await openOver({ ...disk, now }, journalInMemory(), random);
  await expect(beside.apply(drawn(2))).rejects.toMatchObject({ code: "storage-unavailable" });
  const slots = { ...disk.slots, read: async (wanted: readonly number[]) => wanted.map(() => new Uint8Array(32)) };
  await expect(openOver({ ...disk, slots, now }, journalInMemory(), random)).rejects.toMatchObject({ code: "storage-unavailable" });
});

test("reads the slot file as the page writes it, and no other file", async () => {
  let all: Bytes = new Uint8Array(0);
  const file = new SlotFile({
    getSize: () => all.length, flush: () => undefined, close: () => undefined,
    truncate: (size) => void (all = Uint8Array.from({ length: size }, (_, i) => all[i] ?? 0)),
    read: (to, { at }) => (to.set(all.subarray(at, at + to.length)), to.length),
    write: (from, { at }) => {
      if (at + from.length > all.length) all = Uint8Array.from({ length: at + from.length }, (_, i) => all[i] ?? 0);
      all.set(from, at);
      return from.length;
    },
  });
  const keys = [random(32), random(32), random(32)];
  file.write(keys.map((key, i) => [i * 7 + 1, key]));
  const slots = [1, 8, 15, 2];
  expect(await keysIn(all)(slots)).toEqual(file.read(slots));
  expect(() => keysIn(random(4096))).toThrow(expect.objectContaining({ name: "VersionError" }));
});
