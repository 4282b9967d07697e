/** Agreement keys are others every week: who comes back after longer asks by a key that friends have not heard of. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { Relay } from "./relay.ts";
import { Device, until } from "./world.ts";

let relay: Relay;
const [ana, ben] = [new Device("Ana's phone"), new Device("Ben's phone")];

beforeAll(async () => {
  relay = await Relay.open();
  for (const [device, name] of [[ana, "Ana"], [ben, "Ben"]] as const) {
    const kith = await device.kith();
    await kith.start(name);
    await (await kith.relays()).add(relay.url);
  }
});
afterAll(async () => {
  await Promise.all([ana.close(), ben.close()]);
  await relay.close();
});

test("after ten days a question that was declined for its key is asked again once the key is known", async () => {
  const [hers, his] = [await ana.kith(), await ben.kith()];
  const { link } = await hers.createInvite();
  const toAna = await his.acceptInvite(link);
  ana.wake();
  ben.wake();
  await hers.post({ text: "before", pictures: [], audience: { kind: "all" } });
  await until(async () => (await his.refresh(toAna), (await his.feed({ limit: 1 })).posts[0]?.text === "before"), "it is read");
  await Promise.all([ana.close(), ben.close()]);
  for (const device of [ana, ben]) device.ahead += 10 * 24 * 3600_000;
  await (await ana.kith()).post({ text: "ten days later", pictures: [], audience: { kind: "all" } });
  const back = await ben.kith();
  await until(async () => (await back.refresh(toAna), (await back.feed({ limit: 1 })).posts[0]?.text === "ten days later"), "the new one is read");
  expect(back.friends()[0]?.error).toBeUndefined();
});
