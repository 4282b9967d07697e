/** What friends say to each other where neither has a pod: their phones take it from relays, when they are awake. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { ContactId, Kith, Reply } from "../../src/core/kith.ts";
import { letters } from "../../src/core/pod/letters.ts";
import { Relay } from "./relay.ts";
import { Device, until } from "./world.ts";

let relays: readonly Relay[] = [];
let devices: readonly Device[] = [];
let [ana, ben]: [Device, Device] = [undefined as never, undefined as never];
let toAna: ContactId;

beforeAll(async () => {
  relays = [await Relay.open(), await Relay.open()];
  devices = [ana, ben] = [new Device("Ana's phone"), new Device("Ben's phone")];
  for (const [n, device] of devices.entries()) {
    const kith = await device.kith();
    await kith.start(["Ana", "Ben"][n] ?? "");
    await (await kith.relays()).add(relays[n]?.url ?? "");
  }
  const { link } = await (await ana.kith()).createInvite();
  toAna = await (await ben.kith()).acceptInvite(link);
  for (const device of devices) device.wake();
});
afterAll(async () => {
  for (const device of devices) await device.close();
  for (const relay of relays) await relay.close();
});

const replies = async (kith: Kith, text: string): Promise<readonly Reply[]> => {
  const post = (await kith.feed({ limit: 50 })).posts.find((each) => each.text === text);
  return post === undefined ? [] : (await (await kith.talk()).of(post.ref)).replies;
};

test("a comment waits at a relay for its owner, who shows it when they wake up; then its author sees that", async () => {
  const [hers, his] = [await ana.kith(), await ben.kith()];
  await hers.post({ text: "a quiet post", pictures: [], audience: { kind: "all" } });
  await his.refresh(toAna);
  const [post] = (await his.feed({ limit: 1 })).posts;
  await ana.close();
  await (await his.talk()).comment(post?.ref as never, "for when you wake");
  await until(() => his.outbox()[0]?.error?.code === "waiting", "the relay has it");
  const awake = await ana.kith();
  await until(async () => (await replies(awake, "a quiet post")).length === 1, "the owner has it");
  expect(await replies(awake, "a quiet post")).toMatchObject([{ name: "Ben", text: "for when you wake", mine: false, state: "shown" }]);
  await until(() => his.outbox().length === 0, "the author hears that it is there");
  await his.refresh(toAna);
  await until(async () => (await replies(his, "a quiet post"))[0]?.state === "shown", "the author sees it");
  expect([...(ana.store?.rows("/social/in/") ?? [])].filter(({ path }) => !path.endsWith(".acl"))).toEqual([]);
});

test("a deletion is heard of, and the receipt comes back", async () => {
  const [hers, his] = [await ana.kith(), await ben.kith()];
  const ref = await hers.post({ text: "not for long", pictures: [], audience: { kind: "all" } });
  await his.refresh(toAna);
  await until(async () => (await his.feed({ limit: 1 })).posts[0]?.text === "not for long", "it is read");
  await hers.remove(ref);
  await until(async () => {
    await his.refresh(toAna);
    return (await his.feed({ limit: 1 })).posts[0]?.text !== "not for long";
  }, "it is gone");
  await until(async () => (await (await hers.talk()).deleted())[0]?.friends[0]?.gone === 1, "the receipt is there");
  await until(() => letters(ben.store as never).every(({ what }) => what !== "receipt"), "it has gone out");
});

test("that one may no longer see a post is heard of too, and the receipt comes back", async () => {
  const [hers, his] = [await ana.kith(), await ben.kith()];
  const ref = await hers.post({ text: "not for all", pictures: [], audience: { kind: "all" } });
  await his.refresh(toAna);
  await until(async () => (await his.feed({ limit: 1 })).posts[0]?.text === "not for all", "it is read");
  await hers.setAudience(ref, { kind: "me" });
  await until(async () => {
    await his.refresh(toAna);
    return (await his.feed({ limit: 1 })).posts[0]?.text !== "not for all";
  }, "it is gone");
  await until(async () => (await (await hers.talk()).deleted()).some(({ narrowed, friends }) => narrowed && friends[0]?.gone === 1), "the receipt is there");
  expect((await hers.readPost(ref))?.text).toBe("not for all");
});
