/** What becomes of a device list that has been changed many times, at the real pod, on another device and at a friend's. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ContactId, Kith } from "../../src/core/kith.ts";
import { text } from "../../src/core/bytes.ts";
import { readCard } from "../../src/core/pod/card.ts";
import { cardPath, devices } from "../../src/core/pod/paths.ts";
import { recoverySetting } from "../../src/core/webid/person.ts";
import { readDeviceList } from "../../src/core/webid/devices.ts";
import type { DeviceList } from "../../src/core/webid/list.ts";
import { Host, type Person } from "./host.ts";
import { Device } from "./world.ts";

let host: Host;
let ana: Device;
let phone: Kith;
let person: Person;
let count = 0;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
afterEach(() => ana.close());
beforeEach(async () => {
  ana = new Device("phone");
  phone = await ana.kith();
  await phone.start("Ana");
  person = await host.person(`lists${count++}`);
  await phone.connectPod(person.pair);
  await phone.syncNow();
});

async function listOf({ store }: Device, path: string = devices): Promise<DeviceList> {
  const written = text((await store?.bytes(path)) ?? new Uint8Array(0));
  return readDeviceList(path === devices ? written : (readCard(written)?.devices ?? ""));
}

const lengthOf = ({ text: chain }: DeviceList): number => chain.split("~").length;

/** change makes the next list: the pod comes once more. */
async function change(times: number): Promise<void> {
  for (let n = 0; n < times; n++) await phone.connectPod(await host.pair(person.name));
}

/** befriend lets somebody with a pod of their own accept an invite of Ana's; `cid` is what they call her. */
async function befriend(name: string): Promise<{ readonly device: Device; readonly kith: Kith; readonly cid: ContactId }> {
  const device = new Device(`${name}'s phone`);
  const kith = await device.kith();
  await kith.start(name);
  await kith.connectPod((await host.person(`${name.toLowerCase()}${count++}`)).pair);
  await kith.syncNow();
  const cid = await kith.acceptInvite((await phone.createInvite()).link);
  await phone.syncNow();
  return { device, kith, cid };
}

test("a friend who missed many lists follows, and one who comes late sees where they began", async () => {
  const ben = await befriend("Ben");
  await change(5);
  await phone.syncNow();
  const cleo = await befriend("Cleo");
  const list = await listOf(ana);
  expect([list.gen, list.epoch, lengthOf(list)]).toEqual([1, 7, 7]);
  expect((await listOf(cleo.device, cardPath(cleo.cid))).text).toBe(list.text);
  ben.device.ahead = 24 * 3600_000;
  await ben.kith.refresh();
  expect((await listOf(ben.device, cardPath(ben.cid))).text).toBe(list.text);
  await Promise.all([ben.device.close(), cleo.device.close()]);
});

test("the person key begins a chain anew when it has grown long, and everybody follows", async () => {
  const ben = await befriend("Ben");
  await change(22);
  const long = await listOf(ana);
  expect([long.gen, lengthOf(long)]).toEqual([1, 24]);
  await phone.syncNow();
  await change(1);
  const anew = await listOf(ana);
  expect([anew.gen, anew.epoch, lengthOf(anew), anew.signer]).toEqual([2, 1, 1, anew.person]);
  await change(1);
  await phone.syncNow();
  expect(phone.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  const after = await listOf(ana);
  expect([after.gen, after.epoch, lengthOf(after)]).toEqual([2, 2, 2]);
  ben.device.ahead = 24 * 3600_000;
  await ben.kith.refresh();
  expect((await listOf(ben.device, cardPath(ben.cid))).text).toBe(after.text);
  await ben.device.close();
});

test("without the person key a chain goes on to its bound; keys are still renewed then, and friends are still made", async () => {
  await ana.store?.apply([{ unset: recoverySetting }]);
  await change(30);
  const list = await listOf(ana);
  expect([list.gen, lengthOf(list)]).toEqual([1, 32]);
  await expect(change(1)).rejects.toMatchObject({ code: "keys-refused" });
  const ben = await befriend("Ben");
  expect((await listOf(ben.device, cardPath(ben.cid))).text).toBe(list.text);
  ana.ahead = 8 * 24 * 3600_000;
  const before = text((await ana.store?.bytes("/profile/keys")) ?? new Uint8Array(0));
  await phone.syncNow();
  expect(text((await ana.store?.bytes("/profile/keys")) ?? new Uint8Array(0))).not.toBe(before);
  expect((await listOf(ana)).text).toBe(list.text);
  expect(phone.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  await ben.device.close();
});
