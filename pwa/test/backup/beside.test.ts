/** A person without a pod who comes back from a backup beside the device that made it: both are the person's devices then, and a third that is left out hears of it. */

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { BackupCourse, Kith } from "../../src/core/kith.ts";
import { Relay } from "../sync/relay.ts";
import { Device, until } from "../sync/world.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let relay: Relay;
const devices = [new Device("phone"), new Device("laptop"), new Device("new")];
beforeAll(async () => {
  relay = await Relay.open();
});
afterAll(async () => {
  await Promise.all(devices.map((each) => each.close()));
  await relay.close();
});

const quiet: BackupCourse = { signal: new AbortController().signal, progress: () => undefined };
const texts = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 50 })).posts.map(({ text }) => text);

test("two devices that disagree end it by the kit: the one that made the backup goes on with the new one, the other hears that it is out", async () => {
  for (const each of devices) each.hold = 2;
  const [phone, laptop, anew] = await Promise.all(devices.map((each) => each.kith())) as [Kith, Kith, Kith];
  await phone.start("Ana");
  await (await phone.relays()).add(relay.url);
  await laptop.joinDevice((await phone.linkDevice()).link, "laptop");
  for (const kith of [laptop, phone, laptop]) await kith.syncNow();
  for (const each of devices) each.network = false;
  for (const kith of [phone, laptop]) await kith.removeDevice(kith.devices().find(({ self }) => !self)?.kid ?? "");
  for (const each of devices) each.network = true;
  for (const kith of [phone, laptop]) await kith.syncNow();
  await until(() => phone.me()?.parted !== undefined && laptop.me()?.parted !== undefined, "both are told");
  const backups = await phone.backups();
  const code = await backups.makeKit();
  await backups.putAway();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await backups.write(async (bytes) => void parts.push(bytes), quiet);
  await anew.restore(new Blob(parts), code, { shutOut: false }, quiet);
  for (const each of devices) each.wake();
  await until(async () => (await phone.syncNow(), phone.devices().length === 2), "the phone hears");
  expect(phone.me()).not.toHaveProperty("parted");
  await anew.post({ text: "by the new one", pictures: [], audience: { kind: "me" } });
  await phone.post({ text: "by the phone", pictures: [], audience: { kind: "me" } });
  await until(async () => [await texts(anew), await texts(phone)].every((each) => [...each].sort().join() === "by the new one,by the phone"), "both have both");
  await until(() => laptop.me()?.removed === true, "the laptop hears that it is out");
  expect(laptop.me()).not.toHaveProperty("parted");
  expect(phone.devices().map(({ name }) => name).sort()).toEqual(["new", "phone"]);
});
