import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Compose, Kith } from "../../src/core/kith.ts";
import { Host, type Person } from "./host.ts";
import { Device, picture } from "./world.ts";

let host: Host;
let device: Device;
let kith: Kith;
let person: Person;
let count = 0;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
beforeEach(async () => {
  device = new Device("phone");
  kith = await device.kith();
  await kith.start("Ana");
  person = await host.person(`ana${count++}`);
});
afterEach(() => device.close());

const say = (text: string): Compose => ({ text, pictures: [], audience: { kind: "all" } });
const tree = (...below: string[]): string => join(host.folder, "pods", person.name, ...below);

async function connect(): Promise<void> {
  await kith.connectPod(person.pair);
  await kith.syncNow();
  expect(kith.pod().error).toBeUndefined();
  expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
}

describe("phone first", () => {
  test("posts made before there was a pod arrive when there is one", async () => {
    for (let n = 0; n < 5; n++) await kith.post({ text: `Post ${n}`, pictures: [picture("x")], audience: { kind: "all" } });
    expect(new Set((await kith.feed({ limit: 9 })).posts.map(({ state }) => state))).toEqual(new Set(["phone"]));
    await connect();
    expect(new Set((await kith.feed({ limit: 9 })).posts.map(({ state }) => state))).toEqual(new Set(["pod"]));
    const folders = await readdir(tree("social", "posts"));
    expect(folders.filter((name) => !name.startsWith("."))).toHaveLength(5);
    expect((await readdir(tree("social", "posts", folders.find((name) => !name.startsWith(".")) ?? ""))).sort()).toEqual([".acl", "1-t.webp", "1.webp", "post.jsonld"]);
  });

  test("an emptied pod is filled again, and nothing is deleted on the phone", async () => {
    for (let n = 0; n < 3; n++) await kith.post(say(`Post ${n}`));
    await connect();
    await host.stop();
    await rm(tree(), { recursive: true });
    await rm(join(host.folder, "index", person.name), { recursive: true });
    await host.start();
    await kith.syncNow();
    await kith.syncNow();
    expect((await kith.feed({ limit: 9 })).posts).toHaveLength(3);
    expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    expect((await readdir(tree("social", "posts"))).filter((name) => !name.startsWith("."))).toHaveLength(3);
  });

  test("a deleted index changes nothing", async () => {
    await kith.post(say("stays"));
    await connect();
    await host.stop();
    await rm(join(host.folder, "index", person.name), { recursive: true });
    await host.start();
    await kith.syncNow();
    expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    expect((await kith.feed({ limit: 9 })).posts.map((post) => post.text)).toEqual(["stays"]);
  });

  test("what happens while the pod is away waits, says so, and arrives in order", async () => {
    await connect();
    device.network = false;
    const kept = await kith.post(say("kept"));
    const gone = await kith.post(say("gone"));
    await kith.edit(kept, "kept, mended");
    await kith.remove(gone);
    await kith.syncNow();
    expect(kith.pod()).toMatchObject({ kind: "unreachable", error: { code: "pod-unreachable" } });
    expect(kith.outbox().map(({ what }) => what)).toEqual(["post", "edit", "delete"]);
    expect((await kith.readPost(kept))?.state).toBe("waiting");
    device.network = true;
    await kith.syncNow();
    expect(kith.outbox()).toEqual([]);
    expect((await kith.readPost(kept))?.state).toBe("pod");
    expect((await readdir(tree("social", "posts"))).filter((name) => !name.startsWith("."))).toEqual([kept.slice(3)]);
  });

  test("a deleted post leaves the pod's folder", async () => {
    const ref = await kith.post({ text: "x", pictures: [picture("x")], audience: { kind: "me" } });
    await connect();
    await kith.remove(ref);
    await kith.syncNow();
    expect((await readdir(tree("social", "posts"))).filter((name) => !name.startsWith("."))).toEqual([]);
  });

  test("a pod that was forgotten and found again does not bring back what was deleted meanwhile", async () => {
    const ref = await kith.post(say("deleted while away"));
    await kith.post(say("stays"));
    await connect();
    await kith.disconnectPod();
    expect(kith.pod()).toMatchObject({ kind: "none" });
    await kith.remove(ref);
    await kith.connectPod(await host.pair(person.name));
    await kith.syncNow();
    await kith.syncNow();
    expect((await kith.feed({ limit: 9 })).posts.map((post) => post.text)).toEqual(["stays"]);
    expect((await readdir(tree("social", "posts"))).filter((name) => !name.startsWith("."))).toHaveLength(1);
  });
});

describe("pairing", () => {
  test("a link works once", async () => {
    await connect();
    const other = new Device("other");
    const ben = await other.kith();
    await ben.start("Ben");
    await expect(ben.connectPod(person.pair)).rejects.toMatchObject({ code: "link-used" });
    expect(ben.pod()).toMatchObject({ kind: "none" });
    await other.close();
  });

  test("a pod of somebody else is refused", async () => {
    await connect();
    const other = new Device("other");
    const ben = await other.kith();
    await ben.start("Ben");
    await expect(ben.connectPod(await host.pair(person.name))).rejects.toMatchObject({ code: "pod-owned-by-other" });
    await other.close();
  });

  test("without a network it says so, and the link can be used later", async () => {
    device.network = false;
    await expect(kith.connectPod(person.pair)).rejects.toMatchObject({ code: "pod-unreachable" });
    device.network = true;
    await connect();
  });

  test("lists the pod as a device that may not post", async () => {
    await connect();
    expect(kith.devices()).toMatchObject([{ name: "phone", self: true, isPod: false, admin: true }, { name: "My pod", self: false, isPod: true, admin: false }]);
  });

  test("works with a clock that is an hour off", async () => {
    device.ahead = 3600_000;
    await kith.post(say("from the future"));
    await connect();
  });
});
