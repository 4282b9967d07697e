import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/core/store/store.ts";
import { bytesOf, type Disk, inFile, inMemory, newRow, textAt } from "./disks.ts";

describe.each([
  ["memory", inMemory],
  ["a slot file", inFile],
])("the store over %s", (_, make) => {
  let disk: Disk;
  let store: Store;
  beforeEach(async () => {
    disk = make();
    store = await disk.open();
  });
  afterEach(async () => {
    await store.close();
    disk.remove();
  });
  const reopen = async (): Promise<void> => {
    await store.close();
    store = await disk.open();
  };
  const put = (path: string, text: string | null, mark = text ?? "none") =>
    ({ put: newRow(path, mark), bytes: text === null ? null : bytesOf(text) }) as const;
  const paths = (prefix: string, descending = false) => [...store.rows(prefix, descending)].map(({ path }) => path);

  it("keeps rows, bytes and settings over a restart", async () => {
    const note = { title: "Lake", count: 3, pinned: true };
    await store.apply([
      { put: { ...newRow("/a/b", "x"), note }, bytes: bytesOf("hello") },
      put("/a/", null),
      { set: "cursor/ben", value: { at: [1, "two", null] } },
    ]);
    await reopen();
    expect(store.row("/a/b")).toMatchObject({ ...newRow("/a/b", "x"), note, size: 5, here: true });
    expect(store.row("/a/")).toMatchObject({ size: 0, here: false });
    expect(await textAt(store, "/a/b")).toBe("hello");
    expect(await textAt(store, "/a/")).toBeUndefined();
    expect(store.get("cursor/ben")).toEqual({ at: [1, "two", null] });
    expect(store.row("/a")).toBeUndefined();
    expect(store.get("cursor")).toBeUndefined();
  });

  it("keeps an empty body apart from none", async () => {
    await store.apply([put("/empty", "")]);
    await reopen();
    expect(store.row("/empty")).toMatchObject({ here: true, size: 0 });
    expect(await store.bytes("/empty")).toEqual(new Uint8Array(0));
  });

  it("lists by path below a prefix, both ways, and only there", async () => {
    await store.apply(["/a/1", "/a/10", "/a/2", "/b", "/a", "/a0", "peers/x/a/1", "/a/\u{1F600}", "/a/\uffff"].map((path) => put(path, "x")));
    expect(paths("/a/")).toEqual(["/a/1", "/a/10", "/a/2", "/a/\u{1F600}", "/a/\uffff"]);
    expect(paths("/a/", true)).toEqual(paths("/a/").reverse());
    expect(paths("/a/1")).toEqual(["/a/1", "/a/10"]);
    expect(paths("/c")).toEqual([]);
    expect(paths("peers/")).toEqual(["peers/x/a/1"]);
    expect(paths("")).toHaveLength(9);
    await reopen();
    expect(paths("/a")).toEqual(["/a", "/a/1", "/a/10", "/a/2", "/a/\u{1F600}", "/a/\uffff", "/a0"]);
  });

  it("goes on with a listing while rows come and go", async () => {
    await store.apply(["/1", "/2", "/3"].map((path) => put(path, "x")));
    const seen: string[] = [];
    for (const { path } of store.rows("/")) {
      seen.push(path);
      if (path === "/1") await store.apply([{ erase: "/2" }, put("/2a", "x")]);
    }
    expect(seen).toEqual(["/1", "/3"]);
  });

  it("lets later writes of a batch see earlier ones", async () => {
    await store.apply([put("/x", "one")]);
    await store.apply([put("/x", "two"), put("/y", "gone"), { erase: "/y" }, { purge: "/x" }, put("/x", "three"), { set: "n", value: 1 }, { unset: "n" }]);
    expect(await textAt(store, "/x")).toBe("three");
    expect(store.row("/y")).toBeUndefined();
    expect(store.names("")).toEqual([]);
  });

  it("keeps the bytes of a put without bytes when the ETag is the same, else drops them", async () => {
    await store.apply([put("/x", "text", "same")]);
    await store.apply([{ put: { ...newRow("/x", "same"), modified: 99 }, bytes: null }]);
    expect(store.row("/x")).toMatchObject({ modified: 99, here: true, size: 4 });
    expect(await textAt(store, "/x")).toBe("text");
    await store.apply([put("/x", null, "other")]);
    expect(store.row("/x")).toMatchObject({ here: false, size: 0 });
    expect(await textAt(store, "/x")).toBeUndefined();
  });

  it("purges bytes and keeps the row; erases both; minds neither twice", async () => {
    await store.apply([put("peers/b/x", "1234567"), put("/y", "123")]);
    expect(store.usage()).toEqual({ bytes: 10, cached: 7 });
    await store.apply([{ purge: "peers/b/x" }, { purge: "peers/b/x" }, { purge: "/nowhere" }, { erase: "/nowhere" }]);
    expect(store.row("peers/b/x")).toMatchObject({ here: false, size: 7 });
    expect(await store.bytes("peers/b/x")).toBeUndefined();
    expect(store.usage()).toEqual({ bytes: 3, cached: 0 });
    await store.apply([{ erase: "peers/b/x" }, { erase: "/y" }]);
    expect(paths("")).toEqual([]);
    await reopen();
    expect(paths("")).toEqual([]);
    expect(store.usage()).toEqual({ bytes: 0, cached: 0 });
  });

  it("notes the last use of bytes, and writes it when it writes the row's page", async () => {
    await store.apply([put("/x", "x")]);
    const made = store.row("/x")?.used ?? 0;
    await store.bytes("/x");
    const read = store.row("/x")?.used ?? 0;
    expect(read).toBeGreaterThan(made);
    await store.apply([put("/y", "y")]);
    await reopen();
    expect(store.row("/x")?.used).toBe(read);
  });

  it("takes settings as they are at the time, and lists their names in order", async () => {
    const value = { list: [1] };
    await store.apply([{ set: "op/2", value }, { set: "op/1", value: 0 }, { set: "other", value: null }]);
    value.list.push(2);
    expect(store.get("op/2")).toEqual({ list: [1] });
    expect(store.names("op/")).toEqual(["op/1", "op/2"]);
    await store.apply([{ unset: "op/1" }]);
    await reopen();
    expect(store.names("op/")).toEqual(["op/2"]);
    expect(store.get("other")).toBeNull();
  });

  it("applies concurrent batches one after another, and reads meanwhile find one state or the other", async () => {
    await store.apply([put("/x", "0")]);
    const writes = Array.from({ length: 20 }, (_, i) => store.apply([put("/x", `${i}`), put(`/other/${i}`, `other ${i}`)]));
    const reads = await Promise.all(Array.from({ length: 40 }, () => textAt(store, "/x")));
    expect(reads.every((text) => text !== undefined && /^\d+$/.test(text))).toBe(true);
    await Promise.all(writes);
    expect(await textAt(store, "/x")).toBe("19");
    for (let i = 0; i < 20; i++) expect(await textAt(store, `/other/${i}`)).toBe(`other ${i}`);
  });

  it("has a thousand rows in pages, through growth and shrinking", async () => {
    const all = Array.from({ length: 1000 }, (_, i) => `/rows/${i}`);
    await store.apply(all.map((path) => put(path, path)));
    await store.apply(all.filter((_, i) => i % 3 > 0).map((path) => ({ erase: path })));
    await store.apply(all.filter((_, i) => i % 9 === 1).map((path) => put(path, `again ${path}`)));
    await reopen();
    expect(paths("/rows/")).toHaveLength(334 + 111);
    expect(await textAt(store, "/rows/999")).toBe("/rows/999");
    expect(await textAt(store, "/rows/1")).toBe("again /rows/1");
  });

  it("refuses everything once it is closed, and says when that is", async () => {
    await store.close();
    await store.closed;
    await expect(store.apply([put("/x", "x")])).rejects.toMatchObject({ code: "storage-unavailable" });
    await expect(store.bytes("/x")).rejects.toMatchObject({ code: "storage-unavailable" });
    await store.close();
    store = await disk.open();
  });

  it("keeps pages small while their entries grow", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `cursor/${i}`);
    await store.apply(names.map((name) => ({ set: name, value: 0 })));
    for (const name of names) await store.apply([{ set: name, value: "x".repeat(4000) }]);
    const largest = Math.max(...(await disk.pageSizes()));
    expect(largest).toBeLessThan(60_000);
    await reopen();
    expect(store.names("cursor/")).toHaveLength(60);
    expect(String(store.get("cursor/59"))).toHaveLength(4000);
  });
});
