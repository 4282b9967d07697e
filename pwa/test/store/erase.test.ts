import { afterEach, describe, expect, it } from "vitest";
import type { Ciphertext } from "../../src/core/store/ciphertext.ts";
import { memoryDisk } from "./memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import { KithError } from "../../src/core/errors.ts";
import type { Slots } from "../../src/core/store/slots.ts";
import type { Store, Write } from "../../src/core/store/store.ts";
import { bytesOf, type Disk, inFile, newRow, textAt } from "./disks.ts";

const put = (path: string, text: string): Write => ({ put: newRow(path, text), bytes: bytesOf(text) });

/** held returns how many of the keys ever made are in the slot file now. */
function held(disk: Disk): number {
  const file = disk.slotBytes();
  if (file === undefined) throw new Error("count keys: no file");
  return disk.keys.filter((key) => file.includes(Buffer.from(key))).length;
}

describe("what is erased", () => {
  let disk = inFile();
  afterEach(() => disk.remove());

  it.each([
    ["an erased row", [{ erase: "/x" }], 0],
    ["an unset setting", [{ erase: "/x" }, { unset: "s" }], 0],
    ["purged bytes", [{ purge: "/x" }], 1],
    ["replaced bytes", [put("/x", "new")], 2],
    ["a replaced setting", [{ set: "s", value: "new" }], 3],
  ] as const)("leaves no key behind: %s", async (_, writes, left) => {
    disk = inFile();
    const store = await disk.open();
    await store.apply([put("/x", "old"), { set: "s", value: "old" }]);
    expect(held(disk)).toBe(3);
    await store.apply(writes);
    const settings = store.names("").length;
    const pages = [...store.rows("")].length > 0 ? 1 : 0;
    const bodies = [...store.rows("")].filter(({ here }) => here).length;
    expect(held(disk)).toBe(settings + pages + bodies);
    expect(settings + pages + bodies).toBe(left === 0 ? settings : left === 1 ? 2 : 3);
    await store.close();
  });
});

describe("a power cut", () => {
  let disk = inFile();
  afterEach(() => disk.remove());

  const cuts = [1, 2, 3].flatMap((at) => [false, true].map((after) => ({ at, after })));
  it.each(cuts)("at step $at, after it: $after, leaves the whole batch or nothing, and no key too many", async (cut) => {
    disk = inFile();
    const first = await disk.open();
    await first.apply([put("/kept", "kept"), put("/changed", "before"), put("/erased", "erased"), { set: "s", value: 1 }]);
    await first.close();

    const dying = await disk.open(cut);
    await expect(dying.apply([put("/changed", "after"), put("/new", "new"), { erase: "/erased" }, { set: "s", value: 2 }])).rejects.toThrow();

    const store = await disk.open();
    const made = cut.at > 2 || (cut.at === 2 && cut.after);
    expect(await textAt(store, "/kept")).toBe("kept");
    expect(await textAt(store, "/changed")).toBe(made ? "after" : "before");
    expect(await textAt(store, "/new")).toBe(made ? "new" : undefined);
    expect(await textAt(store, "/erased")).toBe(made ? undefined : "erased");
    expect(store.get("s")).toBe(made ? 2 : 1);
    await store.apply([]); // waits for the sweep
    expect(held(disk)).toBe(2 + 3);
    await store.apply([put("/more", "more")]);
    expect(await textAt(store, "/more")).toBe("more");
    await store.close();
  });

  it("at any step of any of many batches loses nothing that was acknowledged", async () => {
    const next = generator(20261122);
    disk = inFile();
    let model = new Map<string, string>();
    for (let round = 0; round < 60; round++) {
      const store = await disk.open({ at: 1 + (next() % 12), after: next() % 2 === 0 });
      let batch: { readonly writes: Write[]; readonly result: Map<string, string> };
      try {
        for (;;) {
          batch = randomBatch(model, next);
          await store.apply(batch.writes);
          model = batch.result;
        }
      } catch {
        const again = await disk.open();
        const found = await contents(again);
        const wanted = [model, batch!.result].map((each) => JSON.stringify([...each].sort()));
        expect(wanted).toContain(JSON.stringify([...found].sort()));
        model = found;
        await again.close();
      }
    }
    expect(model.size).toBeGreaterThan(0);
  });
});

describe("a full disk", () => {
  const full = new KithError("storage-full", "full");
  const failing = (part: "slots" | "ciphertext") => {
    const disk = memoryDisk();
    let fails = false;
    const slots: Slots = { ...disk.slots, write: (changes) => (fails && part === "slots" && changes.some(([, key]) => key) ? Promise.reject(full) : disk.slots.write(changes)) };
    const ciphertext: Ciphertext = { ...disk.ciphertext, commit: (step) => (fails && part === "ciphertext" ? Promise.reject(full) : disk.ciphertext.commit(step)) };
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    return { disk, store: openStoreOver({ slots, ciphertext, random, now: Date.now }), fill: (now: boolean) => void (fails = now) };
  };

  it.each(["slots", "ciphertext"] as const)("that takes no more %s leaves everything as it was, and the store goes on", async (part) => {
    const { disk, store: opening, fill } = failing(part);
    const store = await opening;
    await store.apply([put("/x", "before")]);
    const used = await disk.slots.used();
    fill(true);
    await expect(store.apply([put("/x", "after"), put("/y", "new")])).rejects.toBe(full);
    expect(await textAt(store, "/x")).toBe("before");
    expect(store.row("/y")).toBeUndefined();
    expect(await disk.slots.used()).toEqual(used);
    fill(false);
    await store.apply([put("/y", "new")]);
    expect(await textAt(store, "/y")).toBe("new");
  });

  it("that cannot even erase stops the store instead of pretending", async () => {
    const disk = memoryDisk();
    let fails = false;
    const slots: Slots = { ...disk.slots, write: (changes) => (fails && changes.some(([, key]) => !key) ? Promise.reject(new Error("dead")) : disk.slots.write(changes)) };
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const store = await openStoreOver({ ...disk, slots, random, now: Date.now });
    await store.apply([put("/x", "x")]);
    fails = true;
    await expect(store.apply([{ erase: "/x" }])).rejects.toMatchObject({ code: "storage-unavailable" });
    await expect(store.apply([put("/y", "y")])).rejects.toMatchObject({ code: "storage-unavailable" });
    const next = await openStoreOver({ ...disk, random, now: Date.now });
    await next.apply([]); // waits for the sweep
    expect(next.row("/x")).toBeUndefined();
    expect(await disk.slots.used()).toEqual([]);
  });
});

it("a page without its key refuses to open, and nothing is swept", async () => {
  const disk = memoryDisk();
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const store = await openStoreOver({ ...disk, random, now: Date.now });
  await store.apply([put("/x", "x")]);
  const used = await disk.slots.used();
  const empty = memoryDisk();
  await expect(openStoreOver({ slots: empty.slots, ciphertext: disk.ciphertext, random, now: Date.now })).rejects.toMatchObject({ code: "storage-unavailable" });
  const again = await openStoreOver({ ...disk, random, now: Date.now });
  expect(await textAt(again, "/x")).toBe("x");
  expect(await disk.slots.used()).toEqual(used);
});

it("damaged bytes are an error, not an absence", async () => {
  const disk = memoryDisk();
  const body = async (slot: number) => (await disk.ciphertext.body(slot))?.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const store = await openStoreOver({ slots: disk.slots, ciphertext: { ...disk.ciphertext, body }, random, now: Date.now });
  await store.apply([put("/x", "x")]);
  await expect(store.bytes("/x")).rejects.toMatchObject({ code: "storage-unavailable" });
});

async function contents(store: Store): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { path } of store.rows("")) found.set(path, (await textAt(store, path)) ?? "not here");
  for (const name of store.names("")) found.set(name, String(store.get(name)));
  return found;
}

function randomBatch(model: ReadonlyMap<string, string>, next: () => number): { writes: Write[]; result: Map<string, string> } {
  const result = new Map(model);
  const writes = Array.from({ length: 1 + (next() % 5) }, (): Write => {
    const n = next() % 12;
    const value = `${next()}`;
    if (n < 6) return result.set(`/p${n}`, value), put(`/p${n}`, value);
    if (n < 9) return result.delete(`/p${n - 6}`), { erase: `/p${n - 6}` };
    if (n < 11) return result.set(`s${n}`, value), { set: `s${n}`, value };
    return result.delete("s9"), { unset: "s9" };
  });
  return { writes, result };
}

/** generator returns a repeatable sequence of numbers (xorshift32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
