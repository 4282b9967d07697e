/** An app whose tree lost the list of the person's devices, as a tombstone could bring about once: it opens, and has the list again. The pod is the real one. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { text } from "../../src/core/bytes.ts";
import type { Kith } from "../../src/core/kith.ts";
import { devices as devicesPath, keys as keysPath } from "../../src/core/pod/paths.ts";
import { acceptable } from "../../src/core/pod/profile.ts";
import { gone, Tree } from "../../src/core/pod/tree.ts";
import type { Store } from "../../src/core/store/store.ts";
import { Host } from "./host.ts";
import { Device, until } from "./world.ts";

let host: Host;
let count = 0;
let device: Device;
let phone: Kith;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
beforeEach(async () => {
  device = new Device("phone");
  phone = await device.kith();
  await phone.start("Ana");
  await phone.post({ text: "before", pictures: [], audience: { kind: "me" } });
});
afterEach(() => device.close());

const names = (): readonly string[] => phone.devices().map(({ name }) => name);
const texts = async (): Promise<readonly string[]> => (await phone.feed({ limit: 10 })).posts.map((post) => post.text);

/** lose leaves a store as one whose app carried out a tombstone for both lists; with `all` it has never remembered the list as a setting either. */
async function lose(all: boolean): Promise<void> {
  const store = device.store;
  const rows = [devicesPath, keysPath].flatMap((path) => store?.row(path) ?? []);
  expect(rows).toHaveLength(2);
  const counter = Number(store?.get("counter")) + 1;
  await store?.apply(rows.flatMap((row) => [{ erase: row.path }, gone(row, { counter, device: "did:key:elsewhere" }, Date.now())]));
  if (all) await store?.apply([{ unset: "list" }]);
  await device.close();
  phone = await device.kith();
}

test("without a pod it goes by the list that held last, and signs with it", async () => {
  const before = names();
  await lose(false);
  expect([names(), await texts()]).toEqual([before, ["before"]]);
  expect(device.store?.row(devicesPath)).toMatchObject({ here: true });
  await phone.post({ text: "after", pictures: [], audience: { kind: "me" } });
  expect(await texts()).toEqual(["after", "before"]);
});

test.each([["by its own setting", false], ["with nothing of it left", true]])("%s it opens, and the pod brings back what it lost", async (_how, all) => {
  const person = await host.person(`lost${count++}`);
  await phone.connectPod(person.pair);
  await until(async () => (await phone.syncNow(), phone.pod().waiting === 0), "the pod has all");
  const [before, list, document] = [names(), ...(await Promise.all([devicesPath, keysPath].map((path) => device.store?.bytes(path))))];
  await lose(all);
  expect(names()).toEqual(all ? ["phone"] : before);
  expect(phone.me()).toMatchObject({ name: "Ana" });
  expect(phone.me()?.removed).toBeUndefined();
  await until(async () => (await phone.syncNow(), device.store?.row(keysPath) !== undefined), "both lists are here");
  expect(names()).toEqual(before);
  for (const [path, was] of [[devicesPath, list], [keysPath, document]] as const) expect(Buffer.from((await device.store?.bytes(path)) ?? []).equals(Buffer.from(was ?? []))).toBe(true);
  await phone.post({ text: "after", pictures: [], audience: { kind: "me" } });
  await until(async () => (await phone.syncNow(), phone.pod().waiting === 0), "the pod has the new post");
  await phone.connectPod(await host.pair(person.name));
  expect(names()).toEqual(before);
});

test("what it takes in its place is of the same person and names this device", async () => {
  const person = await host.person(`lost${count++}`);
  await phone.connectPod(person.pair);
  await until(async () => (await phone.syncNow(), phone.pod().waiting === 0), "the pod has all");
  const [other, strange] = [new Device("laptop"), new Device("Ben's phone")];
  const [laptop, ben] = [await other.kith(), await strange.kith()];
  await ben.start("Ben");
  const { link } = await phone.linkDevice();
  const joined = laptop.joinDevice(link, "laptop");
  await until(async () => (await phone.syncNow(), phone.devices().length === 3), "the laptop is in");
  await joined;
  await laptop.syncNow();
  const listOf = async ({ store }: Device): Promise<string> => text((await store?.bytes(devicesPath)) ?? new Uint8Array(0));
  const ours = await listOf(device);
  await laptop.removeDevice(phone.devices().find(({ self }) => self)?.kid ?? "");
  await lose(true);
  const tree = new Tree(device.store as Store, device.env(), (device.store?.get("me") as { readonly device: string }).device);
  const taken = await Promise.all([ours, await listOf(other), await listOf(strange), "", `${ours}x`].map((each) => acceptable(tree, devicesPath, each, undefined)));
  expect(taken).toEqual([true, false, false, false, false]);
  await Promise.all([other.close(), strange.close()]);
});
