/** What a pod or another device of the person says is not simply taken: it may be rented, stolen, or broken. */

import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import { memoryKeyRecords } from "../../src/core/index.ts";
import type { Compose, Kith, PostRef } from "../../src/core/kith.ts";
import type { Asking, Client } from "../../src/core/ldp/client.ts";
import { devices as listPath, keys, namePath, relaysPath, validPath } from "../../src/core/pod/paths.ts";
import { ownLists } from "../../src/core/pod/profile.ts";
import { jose, newRow, Tree } from "../../src/core/pod/tree.ts";
import type { SealedRequest } from "../../src/core/sealed/request.ts";
import type { Row, Store } from "../../src/core/store/store.ts";
import { readPage, type RemoteRow } from "../../src/core/sync/replica.ts";
import { Replicas } from "../../src/core/sync/replicas.ts";
import { Session } from "../../src/core/sync/session.ts";
import { type Other, settle } from "../../src/core/sync/settle.ts";
import { makePerson } from "../../src/core/webid/person.ts";
import { Host } from "./host.ts";
import { Relay } from "./relay.ts";
import { Device, picture, until } from "./world.ts";

const opened: Device[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((device) => device.close()));
});

async function device(name: string): Promise<readonly [Device, Kith]> {
  const made = new Device(name);
  opened.push(made);
  return [made, await made.kith()];
}

const selfOf = (kith: Kith): string => kith.devices().find(({ self }) => self)?.kid ?? "";
const namesOf = (kith: Kith): readonly string[] => kith.devices().map(({ name }) => name);

/** alone starts a person on one device, without anybody who answers. */
async function alone(): Promise<{ readonly made: Device; readonly kith: Kith; readonly store: Store; readonly tree: Tree }> {
  const [made, kith] = await device("phone");
  await kith.start("Ana");
  const store = made.store as Store;
  return { made, kith, store, tree: new Tree(store, made.env(), selfOf(kith)) };
}

/** answering is who has these bytes, by path. */
function answering(bytes: ReadonlyMap<string, string>): Client {
  const ask = async (asking: Asking): ReturnType<Client["ask"]> => ({ status: 200, headers: new Headers(), bytes: utf8(bytes.get("path" in asking ? asking.path : "") ?? "") });
  return { ask, way: { pod: "" }, refusedForGood: () => false };
}

const nobody = answering(new Map());
const sources: readonly (readonly [string, Other | undefined])[] = [["a pod", undefined], ["another device", { kid: "did:key:other", heard: 0, listed: () => true }]];

describe.each(sources)("from %s", (_name, other) => {
  test("no tombstone takes what makes the person", async () => {
    const { made, kith, store, tree } = await alone();
    await kith.post({ text: "stays", pictures: [], audience: { kind: "me" } });
    const paths = [listPath, keys, namePath, "/.acl"];
    const before = paths.map((path) => store.row(path) as Row);
    const gone = before.map(({ id }) => ({ id, version: { counter: 100, device: "zz" } }));
    await settle(tree, nobody, { rows: [], gone, counter: 100 }, [], other);
    for (const { path, id, etag } of before) {
      expect(store.row(path)).toMatchObject({ etag, here: true, version: { device: selfOf(kith) } });
      expect(store.row(path)?.id).not.toBe(id);
      expect(store.row(path)?.version.counter).toBeGreaterThan(100);
    }
    await made.close();
    expect(namesOf(await made.kith())).toEqual(["phone"]);
  });

  test("another person's lists are never taken, not even where this one's are missing", async () => {
    const { store, tree } = await alone();
    const stranger = await makePerson(memoryKeyRecords(), "other", Date.now());
    const texts = new Map([[listPath, stranger.devices.text], [keys, stranger.keys.text]]);
    const rows: RemoteRow[] = [];
    for (const [path, text] of texts) {
      const row = await newRow({ path, id: path.slice(-4).padStart(22, "x"), version: { counter: 100, device: "zz" }, type: jose, modified: 1 }, utf8(text));
      rows.push({ ...row, size: text.length });
    }
    const client = answering(new Map([...texts].map(([path, text]) => [`.replica${path}`, text])));
    const mine = (await ownLists(tree)).devices.text;
    await settle(tree, client, { rows, gone: [], counter: 100 }, [], other);
    expect((await ownLists(tree)).devices.text).toBe(mine);
    await store.apply([{ erase: listPath }, { erase: keys }]);
    await settle(tree, client, { rows, gone: [], counter: 100 }, [], other);
    expect([await tree.text(listPath), await tree.text(keys)]).toEqual([undefined, undefined]);
  });

  test("no clock is taken over that nobody can have counted to", async () => {
    const { kith, store, tree } = await alone();
    const version = { counter: Number.MAX_SAFE_INTEGER, device: "zz" };
    const row = await newRow({ path: "/notes", id: "n".repeat(22), version, type: "text/plain", modified: 1 }, utf8("far"));
    const before = tree.counter;
    await settle(tree, answering(new Map([[".replica/notes", "far"]])), { rows: [{ ...row, size: 3 }], gone: [{ id: "g".repeat(22), version }], counter: version.counter }, [], other);
    expect(store.row("/notes")).toBeUndefined();
    expect(tree.counter).toBe(before);
    await kith.post({ text: "goes on", pictures: [], audience: { kind: "me" } });
    expect(tree.counter).toBe(before + 1);
  });

  test("deletions on several pages are decided together", async () => {
    const { kith, store, tree } = await alone();
    for (let n = 0; n < 14; n++) await kith.post({ text: `post ${n}`, pictures: [], audience: { kind: "me" } });
    const texts = [...store.rows("/social/posts/")].filter(({ path }) => path.endsWith("post.jsonld"));
    const gone = texts.slice(0, 13).map(({ id }) => ({ id, version: { counter: 100, device: "zz" } }));
    const left = (): number => [...store.rows("/social/posts/")].filter(({ path }) => path.endsWith("post.jsonld")).length;
    await settle(tree, nobody, { rows: [], gone: gone.slice(0, 7), counter: 100, more: true }, [], other);
    await settle(tree, nobody, { rows: [], gone: gone.slice(7, 12), counter: 100 }, [], other);
    expect([left(), kith.pod()]).toMatchObject([14, { askDeletions: 12 }]);
    await settle(tree, nobody, { rows: [], gone: gone.slice(12), counter: 100 }, [], other);
    expect([left(), kith.pod()]).toMatchObject([14, { askDeletions: 13 }]);
    const asked = await Promise.all((kith.pod().askPosts ?? []).map((ref) => kith.readPost(ref)));
    expect(new Set(asked.map((post) => post?.text)).size).toBe(13);
    await kith.confirmDeletions(true);
    expect(kith.pod().askPosts).toBeUndefined();
    expect(left()).toBe(1);
    const last = texts[13] as Row;
    await kith.post({ text: "one more", pictures: [], audience: { kind: "me" } });
    await settle(tree, nobody, { rows: [], gone: [{ id: last.id, version: { counter: 200, device: "zz" } }], counter: 200 }, [], other);
    expect([...store.rows("/social/posts/")].some(({ id }) => id === last.id)).toBe(false);
  });
});

describe("deletions within an hour", () => {
  const [thePod, theLaptop] = sources.map(([, other]) => other);
  const post = (n: number): Compose => ({ text: `post ${n}`, pictures: [], audience: { kind: "me" } });
  const left = (store: Store): number => [...store.rows("/social/posts/")].filter(({ path }) => path.endsWith("post.jsonld")).length;

  /** many starts a person with so many posts; `gone` has the tombstones of all of them. */
  async function many(count: number) {
    const one = await alone();
    for (let n = 0; n < count; n++) await one.kith.post(post(n));
    const texts = [...one.store.rows("/social/posts/")].filter(({ path }) => path.endsWith("post.jsonld"));
    const gone = texts.map(({ id }) => ({ id, version: { counter: 100, device: "zz" } }));
    const tell = (from: number, to: number, other: Other | undefined, more = false): Promise<unknown> => settle(one.tree, nobody, { rows: [], gone: gone.slice(from, to), counter: 100, more }, [], other);
    return { ...one, tell, texts };
  }

  test.each(sources)("of nine at a time from %s the second nine are asked about, and those after an hour are not", async (_name, other) => {
    const { made, kith, store, tell } = await many(40);
    await tell(0, 9, other);
    expect([left(store), kith.pod().askDeletions]).toEqual([31, undefined]);
    made.ahead = 59 * 60_000;
    await tell(9, 18, other);
    expect([left(store), kith.pod().askDeletions]).toEqual([31, 9]);
    // While these wait, so does whatever comes.
    await tell(18, 19, other);
    expect([left(store), kith.pod().askDeletions]).toEqual([31, 10]);
    await kith.confirmDeletions(true);
    expect(left(store)).toBe(21);
    made.ahead = 61 * 60_000;
    await tell(19, 28, other);
    expect([left(store), kith.pod().askDeletions]).toEqual([12, undefined]);
  });

  test("are remembered by a device that is opened again, and by whom they were made", async () => {
    const { made, kith, store, tell } = await many(40);
    await tell(0, 6, thePod);
    await tell(6, 12, theLaptop);
    expect([left(store), kith.pod().askDeletions]).toEqual([28, undefined]);
    await made.close();
    const again = await made.kith();
    const tree = new Tree(made.store as Store, made.env(), selfOf(again));
    const rows = [...tree.store.rows("/social/posts/")].filter(({ path }) => path.endsWith("post.jsonld"));
    await settle(tree, nobody, { rows: [], gone: rows.slice(0, 5).map(({ id }) => ({ id, version: { counter: 100, device: "zz" } })), counter: 100 }, [], theLaptop);
    expect([left(tree.store), again.pod().askDeletions]).toEqual([28, 5]);
  });

  test("that the person makes here are nobody's", async () => {
    const { kith, store, tell, texts } = await many(40);
    for (const { path } of texts.slice(9, 24)) await kith.remove(`me/${path.split("/")[3]}` as PostRef);
    expect([left(store), kith.pod().askDeletions]).toEqual([25, undefined]);
    await tell(0, 9, thePod);
    expect([left(store), kith.pod().askDeletions]).toEqual([16, undefined]);
  });

  test("of what comes and goes by itself, and of what lies elsewhere by then, do not count", async () => {
    const { kith, store, tree, tell } = await many(20);
    const put = async (path: string, text: string): Promise<Row> => {
      await tree.act("other", (batch) => batch.putText(path, "application/ld+json", text));
      return store.row(path) as Row;
    };
    for (let n = 0; n < 4; n++) {
      const counter = 1000 * (n + 1);
      const passing = await Promise.all([0, 1, 2].map((m) => put(`/social/in/${"a".repeat(20)}/m${n}${m}`, `{"type":"Like","n":${n}${m}}`)));
      const moved = await put(`/inbox-photos/${n}`, `{"photo":${n}}`);
      const there = { ...moved, path: `/inbox-photos/posted/${n}`, id: `${n}`.padStart(22, "p"), version: { counter, device: "zz" } };
      const gone = [...passing, moved].map(({ id }) => ({ id, version: { counter, device: "zz" } }));
      await settle(tree, answering(new Map([[`.replica${there.path}`, `{"photo":${n}}`]])), { rows: [there], gone, counter }, [], thePod);
      expect(store.row(moved.path)).toBeUndefined();
    }
    await tell(0, 10, thePod);
    expect([left(store), kith.pod().askDeletions]).toEqual([10, undefined]);
  });

  test("on many pages are decided by who sent them", async () => {
    const { kith, store, tell } = await many(40);
    await tell(0, 7, thePod, true);
    await tell(20, 25, theLaptop);
    expect([left(store), kith.pod().askDeletions]).toEqual([35, undefined]);
    await tell(7, 12, thePod);
    expect([left(store), kith.pod().askDeletions]).toEqual([35, 12]);
  });
});

test("nothing of a page counts that comes from a device which was removed meanwhile", async () => {
  const { store, tree } = await alone();
  const row = await newRow({ path: "/notes", id: "n".repeat(22), version: { counter: 5, device: "zz" }, type: "text/plain", modified: 1 }, utf8("late"));
  const page = { rows: [{ ...row, size: 4 }], gone: [], counter: 5 };
  const client = answering(new Map([[".replica/notes", "late"]]));
  expect(await settle(tree, client, page, [{ set: "seen", value: true }], { kid: "did:key:other", heard: 0, listed: () => false })).toEqual([]);
  expect([store.row("/notes"), store.get("seen")]).toEqual([undefined, undefined]);
  expect(await settle(tree, client, page, [{ set: "seen", value: true }], { kid: "did:key:other", heard: 0, listed: () => true })).toEqual(["/notes"]);
  expect(store.row("/notes")?.etag).toBe(row.etag);
});

test("a path that no URL can name is none", () => {
  expect(["/social/\ud800", "/social/\udc00x", "/social/\ud83d\ude00"].map(validPath)).toEqual([false, false, true]);
});

test("pages that say there are more, and do not go on, are no pod's", async () => {
  const page = (seq: number, more: boolean): Client => ({ ...nobody, ask: async () => ({ status: 200, headers: new Headers(), bytes: utf8(JSON.stringify({ epoch: "e", device: "d", seq, head: 9, counter: 1, more, rows: [] })) }) });
  await expect(readPage(page(0, true), undefined)).rejects.toMatchObject({ code: "pod-unreachable" });
  await expect(readPage(page(4, true), { epoch: "e", seq: 4 })).rejects.toMatchObject({ code: "pod-unreachable" });
  expect(await readPage(page(5, true), { epoch: "e", seq: 4 })).toMatchObject({ seq: 5 });
  expect(await readPage(page(1, true), { epoch: "before", seq: 4 })).toMatchObject({ seq: 1 });
  expect(await readPage(page(4, false), { epoch: "e", seq: 4 })).toMatchObject({ seq: 4 });
});

test("a device answers questions that make no sense", async () => {
  const { made, kith, store } = await alone();
  const session = await Session.open(made.env(), store, () => undefined, () => Promise.reject(new Error("nobody is asked")));
  const replicas = new Replicas(session);
  const ask = (path: string): ReturnType<Replicas["answer"]> => replicas.answer({ kind: "owner", kid: selfOf(kith) }, { method: "GET", path, headers: new Headers(), body: new Uint8Array(0) } as SealedRequest);
  expect(await ask("/.replica/%FF")).toMatchObject({ status: 404 });
  for (const limit of ["-1", "0", "x", "1"]) {
    const answer = await ask(`/.replica?limit=${limit}`);
    const page = JSON.parse(new TextDecoder().decode((answer as { readonly bytes: Uint8Array }).bytes)) as { readonly seq: number; readonly rows: readonly unknown[] };
    expect(page.rows.length).toBeGreaterThan(0);
    expect(page.seq).toBeGreaterThan(0);
  }
});

test("a device list that was deleted in the pod's folder comes back there, and the app opens", async () => {
  const host = await Host.open();
  const [made, kith] = await device("phone");
  try {
    await kith.start("Ana");
    await kith.post({ text: "stays", pictures: [], audience: { kind: "me" } });
    await kith.connectPod((await host.person("ana")).pair);
    await kith.syncNow();
    const found = (await readdir(host.folder, { recursive: true })).filter((path) => path.endsWith("profile/devices"));
    expect(found).toHaveLength(1);
    const file = join(host.folder, found[0] ?? "");
    const { text } = (await ownLists(new Tree(made.store as Store, made.env(), selfOf(kith)))).devices;
    await rm(file);
    await until(async () => (await kith.syncNow(), existsSync(file)), "the file is there again");
    expect((await ownLists(new Tree(made.store as Store, made.env(), selfOf(kith)))).devices.text).toBe(text);
    await made.close();
    const again = await made.kith();
    expect(again.devices()).toHaveLength(2);
    await again.syncNow();
    expect(again.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  } finally {
    await made.close();
    await host.close();
  }
});

describe("two devices without a pod, of which one has gone wrong", () => {
  let relay: Relay;
  let [first, second] = [new Device("phone"), new Device("laptop")];
  let [phone, laptop]: [Kith, Kith] = [undefined as never, undefined as never];
  const say = (text: string): Compose => ({ text, pictures: [], audience: { kind: "me" } });
  const texts = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 100 })).posts.map(({ text }) => text);
  const refOf = async (kith: Kith, text: string): Promise<PostRef> => (await kith.feed({ limit: 100 })).posts.find((post) => post.text === text)?.ref as PostRef;
  const meet = async (): Promise<void> => {
    for (const kith of [phone, laptop, phone, laptop]) await kith.syncNow();
  };

  beforeEach(async () => {
    relay = await Relay.open();
    [[first, phone], [second, laptop]] = [await device("phone"), await device("laptop")];
    await phone.start("Ana");
    await (await phone.relays()).add(relay.url);
    await laptop.joinDevice((await phone.linkDevice()).link, "laptop");
    await meet();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await relay.close();
  });

  test("the other keeps its lists and relays, opens again, and can take it off", async () => {
    await phone.post(say("stays"));
    await meet();
    const store = first.store as Store;
    const lies = [listPath, keys, relaysPath].map((path) => ({ set: `gone/${store.row(path)?.id}`, value: { counter: 1000, device: selfOf(laptop), at: Date.now() } }));
    await (second.store as Store).apply(lies);
    await phone.syncNow();
    expect(namesOf(phone)).toEqual(["phone", "laptop"]);
    await first.close();
    phone = await first.kith();
    expect(namesOf(phone)).toEqual(["phone", "laptop"]);
    await phone.removeDevice(selfOf(laptop));
    await until(async () => (await phone.syncNow(), namesOf(phone).length === 1), "the laptop is off the list");
  });

  test("the other goes on when a row's path, and its clock, are none", async () => {
    const store = second.store as Store;
    const row = store.row(namePath) as Row;
    await store.apply([
      { put: { ...row, id: "x".repeat(22), path: "/social/\ud800", version: { counter: 50, device: selfOf(laptop) } }, bytes: utf8("odd") },
      { put: { ...row, id: "y".repeat(22), path: "/far", version: { counter: Number.MAX_SAFE_INTEGER, device: selfOf(laptop) } }, bytes: utf8("far") },
    ]);
    await laptop.post(say("after the odd path"));
    await phone.post(say("from the phone"));
    await meet();
    for (const kith of [phone, laptop]) expect([...(await texts(kith))].sort()).toEqual(["after the odd path", "from the phone"]);
  });

  test("what nobody reckoned with does not end the asking, nor keep the app from closing", async () => {
    let asked = 0;
    const env = { ...first.env(), presence: { online: () => true, visible: () => true, watch: () => () => undefined } };
    const session = await Session.open(env, first.store as Store, () => undefined, () => (asked++, Promise.reject(new TypeError("nonsense"))));
    const replicas = new Replicas(session);
    replicas.start(() => undefined);
    await until(() => (first.pass(60_000), asked > 2), "it is asked again and again");
    await replicas.stop();
    const before = asked;
    first.pass(60_000);
    expect(asked).toBe(before);
  });

  test("it is asked before more than ten deletions even when they come on many pages", async () => {
    for (let n = 0; n < 13; n++) await phone.post(say(`post ${n}`));
    await phone.post(say("stays"));
    await meet();
    expect(await texts(laptop)).toHaveLength(14);
    for (let n = 0; n < 13; n++) {
      await phone.remove(await refOf(phone, `post ${n}`));
      for (let m = 0; m < 2; m++) await phone.post({ text: `new ${n} ${m}`, pictures: [{ ...picture("x"), thumb: crypto.getRandomValues(new Uint8Array(30_000)) }], audience: { kind: "me" } });
    }
    await laptop.syncNow();
    expect(laptop.pod()).toMatchObject({ askDeletions: 13 });
    expect((await texts(laptop)).filter((text) => text.startsWith("post"))).toHaveLength(13);
  });
});
