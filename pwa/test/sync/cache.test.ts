import { beforeEach, expect, test } from "vitest";
import type { ContactId } from "../../src/core/kith.ts";
import { KithError } from "../../src/core/errors.ts";
import type { Folder } from "../../src/core/pod/paths.ts";
import { memoryDisk } from "../store/memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import type { Store } from "../../src/core/store/store.ts";
import { Cache } from "../../src/core/sync/cache.ts";
import { copiesOf } from "../../src/core/sync/copies.ts";
import type { Item } from "../../src/core/sync/feedwire.ts";
import { picture } from "./world.ts";

const ben = "b".repeat(20) as ContactId;
let store: Store;
let cache: Cache;
let now: number;

const post = (text: string): NonNullable<Extract<Item, { kind: "seen" }>["post"]> => ({
  type: "Note", content: text, published: new Date(5_000).toISOString(), attachment: [{ url: "1.webp", mediaType: "image/webp", preview: { url: "1-t.webp", mediaType: "image/webp" } }],
});
const item = (n: number, change: object = {}): Extract<Item, { kind: "seen" }> => ({ kind: "seen", id: `urn:${n}`, folder: `post-${n}` as Folder, state: "s1", published: 5_000, post: post(`text ${n}`), replies: undefined, ...change });
const list = async (each: Extract<Item, { kind: "seen" }>): Promise<void> => cache.apply(await cache.list(ben, each));
const here = (): readonly string[] => [...store.rows("peers/")].filter((row) => row.here).map(({ path }) => path.slice(path.indexOf("post-")));

beforeEach(async () => {
  now = 10_000;
  const random = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count));
  store = await openStoreOver({ ...memoryDisk(), now: () => now, random });
  const missing = (): never => {
    throw new Error("not needed here");
  };
  cache = new Cache({ now: () => now, random, fetch: missing, openStore: missing, keys: undefined as never, after: missing, presence: undefined as never, deviceName: "", persist: missing, quota: missing, page: "", socket: missing }, store);
});

test("a text that is stale stays until the newer one is here", async () => {
  await list(item(1));
  await list(item(1, { state: "s2", post: undefined }));
  expect(copiesOf(store, ben)).toMatchObject([{ here: true, stale: true, state: "s2" }]);
  await list(item(1, { state: "s3" }));
  expect(copiesOf(store, ben)).toMatchObject([{ here: true, stale: false, state: "s3" }]);
});

test("a purged text does not come back by being listed", async () => {
  await list(item(1));
  await cache.purge(ben, ["post-1" as Folder]);
  await list(item(1, { state: "s2" }));
  expect(copiesOf(store, ben)).toMatchObject([{ here: false, purged: true }]);
  await cache.apply(cache.askable(ben, "post-1" as Folder));
  await list(item(1, { state: "s2" }));
  expect(copiesOf(store, ben)).toMatchObject([{ here: true, purged: false }]);
});

test("a date that is still to come does not keep a post at the top", async () => {
  await list(item(1, { published: 99_999, post: undefined }));
  await list(item(2, { post: { ...post("x"), published: new Date(99_999).toISOString() } }));
  expect(copiesOf(store, ben).map(({ published }) => published)).toEqual([now, now]);
});

test("when the storage is full, full pictures go first, the least used of them", async () => {
  for (const n of [1, 2, 3]) {
    await list(item(n));
    const { full, thumb } = picture("x", 2_000);
    for (const [name, bytes] of [["1.webp", full], ["1-t.webp", thumb]] as const) {
      now += 1_000;
      await cache.keepPicture(`peers/${ben}/social/posts/post-${n}/${name}`, { mediaType: "image/webp" }, bytes);
    }
  }
  now += 1_000;
  await store.bytes(`peers/${ben}/social/posts/post-1/1.webp`);
  const { apply } = store;
  let full = true;
  store.apply = (writes) => {
    if (!full) return apply.call(store, writes);
    full = false;
    return Promise.reject(new KithError("storage-full", "test: it is full"));
  };
  await list(item(4));
  // Half of what was cached had to go: the two pictures that nobody looked at again.
  expect(here().filter((path) => path.endsWith("/1.webp"))).toEqual(["post-1/1.webp"]);
  expect(here().filter((path) => path.endsWith("post.jsonld"))).toHaveLength(4);
  expect(here().filter((path) => path.endsWith("-t.webp"))).toHaveLength(3);
});
