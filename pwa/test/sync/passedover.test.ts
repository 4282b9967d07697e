/** A question that is passed over, while the one who is asked is awake. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Post, PostRef } from "../../src/core/kith.ts";
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

test("a question that got lost is asked again as soon as its answerer has answered another", async () => {
  const [hers, his] = [await ana.kith(), await ben.kith()];
  const { link } = await hers.createInvite();
  const toAna = await his.acceptInvite(link);
  ana.wake();
  ben.wake();
  await hers.post({ text: "before", pictures: [], audience: { kind: "all" } });
  const newest = async (): Promise<Post | undefined> => (await his.refresh(toAna), (await his.feed({ limit: 1 })).posts[0]);
  await until(async () => (await newest())?.text === "before", "it is read");
  // The relay says that it keeps the next message, and does not: as well its reader may decline it, by a key that it has not heard of.
  let lost = 0;
  ben.answer = (method, url) => (method === "POST" && url.includes("/s/") && lost++ === 0 ? Response.json({ cancel: "c".repeat(32) }, { status: 202 }) : undefined);
  await until(async () => (await newest(), lost > 0), "a question is lost");
  expect(his.friends()[0]?.error?.code).toBe("waiting");
  await hers.post({ text: "after", pictures: [], audience: { kind: "all" } });
  ben.ahead += 6_000;
  await (await his.talk()).like((await his.feed({ limit: 1 })).posts[0]?.ref as PostRef, true);
  await until(() => his.outbox().length === 0, "something else is answered");
  await until(async () => (await newest())?.text === "after", "the new one is read");
  expect(his.friends()[0]?.error).toBeUndefined();
});
