/** What a pod or another device of the person takes away without deleting it, and what nobody takes away: the documents that open backups. */

import { afterEach, describe, expect, test } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import type { Backups, Kith } from "../../src/core/kith.ts";
import type { Asking, Client } from "../../src/core/ldp/client.ts";
import { kitPath, kitsPath, postPath, type Folder } from "../../src/core/pod/paths.ts";
import { jose, newRow, Tree } from "../../src/core/pod/tree.ts";
import type { Row, Store } from "../../src/core/store/store.ts";
import type { RemoteRow } from "../../src/core/sync/replica.ts";
import { type Other, settle } from "../../src/core/sync/settle.ts";
import { Device, picture } from "./world.ts";

const opened: Device[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((device) => device.close()));
});

const sources: readonly (readonly [string, Other | undefined])[] = [["a pod", undefined], ["another device", { kid: "did:key:other", heard: 0, listed: () => true }]];

interface Alone {
  readonly made: Device;
  readonly kith: Kith;
  readonly store: Store;
  readonly tree: Tree;
}

async function alone(): Promise<Alone> {
  const made = new Device("phone");
  opened.push(made);
  const kith = await made.kith();
  await kith.start("Ana");
  const store = made.store as Store;
  return { made, kith, store, tree: new Tree(store, made.env(), kith.devices()[0]?.kid ?? "") };
}

/** answering has these bytes, by path of the tree, and no others. */
function answering(bytes: Readonly<Record<string, string>>): Client {
  const ask = async (asking: Asking): ReturnType<Client["ask"]> => {
    const found = bytes["path" in asking ? asking.path.replace(".replica", "") : ""];
    return { status: found === undefined ? 404 : 200, headers: new Headers(), bytes: utf8(found ?? "") };
  };
  return { ask, way: { pod: "" }, refusedForGood: () => false };
}

let made = 0;
async function rowOf(path: string, text: string, counter: number, { id = `${++made}`.padStart(22, "r"), type = jose } = {}): Promise<RemoteRow> {
  return { ...(await newRow({ path, id, version: { counter, device: "zz" }, type, modified: 1 }, utf8(text))), size: text.length };
}

const textsOf = (store: Store): readonly Row[] => [...store.rows("/social/posts/")].filter(({ path }) => path.endsWith("post.jsonld"));
const partsOf = (store: Store, text: Row): readonly Row[] => [...store.rows(text.path.replace("post.jsonld", ""))];

async function many(count: number): Promise<Alone> {
  const one = await alone();
  for (let n = 0; n < count; n++) await one.kith.post({ text: `post ${n}`, pictures: [], audience: { kind: "me" } });
  return one;
}

describe.each(sources)("what %s takes away", (_name, other) => {
  test("does not lie elsewhere because rows say so whose bytes never came, or are not taken", async () => {
    const { kith, store, tree } = await many(40);
    const inTheWay = textsOf(store)[39] as Row;
    for (let page = 0; page < 2; page++) {
      const texts = textsOf(store).slice(0, 9);
      const parts = texts.flatMap((text) => partsOf(store, text));
      const bytes: Record<string, string> = {};
      const large = parts.map(({ etag, type }, n) => ({ path: `/social/posts/x${page}${n}/post.jsonld`, id: `${page}${n}`.padStart(22, "q"), version: { counter: 100, device: "zz" }, etag, type, size: 5 << 20, modified: 1 }));
      const older: RemoteRow[] = [];
      for (const text of texts) {
        bytes[inTheWay.path] = (await tree.text(text.path)) ?? "";
        older.push({ ...text, path: inTheWay.path, id: inTheWay.id, version: { counter: 0, device: "zz" } });
      }
      const gone = texts.map(({ id }) => ({ id, version: { counter: 100, device: "zz" } }));
      await settle(tree, answering(bytes), { rows: [...large, ...older], gone, counter: 100 }, [], other);
    }
    expect([textsOf(store).filter(({ here }) => here).length, kith.pod().askDeletions]).toEqual([31, 9]);
  });

  test("lies elsewhere as what it was, or it counts", async () => {
    const { kith, store, tree } = await many(40);
    const move = async (from: number, to: (n: number) => string): Promise<void> => {
      const texts = textsOf(store).filter(({ path }) => !path.includes("/moved")).slice(0, 9);
      const rows: RemoteRow[] = [];
      const bytes: Record<string, string> = {};
      for (const [n, { path, type }] of texts.entries()) {
        const text = (await tree.text(path)) ?? "";
        rows.push(await rowOf(to(from + n), text, 100, { type }));
        bytes[to(from + n)] = text;
        const acl = partsOf(store, texts[n] as Row).find((part) => part.path.endsWith(".acl"));
        if (acl === undefined) continue;
        rows.push(await rowOf(to(from + n).replace("post.jsonld", ".acl"), (await tree.text(acl.path)) ?? "", 100, { type: acl.type }));
        bytes[to(from + n).replace("post.jsonld", ".acl")] = (await tree.text(acl.path)) ?? "";
      }
      const gone = texts.map(({ id }) => ({ id, version: { counter: 100, device: "zz" } }));
      await settle(tree, answering(bytes), { rows, gone, counter: 100 }, [], other);
    };
    await move(0, (n) => `${postPath(`moved-${n}` as Folder)}post.jsonld`);
    await move(9, (n) => `${postPath(`moved-${n}` as Folder)}post.jsonld`);
    expect([textsOf(store).length, kith.pod().askDeletions]).toEqual([40, undefined]);
    await move(18, (n) => `/x/${n}/post.jsonld`);
    await move(27, (n) => `/x/${n}/post.jsonld`);
    expect([textsOf(store).length, kith.pod().askDeletions]).toEqual([31, 9]);
  });

  test.each([["nothing", ""], ["what is no post", "overwritten"]])("by writing %s over posts is asked about, and what stays is brought back", async (_what, text) => {
    const { kith, store, tree } = await many(20);
    const before = textsOf(store);
    const rows = await Promise.all(before.map(({ path, id, type }) => rowOf(path, text, 200, { id, type })));
    await settle(tree, answering(Object.fromEntries(before.map(({ path }) => [path, text]))), { rows, gone: [], counter: 200 }, [], other);
    expect([textsOf(store).map(({ etag }) => etag), kith.pod().askDeletions]).toEqual([before.map(({ etag }) => etag), 20]);
    await kith.confirmDeletions(false);
    expect([textsOf(store).map(({ etag }) => etag), kith.pod().askDeletions]).toEqual([before.map(({ etag }) => etag), undefined]);
    for (const { version } of textsOf(store)) expect(version.counter).toBeGreaterThan(200);
  });

  test("by writing over pictures is counted, and so few are taken", async () => {
    const { kith, store, tree } = await alone();
    for (let n = 0; n < 14; n++) await kith.post({ text: `${n}`, pictures: [picture(`p${n}`)], audience: { kind: "me" } });
    const thumbs = [...store.rows("/social/posts/")].filter(({ path }) => /-t\.[a-z]+$/.test(path));
    const write = async (from: number, to: number): Promise<void> => {
      const some = thumbs.slice(from, to);
      const rows = await Promise.all(some.map(({ path, id, type }) => rowOf(path, "x", 200, { id, type })));
      await settle(tree, answering(Object.fromEntries(some.map(({ path }) => [path, "x"]))), { rows, gone: [], counter: 200 }, [], other);
    };
    await write(0, 7);
    expect([thumbs.filter(({ path }) => store.row(path)?.size === 1).length, kith.pod().askDeletions]).toEqual([7, undefined]);
    await write(7, 14);
    expect([thumbs.filter(({ path }) => store.row(path)?.size === 1).length, kith.pod().askDeletions]).toEqual([7, 7]);
  });

  test("is not the kit: no tombstone takes it, nor what the person key did not sign, nor an older one", async () => {
    const { kith, store, tree } = await alone();
    const backups: Backups = await kith.backups();
    const first = await backups.makeKit();
    const old = (await tree.text(kitPath)) ?? "";
    const code = await backups.makeKit();
    await backups.putAway();
    const { etag, id } = store.row(kitPath) as Row;
    await settle(tree, answering({}), { rows: [], gone: [{ id, version: { counter: 500, device: "zz" } }], counter: 500 }, [], other);
    expect(store.row(kitPath)).toMatchObject({ etag, here: true });
    for (const [n, text] of ["x", "", old, old.replace(/\.[^.]+$/, ".AAAA")].entries()) {
      await settle(tree, answering({ [kitPath]: text }), { rows: [await rowOf(kitPath, text, 600 + 100 * n)], gone: [], counter: 600 + 100 * n }, [], other);
      expect(store.row(kitPath)?.etag).toBe(etag);
      // It is brought back to who lost it.
      expect(store.row(kitPath)?.version.counter).toBeGreaterThan(600 + 100 * n);
    }
    await settle(tree, answering({}), { rows: [{ ...(await rowOf(kitPath, "x", 2000)), size: 5 << 20 }], gone: [], counter: 2000 }, [], other);
    expect(store.row(kitPath)).toMatchObject({ etag, here: true });
    await expect(backups.check(code)).resolves.toBeUndefined();
    await expect(backups.check(first)).rejects.toMatchObject({ why: "other-kit" });
    expect(await backups.makeKit(code)).not.toBe(code);
  });

  test("a newer kit is taken, whatever its version, and what came in its place is put right", async () => {
    const { kith, store, tree } = await alone();
    const backups = await kith.backups();
    await backups.makeKit();
    const old = store.row(kitPath) as Row;
    const oldText = (await tree.text(kitPath)) ?? "";
    await backups.makeKit();
    const text = (await tree.text(kitPath)) ?? "";
    for (const stands of [oldText, "x"]) {
      await store.apply([{ put: await newRow({ ...old, version: { counter: 900, device: "zz" } }, utf8(stands)), bytes: utf8(stands) }]);
      await settle(tree, answering({ [kitPath]: text }), { rows: [await rowOf(kitPath, text, 50)], gone: [], counter: 50 }, [], other);
      expect(await tree.text(kitPath)).toBe(text);
    }
  });

  test("is not what opens the pod's own backups", async () => {
    const { store, tree } = await alone();
    const told = (place: string): string => JSON.stringify({ backups: [{ place, kits: ["k"] }] });
    const say = async (text: string, counter: number): Promise<void> => {
      await settle(tree, answering({ [kitsPath]: text }), { rows: [await rowOf(kitsPath, text, counter, { type: "application/json" })], gone: [], counter }, [], other);
    };
    await say(told("one"), 100);
    const { id } = store.row(kitsPath) as Row;
    await settle(tree, answering({}), { rows: [], gone: [{ id, version: { counter: 500, device: "zz" } }], counter: 500 }, [], other);
    for (const text of ["", "{}", `{"backups":[]}`, "x"]) await say(text, 600);
    expect(await tree.text(kitsPath)).toBe(told("one"));
    await say(told("two"), 900);
    expect(await tree.text(kitsPath)).toBe(told("two"));
    // The pod says of its own backups what holds, also where somebody counted further.
    await say(told("three"), 800);
    expect(await tree.text(kitsPath)).toBe(told(other === undefined ? "three" : "two"));
  });
});
