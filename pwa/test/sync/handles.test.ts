/** A pod whose index was lost knows its files under new handles and no versions; what two devices do then still means the same to both. */

import { rm } from "node:fs/promises";
import { join as below } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Kith, PostRef } from "../../src/core/kith.ts";
import { Host, type Person } from "./host.ts";
import { Device, picture, until } from "./world.ts";

let host: Host;
let person: Person;
let [first, second] = [new Device("phone"), new Device("laptop")];
let [phone, laptop]: [Kith, Kith] = [undefined as never, undefined as never];
let ref: PostRef;
let count = 0;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
afterEach(async () => {
  await first.close();
  await second.close();
});

const texts = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 100 })).posts.map(({ text }) => text);

/** meet lets both exchange until neither has anything for the other. */
async function meet(): Promise<void> {
  for (const kith of [phone, laptop, phone, laptop]) await kith.syncNow();
}

async function loseIndex(): Promise<void> {
  await host.stop();
  await rm(below(host.folder, "index", person.name), { recursive: true });
  await host.start();
}

/** Two devices have two posts, one with a picture, and a circle. */
beforeEach(async () => {
  [first, second] = [new Device("phone"), new Device("laptop")];
  [phone, laptop] = [await first.kith(), await second.kith()];
  await phone.start("Ana");
  person = await host.person(`handles${count++}`);
  await phone.connectPod(person.pair);
  ref = await phone.post({ text: "deleted", pictures: [picture("A dog")], audience: { kind: "me" } });
  await phone.post({ text: "stays", pictures: [], audience: { kind: "me" } });
  await phone.addCircle("Family", []);
  await phone.syncNow();
  const { link } = await phone.linkDevice();
  const joined = laptop.joinDevice(link, "laptop");
  await until(async () => {
    await phone.syncNow();
    return phone.devices().length > 2;
  }, "let the device in");
  await joined;
  await meet();
});

async function wantStays(): Promise<void> {
  expect([await texts(phone), await texts(laptop)]).toEqual([["stays"], ["stays"]]);
  expect([...(second.store?.rows(`/social/posts/${ref.slice(3)}/`) ?? [])]).toEqual([]);
  expect([phone.pod(), laptop.pod()]).toMatchObject([{ kind: "connected", waiting: 0 }, { kind: "connected", waiting: 0 }]);
}

test("when both have heard of it and one deletes a post, the other drops it", async () => {
  await loseIndex();
  await meet();
  await phone.remove(ref);
  await meet();
  await wantStays();
});

test("when one deletes a post before the other hears of it, the other drops it and does not bring it back", async () => {
  await loseIndex();
  await phone.syncNow();
  await phone.remove(ref);
  await phone.syncNow();
  await laptop.syncNow();
  expect(await texts(laptop)).toEqual(["stays"]);
  expect(second.requests.filter((each) => each.startsWith("PUT") && each.includes(ref.slice(3)))).toEqual([]);
  await meet();
  await wantStays();
});

test("when one deletes a circle while the index is lost, it is deleted", async () => {
  const [circle] = laptop.circles();
  await laptop.removeCircle(circle?.id as never);
  await loseIndex();
  await laptop.syncNow();
  expect(laptop.circles()).toEqual([]);
  await meet();
  expect([phone.circles(), laptop.circles()]).toEqual([[], []]);
});

test("an edit made before it wins at the other too, and nothing is lost", async () => {
  await laptop.edit(ref, "edited");
  await loseIndex();
  await meet();
  expect([await texts(phone), await texts(laptop)]).toEqual([["stays", "edited"], ["stays", "edited"]]);
  expect([phone.drafts(), laptop.drafts()]).toEqual([[], []]);
  await phone.remove(ref);
  await meet();
  await wantStays();
});
