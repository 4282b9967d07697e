/** Devices of a person without a pod that come to disagree about which devices there are: each is told, and nobody whose devices agree. The relay is the real one. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { Kith } from "../../src/core/kith.ts";
import { Relay } from "./relay.ts";
import { Device, meet, until } from "./world.ts";

let relay: Relay;
const devices: Device[] = [];
let [first, second] = [new Device("phone"), new Device("laptop")];
let [phone, laptop]: [Kith, Kith] = [undefined as never, undefined as never];

beforeEach(async () => {
  relay = await Relay.open();
  [[first, phone], [second, laptop]] = [await device("phone"), await device("laptop")];
  await phone.start("Ana");
  await (await phone.relays()).add(relay.url);
  await laptop.joinDevice((await phone.linkDevice()).link, "laptop");
  await meet(laptop, phone);
});
afterEach(async () => {
  await Promise.all(devices.splice(0).map((each) => each.close()));
  await relay.close();
});

async function device(name: string): Promise<readonly [Device, Kith]> {
  const made = new Device(name);
  devices.push(made);
  made.hold = 2;
  return [made, await made.kith()];
}

const names = (kith: Kith): readonly string[] => kith.devices().map(({ name }) => name);

/** remove takes a device off another's list, though that one is out of reach of the network: it is told once there is one again. */
async function remove(from: Kith, name: string): Promise<void> {
  await from.removeDevice(from.devices().find((each) => each.name === name)?.kid ?? "");
}

/** disagree makes the two remove each other while neither hears of it. */
async function disagree(): Promise<void> {
  for (const each of [first, second]) each.network = false;
  await remove(phone, "laptop");
  await remove(laptop, "phone");
  for (const each of [first, second]) each.network = true;
  await meet(phone, laptop);
}

test("two devices that remove each other are both told, by what name and when, and both go on", async () => {
  const began = Date.now();
  await disagree();
  await until(() => phone.me()?.parted !== undefined && laptop.me()?.parted !== undefined, "both are told");
  expect(phone.me()).toMatchObject({ parted: { name: "laptop", off: true } });
  expect(laptop.me()).toMatchObject({ parted: { name: "phone", off: true } });
  for (const kith of [phone, laptop]) {
    expect(kith.me()?.parted?.at).toBeGreaterThanOrEqual(began);
    expect(kith.me()?.removed).toBeUndefined();
  }
  expect([names(phone), names(laptop)]).toEqual([["phone"], ["laptop"]]);
  const before = phone.me()?.parted;
  await first.close();
  phone = await first.kith();
  expect(phone.me()?.parted).toEqual(before);
});

test("a device that is removed while it lets another in goes on with that one, and is told", async () => {
  const [third, tablet] = await device("tablet");
  // Of the two lists the longer one holds for who is in both; the phone is in one alone.
  second.network = false;
  first.network = false;
  await remove(laptop, "phone");
  first.network = true;
  await tablet.joinDevice((await phone.linkDevice()).link, "tablet");
  await remove(phone, "tablet");
  second.network = true;
  await laptop.syncNow();
  await until(async () => (await phone.syncNow(), phone.me()?.parted !== undefined), "the phone is told");
  expect(phone.me()).toMatchObject({ parted: { name: "laptop", off: true } });
  expect(phone.me()?.removed).toBeUndefined();
  expect(laptop.me()?.parted).toBeUndefined();
  await third.close();
});

test("who is removed and hears of it has nothing to be told, nor has who removed it, or a third", async () => {
  const [, tablet] = await device("tablet");
  await tablet.joinDevice((await phone.linkDevice()).link, "tablet");
  await meet(tablet, laptop, phone);
  await remove(tablet, "laptop");
  await until(async () => (await meet(phone, tablet, laptop), laptop.me()?.removed === true && names(phone).length === 2), "all have heard");
  for (const kith of [phone, laptop, tablet]) expect(kith.me()?.parted).toBeUndefined();
});

test("two lists that both name all come together, and nobody is told of anything", async () => {
  const [tablet, watch] = [(await device("tablet"))[1], (await device("watch"))[1]];
  await tablet.joinDevice((await phone.linkDevice()).link, "tablet");
  await watch.joinDevice((await laptop.linkDevice()).link, "watch");
  const all = [phone, laptop, tablet, watch];
  await until(async () => (await meet(...all), all.every((kith) => kith.devices().length === 4)), "all are in each list");
  for (const kith of all) expect(kith.me()?.parted).toBeUndefined();
}, 120_000);

test("a device hears that it was removed by one whose newest key it has not heard of", async () => {
  await first.close();
  // The laptop makes itself another agreement key while the phone is closed.
  second.ahead = 80 * 86_400_000;
  await laptop.syncNow();
  await remove(laptop, "phone");
  await laptop.syncNow();
  first.ahead = second.ahead;
  phone = await first.kith();
  await until(() => phone.me()?.removed === true, "the phone hears");
  expect(phone.me()?.parted).toBeUndefined();
});
