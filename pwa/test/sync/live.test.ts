import { afterAll, beforeAll, expect, test } from "vitest";
import type { Compose } from "../../src/core/kith.ts";
import { Host } from "./host.ts";
import { Device, until } from "./world.ts";

let host: Host;
beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());

const say = (text: string): Compose => ({ text, pictures: [], audience: { kind: "me" } });

test("an open app brings acts to the pod by itself, lets another device in, and hears of its acts while it waits", async () => {
  const [first, second] = [new Device("phone"), new Device("laptop")];
  const [phone, laptop] = [await first.kith(), await second.kith()];
  await phone.start("Ana");
  first.wake();
  await phone.connectPod((await host.person("live")).pair);
  await phone.post(say("one"));
  await until(() => phone.pod().kind === "connected" && phone.pod().waiting === 0, "the post arrives");
  const { link } = await phone.linkDevice();
  await laptop.joinDevice(link, "laptop");
  second.wake();
  await until(async () => (await laptop.feed({ limit: 5 })).posts.length === 1, "the laptop has the post");
  await laptop.post(say("two"));
  await until(async () => (await phone.feed({ limit: 5 })).posts.length === 2, "the phone hears of the laptop's post");
  await Promise.all([first.close(), second.close()]);
  await expect(phone.post(say("three"))).rejects.toMatchObject({ code: "storage-unavailable" });
});

test("an open app tries again after a failure, and at once when the network is back", async () => {
  const device = new Device("phone");
  const kith = await device.kith();
  await kith.start("Ana");
  device.wake();
  await kith.connectPod((await host.person("again")).pair);
  await until(() => kith.pod().kind === "connected", "connect");
  device.network = false;
  await kith.post(say("waits"));
  await until(() => kith.pod().kind === "unreachable", "notice that the pod is away");
  device.network = true;
  device.wake();
  await until(() => kith.pod().kind === "connected" && kith.pod().waiting === 0, "arrive");
  await device.close();
});
