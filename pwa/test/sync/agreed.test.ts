/** What the owner has agreed to have deleted, at the pod or on one device, is asked about once: and nothing else goes with it. */

import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { b64u, sha256, utf8 } from "../../src/core/bytes.ts";
import type { Trouble } from "../../src/core/home.ts";
import type { PostRef } from "../../src/core/kith.ts";
import { memoryKeyRecords } from "../../src/core/index.ts";
import type { Asking, Client } from "../../src/core/ldp/client.ts";
import { agreedPath, devices } from "../../src/core/pod/paths.ts";
import { newRow, Tree } from "../../src/core/pod/tree.ts";
import type { Row } from "../../src/core/store/store.ts";
import { settle } from "../../src/core/sync/settle.ts";
import { signAs } from "../../src/core/webid/jws.ts";
import { makePerson } from "../../src/core/webid/person.ts";
import { signerOf } from "../../src/core/webid/records.ts";
import type { Did } from "../../src/core/webid/key.ts";
import { Folks, type One } from "./folks.ts";
import { binary, Host } from "./host.ts";
import { until } from "./world.ts";

const count = 11;
let host: Host;
let folks: Folks;
beforeAll(async () => {
  host = await Host.open();
  folks = new Folks(host);
});
afterAll(() => host.close());
afterEach(() => folks.close());

const textsOf = ({ device }: One): readonly Row[] => [...(device.store?.rows("/social/posts/") ?? [])].filter(({ path }) => path.endsWith("post.jsonld")).sort((a, b) => (a.path < b.path ? -1 : 1));
const stands = (one: One): readonly unknown[] => [textsOf(one).length, one.kith.pod().askDeletions];
const putsOf = ({ device }: One): readonly string[] => device.requests.filter((each) => /^PUT .*\.replica\/social\/posts/.test(each));
const nameOf = ({ person }: One): string => new URL(person.pod).pathname.split("/")[1] ?? "";

/** both is somebody's phone and laptop, with posts that both and the pod have. */
async function both(): Promise<readonly [One, One]> {
  const phone = await folks.someone("Ana");
  const laptop = await folks.another(phone, "laptop");
  for (let n = 0; n <= count; n++) await phone.kith.post({ text: `post ${n}`, pictures: [], audience: { kind: "me" } });
  for (const { kith } of [phone, laptop]) await kith.syncNow();
  expect([stands(phone), stands(laptop)]).toEqual([[count + 1, undefined], [count + 1, undefined]]);
  return [phone, laptop];
}

/** lose takes all posts but one out of the pod's folder, and waits until the pod tells of it. */
async function lose(one: One): Promise<Trouble> {
  for (const { path } of textsOf(one).slice(0, count)) await rm(join(host.folder, "pods", nameOf(one), path.replace("post.jsonld", "")), { recursive: true });
  const home = await one.kith.home();
  let told: Trouble | undefined;
  await until(async () => {
    told = (await home.troubles()).find(({ kind }) => kind === "deletions");
    return told !== undefined && told.count === count;
  }, "the pod tells what disappeared");
  return told as Trouble;
}

/** decided has the operator decide at the pod's machine, where no device of the owner signs. */
async function decided(one: One): Promise<void> {
  await promisify(execFile)(binary, ["check", nameOf(one), "--accept-deletions", "--data", host.folder, "--url", host.url]);
}

test("what was decided at the pod by one device is asked about on none", async () => {
  const [phone, laptop] = await both();
  const told = await lose(phone);
  expect(await (await phone.kith.home()).decideDeletions(true, told)).toBe(true);
  await phone.kith.syncNow();
  expect(stands(phone)).toEqual([1, undefined]);
  await laptop.kith.syncNow();
  expect(stands(laptop)).toEqual([1, undefined]);
  await phone.kith.syncNow();
  expect([stands(phone), phone.kith.pod(), laptop.kith.pod()]).toMatchObject([[1, undefined], { kind: "connected", waiting: 0 }, { kind: "connected", waiting: 0 }]);
});

test("what was decided at the pod's machine is asked about once; nothing of it is sent meanwhile, and what was written then is kept", async () => {
  const [phone, laptop] = await both();
  await lose(phone);
  await decided(phone);
  const before = [phone, laptop].map((one) => putsOf(one).length);
  for (let n = 0; n < 2; n++) for (const { kith } of [phone, laptop]) await kith.syncNow();
  expect([stands(phone), stands(laptop)]).toEqual([[count + 1, count], [count + 1, count]]);
  for (const { kith } of [phone, laptop]) expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  await laptop.kith.edit(`me/${textsOf(laptop)[0]?.path.split("/")[3]}` as PostRef, "said anew");
  for (let n = 0; n < 2; n++) for (const { kith } of [phone, laptop]) await kith.syncNow();
  expect([phone, laptop].map((one) => putsOf(one).length)).toEqual(before);
  expect(laptop.kith.pod()).toMatchObject({ kind: "connected", waiting: 1 });
  await phone.kith.confirmDeletions(true);
  for (const { kith } of [phone, laptop]) await kith.syncNow();
  expect([stands(phone), stands(laptop), laptop.kith.pod().waiting]).toEqual([[1, undefined], [1, undefined], 0]);
  expect(laptop.kith.drafts()).toMatchObject([{ reason: "lost", text: "said anew" }]);
});

describe("a pod that lies", () => {
  const lies = (answer: object) => (method: string, url: string): Response | undefined => (method === "POST" && url.endsWith(".trouble/deletions") ? Response.json(answer) : undefined);
  const seenOf = async (paths: readonly string[]): Promise<string> => b64u((await sha256(paths.map((path) => `${path}\n`).join(""))).subarray(0, 12));

  const some = async (): Promise<One> => {
    const one = await folks.someone("Ana");
    for (let n = 0; n < 3; n++) await one.kith.post({ text: `post ${n}`, pictures: [], audience: { kind: "me" } });
    return one;
  };

  test.each([["more than was told", 1], ["fewer than were told", 3]])("about how much was agreed to, %s, has nothing deleted unasked", async (_what, told) => {
    const phone = await some();
    const paths = textsOf(phone).slice(1).map(({ path }) => path);
    phone.device.answer = lies({ paths });
    await (await phone.kith.home()).decideDeletions(true, { count: told, seen: await seenOf(paths) });
    expect(phone.device.store?.row(agreedPath)).toBeUndefined();
    // As it was told, it is taken.
    await (await phone.kith.home()).decideDeletions(true, { count: 2, seen: await seenOf(paths) });
    expect(phone.device.store?.row(agreedPath)).toBeDefined();
  });

  test("about what was agreed to has nothing deleted unasked", async () => {
    const phone = await some();
    const paths = textsOf(phone).map(({ path }) => path);
    for (const answer of [{ paths: paths.slice(1, 3) }, { paths: ["%", ...paths] }, { paths: "all" }, {}]) {
      phone.device.answer = lies(answer);
      await (await phone.kith.home()).decideDeletions(true, { count: 2, seen: await seenOf(paths.slice(0, 2)) });
    }
    phone.device.answer = lies({ paths: ["%"] });
    await (await phone.kith.home()).decideDeletions(true, { count: 1, seen: await seenOf(["%"]) });
    expect(phone.device.store?.row(agreedPath)).toBeUndefined();
  });
});

describe("what was agreed to", () => {
  const answering = (bytes: ReadonlyMap<string, string>): Client => ({
    way: { pod: "" }, refusedForGood: () => false,
    ask: async (asking: Asking) => ({ status: 200, headers: new Headers(), bytes: utf8(bytes.get("path" in asking ? asking.path : "") ?? "") }),
  });
  const lineOf = async ({ id, path }: Row): Promise<string> => b64u((await sha256(`${id}\n${path}`)).subarray(0, 16));

  /** hear tells a person with many posts, all of which the pod says are gone, of an agreement to `rows`, as `write` writes it. */
  async function hear(write: (tree: Tree, rows: readonly Row[], label: string) => Promise<string>): Promise<readonly unknown[]> {
    const one = await folks.someone("Ana", false);
    for (let n = 0; n <= count; n++) await one.kith.post({ text: `post ${n}`, pictures: [], audience: { kind: "me" } });
    const store = one.device.store as NonNullable<typeof one.device.store>;
    const tree = new Tree(store, one.device.env(), one.kith.devices()[0]?.kid ?? "");
    const rows = textsOf(one).slice(0, count);
    const text = await write(tree, rows, (JSON.parse(Buffer.from(((await tree.text(devices)) ?? "").split(".")[1] ?? "", "base64url").toString()) as { readonly label: string }).label);
    const row = await newRow({ path: agreedPath, id: "a".repeat(22), version: { counter: 100, device: "zz" }, type: "text/plain", modified: 1 }, utf8(text));
    const gone = rows.map(({ id }) => ({ id, version: { counter: 100, device: "zz" } }));
    await settle(tree, answering(new Map([[`.replica${agreedPath}`, text]])), { rows: [{ ...row, size: text.length }], gone, counter: 100 }, []);
    return stands(one);
  }

  /** signed is what an admin device of the person writes. */
  async function signed(tree: Tree, lines: readonly string[], label: string): Promise<string> {
    const below = lines.join("\n");
    const signer = await signerOf((tree.env as { readonly keys: Parameters<typeof signerOf>[0] }).keys, tree.device as Did);
    return `${await signAs(signer, "kith-agreed+jwt", { label, of: b64u(await sha256(below)) })}\n${below}`;
  }

  test("counts when a device of the person has signed it", async () => {
    expect(await hear(async (tree, rows, label) => signed(tree, await Promise.all(rows.map(lineOf)), label))).toEqual([1, undefined]);
  });

  test("is of these things alone: for others the owner is asked", async () => {
    expect(await hear(async (tree, rows, label) => signed(tree, await Promise.all(rows.slice(0, 3).map(lineOf)), label))).toEqual([count - 2, count - 3]);
    expect(await hear(async (tree, rows, label) => signed(tree, await Promise.all(rows.map((row) => lineOf({ ...row, path: `${row.path}x` }))), label))).toEqual([count + 1, count]);
    expect(await hear(async (tree, rows, label) => signed(tree, await Promise.all(rows.map((row) => lineOf({ ...row, id: `${row.id}x` }))), label))).toEqual([count + 1, count]);
  });

  test("counts for nothing when it was signed by somebody else, for somebody else, or written into", async () => {
    const records = memoryKeyRecords();
    const stranger = await makePerson(records, "other", Date.now());
    const lines = (rows: readonly Row[]): Promise<readonly string[]> => Promise.all(rows.map(lineOf));
    const asked = [count + 1, count];
    expect(await hear(async (_tree, rows, label) => {
      const below = (await lines(rows)).join("\n");
      return `${await signAs(await signerOf(records, stranger.device), "kith-agreed+jwt", { label, of: b64u(await sha256(below)) })}\n${below}`;
    })).toEqual(asked);
    expect(await hear(async (tree, rows) => signed(tree, await lines(rows), stranger.devices.label))).toEqual(asked);
    expect(await hear(async (tree, rows, label) => `${await signed(tree, (await lines(rows)).slice(1), label)}\n${(await lines(rows))[0]}`)).toEqual(asked);
    expect(await hear(async () => "")).toEqual(asked);
  });
});
