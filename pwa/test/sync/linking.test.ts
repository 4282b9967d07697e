/** How further devices come in and are kept where there is no pod, and how often those that are in ask each other. The relay is the real one. */

import { afterEach, beforeEach, expect, test } from "vitest";
import type { Kith } from "../../src/core/kith.ts";
import { Relay } from "./relay.ts";
import { Device, meet, until } from "./world.ts";

let relay: Relay;
let phone: Kith;
const devices: Device[] = [];

beforeEach(async () => {
  relay = await Relay.open();
  phone = await device("phone");
  await phone.start("Ana");
  await (await phone.relays()).add(relay.url);
});
afterEach(async () => {
  await Promise.all(devices.splice(0).map((each) => each.close()));
  await relay.close();
});

async function device(name: string): Promise<Kith> {
  const made = new Device(name);
  devices.push(made);
  return made.kith();
}

const names = (kith: Kith): readonly string[] => kith.devices().map(({ name }) => name).sort();

async function linked(name: string, by: Kith = phone): Promise<Kith> {
  const kith = await device(name);
  await kith.joinDevice((await by.linkDevice()).link, name);
  return kith;
}

test("of two devices that show one link at the same moment, one comes in", async () => {
  const [laptop, tablet] = [await device("laptop"), await device("tablet")];
  const { link } = await phone.linkDevice();
  const came = await Promise.allSettled([laptop.joinDevice(link, "laptop"), tablet.joinDevice(link, "tablet")]);
  expect(came.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(came.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "link-used" } });
  expect(phone.devices()).toHaveLength(2);
});

test("a name too long for a list is cut at a whole sign, and the device comes in", async () => {
  const laptop = await linked(`${"é".repeat(31)}🙂 of mine\n`);
  expect(names(phone)).toEqual(["phone", "é".repeat(31)]);
  await meet(laptop, phone);
  expect(names(laptop)).toEqual(names(phone));
});

test("a device more than a list names is refused in words", async () => {
  for (let n = 0; n < 15; n++) await linked(`device ${n}`);
  const late = await device("late");
  await expect(late.joinDevice((await phone.linkDevice()).link, "late")).rejects.toMatchObject({ code: "too-many-devices" });
  expect(phone.devices()).toHaveLength(16);
  expect(late.me()).toBeUndefined();
}, 120_000);

test("two devices that each let one more in while apart come to a list with all four, and all are reached", async () => {
  const laptop = await linked("laptop");
  await meet(laptop, phone);
  const [tablet, watch] = [await linked("tablet", phone), await linked("watch", laptop)];
  const all = [phone, laptop, tablet, watch];
  const everybody = ["laptop", "phone", "tablet", "watch"];
  await until(async () => (await meet(...all), all.every((kith) => names(kith).join() === everybody.join())), "all are in each list");
  await tablet.post({ text: "by the tablet", pictures: [], audience: { kind: "me" } });
  await watch.post({ text: "by the watch", pictures: [], audience: { kind: "me" } });
  await meet(...all);
  for (const kith of all) expect((await kith.feed({ limit: 10 })).posts.map(({ text }) => text).sort()).toEqual(["by the tablet", "by the watch"]);
}, 120_000);

test("who was let in here and taken out by another device stays out", async () => {
  const laptop = await linked("laptop");
  const tablet = await linked("tablet");
  await meet(laptop, tablet, phone);
  const { kid } = tablet.devices().find(({ self }) => self) ?? { kid: "" };
  await laptop.removeDevice(kid);
  await meet(phone, laptop, phone);
  for (const kith of [phone, laptop]) expect(names(kith)).toEqual(["laptop", "phone"]);
});

test("four devices among which nothing changes ask each other now and then", async () => {
  const all = [phone, await linked("laptop"), await linked("tablet"), await linked("watch")];
  await meet(...all);
  for (const each of devices) each.wake();
  const asked = (): number => devices.reduce((sum, { requests }) => sum + requests.filter((each) => /^POST .*\/s\//.test(each)).length, 0);
  // Each asks three others: first without waiting, then for news, at two of whom it waits for a quarter of a minute.
  const [began, first] = [Date.now(), asked()];
  await until(() => Date.now() - began >= 30_000, "half a minute", 40_000);
  expect(asked() - first).toBeGreaterThan(12);
  expect(asked() - first).toBeLessThan(70);
}, 120_000);
