/** A person without a pod and several devices: each follows each by the person's relay. The relay is the real one; stores, keys and networks are those of the app. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Compose, Kith, PostRef } from "../../src/core/kith.ts";
import { Host } from "./host.ts";
import { Relay } from "./relay.ts";
import { Device, meet, picture, until } from "./world.ts";

let relay: Relay;
const devices: Device[] = [];
let [first, second] = [new Device("phone"), new Device("laptop")];
let [phone, laptop]: [Kith, Kith] = [undefined as never, undefined as never];

afterEach(async () => {
  await Promise.all(devices.splice(0).map((device) => device.close()));
  await relay.close();
});

async function device(name: string): Promise<readonly [Device, Kith]> {
  const made = new Device(name);
  devices.push(made);
  return [made, await made.kith()];
}

const say = (text: string): Compose => ({ text, pictures: [], audience: { kind: "me" } });
const texts = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 100 })).posts.map(({ text }) => text);
const refOf = async (kith: Kith, text: string): Promise<PostRef> => (await kith.feed({ limit: 100 })).posts.find((post) => post.text === text)?.ref as PostRef;
const selfOf = (kith: Kith): string => kith.devices().find(({ self }) => self)?.kid ?? "";

beforeEach(async () => {
  // A relay lets one address make sixteen queues at a time.
  relay = await Relay.open();
  [[first, phone], [second, laptop]] = [await device("phone"), await device("laptop")];
  await phone.start("Ana");
  await (await phone.relays()).add(relay.url);
});

/** friend starts somebody who is reached by the same relay, and befriends them. */
async function friend(name: string): Promise<readonly [Device, Kith]> {
  const [theirs, kith] = await device(`${name}'s phone`);
  await kith.start(name);
  await (await kith.relays()).add(relay.url);
  await kith.acceptInvite((await phone.createInvite()).link);
  return [theirs, kith];
}

const link = async (kith: Kith, name: string): Promise<void> => kith.joinDevice((await phone.linkDevice()).link, name);

describe("a second device, without a pod", () => {
  test("joins by a link, has everything, and what either does the other shows", async () => {
    const photo = picture("A dog", 700_000);
    await phone.post({ text: "from the phone", pictures: [photo], audience: { kind: "me" } });
    await phone.addCircle("Family", []);
    await link(laptop, "laptop");
    expect(laptop.me()).toMatchObject({ name: "Ana", label: phone.me()?.label });
    await meet(laptop, phone);
    expect(laptop.devices()).toMatchObject([{ name: "phone", self: false, admin: true }, { name: "laptop", self: true, admin: true }]);
    expect(laptop.circles()).toMatchObject([{ name: "Family" }]);
    const [post] = (await laptop.feed({ limit: 5 })).posts;
    expect(post).toMatchObject({ text: "from the phone", state: "awake", pictures: [{ thumbHere: true }] });
    expect(Buffer.from((await laptop.picture(post?.ref as PostRef, 0, "full")).bytes).equals(photo.full)).toBe(true);
    await laptop.post(say("from the laptop"));
    await phone.syncNow();
    expect(await texts(phone)).toEqual(["from the laptop", "from the phone"]);
    await phone.remove(await refOf(phone, "from the laptop"));
    await laptop.syncNow();
    expect(await texts(laptop)).toEqual(["from the phone"]);
    expect(laptop.pod()).toMatchObject({ kind: "none", waiting: 0 });
    expect(laptop.outbox()).toEqual([]);
  });
});

describe("a link of a person without a pod", () => {
  test("lets in who holds its secret, once, while it lasts", async () => {
    const { link: made } = await phone.linkDevice();
    const [base = "", written = ""] = made.split("#device=");
    const said = JSON.parse(Buffer.from(written, "base64url").toString()) as Record<string, unknown>;
    const wrong = `${base}#device=${Buffer.from(JSON.stringify({ ...said, secret: "A".repeat(22) })).toString("base64url")}`;
    await expect(laptop.joinDevice(wrong, "laptop")).rejects.toMatchObject({ code: "link-used" });
    expect(phone.devices()).toHaveLength(1);
    await laptop.joinDevice(made, "laptop");
    const [, third] = await device("tablet");
    await expect(third.joinDevice(made, "tablet")).rejects.toMatchObject({ code: "link-used" });
    const late = await phone.linkDevice();
    first.ahead = 16 * 60_000;
    await expect(third.joinDevice(late.link, "tablet")).rejects.toMatchObject({ code: "link-used" });
    expect(phone.devices().map(({ name }) => name)).toEqual(["phone", "laptop"]);
  });

  test("leads nowhere while the device that made it is closed", async () => {
    const { link: made } = await phone.linkDevice();
    await first.close();
    second.hold = 1;
    await expect(laptop.joinDevice(made, "laptop")).rejects.toMatchObject({ code: "waiting" });
    expect(laptop.me()).toBeUndefined();
    await (await first.kith()).syncNow();
    second.hold = 25;
    phone = await first.kith();
    await until(async () => laptop.joinDevice(made, "laptop").then(() => true, () => false), "the link works once it is open again");
    expect(phone.devices()).toHaveLength(2);
  });
});

describe("two devices without a pod", () => {
  beforeEach(async () => {
    await phone.post(say("common"));
    await link(laptop, "laptop");
    await meet(laptop, phone);
  });
  const common = (kith: Kith): Promise<PostRef> => refOf(kith, "common");

  test.each([["the phone", true], ["the laptop", false]])("that edit one post apart come to the same text, and the other text is kept, when %s asks first", async (_name, phoneFirst) => {
    await phone.edit(await common(phone), "edited on the phone");
    await laptop.edit(await common(laptop), "edited on the laptop");
    await (phoneFirst ? meet(phone, laptop) : meet(laptop, phone));
    const [mine, theirs] = [await texts(phone), await texts(laptop)];
    expect(mine).toEqual(theirs);
    const lost = mine[0] === "edited on the phone" ? "edited on the laptop" : "edited on the phone";
    expect([...phone.drafts(), ...laptop.drafts()]).toMatchObject([{ reason: "lost", text: lost }]);
  });

  test("of which one edits what it knows the other's edit of: no draft is left", async () => {
    await laptop.edit(await common(laptop), "edited once");
    await meet(phone, laptop);
    await phone.edit(await refOf(phone, "edited once"), "edited twice");
    await meet(laptop, phone);
    expect([await texts(phone), await texts(laptop)]).toEqual([["edited twice"], ["edited twice"]]);
    expect([...phone.drafts(), ...laptop.drafts()]).toEqual([]);
  });

  test.each([["the one that deletes", true], ["the one that edits", false]])("of which one edits and one deletes: it is deleted, and the edit is kept once, when %s asks first", async (_name, deleterFirst) => {
    const ref = await common(phone);
    await laptop.edit(await common(laptop), "edited once");
    await laptop.edit(await refOf(laptop, "edited once"), "edited twice");
    await phone.remove(ref);
    await (deleterFirst ? meet(phone, laptop) : meet(laptop, phone));
    expect([await texts(phone), await texts(laptop)]).toEqual([[], []]);
    expect([...phone.drafts(), ...laptop.drafts()]).toMatchObject([{ reason: "lost", text: "edited twice" }]);
  });

  test("that change one audience apart come to the narrower", async () => {
    await friend("Ben");
    await meet(laptop, phone);
    const ref = await common(phone);
    await phone.setAudience(ref, { kind: "all" });
    await meet(laptop, phone);
    expect((await laptop.readPost(ref))?.audience).toMatchObject({ kind: "all", people: [{ name: "Ben" }] });
    const circle = await phone.addCircle("Nobody", []);
    await laptop.setAudience(ref, { kind: "me" });
    for (const audience of [{ kind: "some", circles: [circle], friends: [] }, { kind: "all" }] as const) await phone.setAudience(ref, audience);
    await meet(phone, laptop);
    for (const kith of [phone, laptop]) expect((await kith.readPost(ref))?.audience).toEqual({ kind: "me", people: [] });
  });

  test("ask before they delete more than ten things that the other deleted", async () => {
    for (let n = 0; n < 12; n++) await phone.post(say(`post ${n}`));
    await meet(laptop, phone);
    expect(await texts(laptop)).toHaveLength(13);
    for (let n = 0; n < 12; n++) await phone.remove(await refOf(phone, `post ${n}`));
    await laptop.syncNow();
    expect(laptop.pod()).toMatchObject({ kind: "none", askDeletions: 12 });
    expect(await texts(laptop)).toHaveLength(13);
    await laptop.confirmDeletions(false);
    await meet(phone, laptop);
    expect([(await texts(phone)).length, (await texts(laptop)).length]).toEqual([13, 13]);
  });

  test("post and delete by themselves while both are open, and after either was opened again", async () => {
    for (const each of [first, second]) each.wake();
    await phone.post(say("live from the phone"));
    await laptop.post(say("live from the laptop"));
    const all = ["common", "live from the laptop", "live from the phone"];
    const same = async (): Promise<boolean> => [await texts(phone), await texts(laptop)].every((each) => JSON.stringify([...each].sort()) === JSON.stringify(all));
    await until(same, "both show all three");
    await second.close();
    await phone.remove(await common(phone));
    laptop = await second.kith();
    await until(async () => !(await texts(laptop)).includes("common"), "the deletion comes when the laptop is open again");
    expect([...(await texts(laptop))].sort()).toEqual(["live from the laptop", "live from the phone"]);
  });

  test("answer a friend, whichever is open", async () => {
    const [bens, ben] = await friend("Ben");
    await meet(laptop, phone);
    await until(async () => (await meet(phone, ben), phone.devices().length === 2 && ben.friends().length === 1), "Ben heard");
    const audience = { kind: "all" } as const;
    await phone.post({ text: "for Ben, by the phone", pictures: [], audience });
    await meet(laptop, phone);
    await first.close();
    await until(async () => (await ben.syncNow(), (await texts(ben)).includes("for Ben, by the phone")), "the laptop answers");
    await laptop.post({ text: "for Ben, by the laptop", pictures: [], audience });
    await until(async () => (await ben.syncNow(), (await texts(ben)).includes("for Ben, by the laptop")), "the laptop answers again");
    phone = await first.kith();
    await until(async () => (await meet(phone, laptop), (await texts(phone)).includes("for Ben, by the laptop")), "the phone has it");
    await second.close();
    await phone.remove(await refOf(phone, "for Ben, by the laptop"));
    await until(async () => (await ben.syncNow(), !(await texts(ben)).includes("for Ben, by the laptop")), "the phone says what is gone");
    expect(bens.requests.some((each) => each.includes("/s/"))).toBe(true);
  });
});

describe("a device that is removed, without a pod", () => {
  test("hears of it, answers nobody, and is refused by the others and by friends", async () => {
    const [third, tablet] = await device("tablet");
    for (const each of [first, second, third]) each.hold = 2;
    const audience = { kind: "all" } as const;
    const [, ben] = await friend("Ben");
    await link(laptop, "laptop");
    await link(tablet, "tablet");
    await meet(laptop, tablet, phone);
    expect(laptop.devices().map(({ name }) => name)).toEqual(["phone", "laptop", "tablet"]);
    await until(async () => (await meet(phone, ben), ben.friends()[0]?.reachable === true), "Ben heard");
    const kid = selfOf(laptop);
    // It is closed while another is told to shut it out.
    await second.close();
    await tablet.removeDevice(kid);
    await until(async () => (await meet(phone, tablet), phone.devices().length === 2), "the phone hears");
    await phone.post({ text: "after it was lost", pictures: [], audience });
    await until(async () => (await meet(phone, tablet), (await texts(tablet)).includes("after it was lost")), "the two that are left go on, under another secret");

    laptop = await second.kith();
    await until(async () => laptop.devices().every(({ self }) => !self), "it hears that it was removed");
    expect(laptop.me()).toMatchObject({ removed: true });
    expect((await laptop.relays()).list()).toEqual([]);
    await laptop.post({ text: "from the lost laptop", pictures: [], audience });
    for (const kith of [laptop, phone, tablet, laptop]) await kith.syncNow();
    await until(async () => (await ben.syncNow(), (await texts(ben)).includes("after it was lost")), "Ben reads the others");
    for (const kith of [phone, tablet, ben]) expect(await texts(kith)).not.toContain("from the lost laptop");
    expect(await texts(laptop)).not.toContain("after it was lost");
  });

  test("that does not want to hear gets no answer", async () => {
    for (const each of [first, second]) each.hold = 2;
    const [, ben] = await friend("Ben");
    await link(laptop, "laptop");
    await meet(laptop, phone);
    await until(async () => (await meet(phone, ben), ben.friends()[0]?.reachable === true), "Ben heard");
    // Its relay is out of its reach, so it is told nothing; and it asks as it always did.
    second.network = false;
    const kid = selfOf(laptop);
    await phone.removeDevice(kid);
    await until(async () => (await phone.syncNow(), !phone.devices().some((each) => each.kid === kid)), "it is off the list");
    await phone.post({ text: "only for friends", pictures: [], audience: { kind: "all" } });
    await until(async () => (await meet(phone, ben), (await texts(ben)).includes("only for friends")), "Ben heard of it");
    second.hold = 1;
    second.network = true;
    second.answer = (_method, url) => (url.includes("/q/") ? new Response(null, { status: 503 }) : undefined);
    await laptop.syncNow();
    await laptop.refresh();
    expect(await texts(laptop)).not.toContain("only for friends");
    expect(phone.devices().map(({ name }) => name)).toEqual(["phone"]);
  });
});

test("a person who gets a pod later: all devices that were linked without it take it up", async () => {
  const host = await Host.open();
  for (const each of [first, second]) each.hold = 2;
  try {
    await phone.post(say("before the pod"));
    await link(laptop, "laptop");
    await meet(laptop, phone);
    await laptop.post(say("by the laptop"));
    await phone.connectPod((await host.person("later")).pair);
    first.wake();
    // What it looks after once a minute.
    await until(async () => (first.pass(60_000), await meet(phone, laptop), laptop.pod().kind === "connected"), "the laptop takes the pod up");
    await laptop.post(say("after the pod"));
    await meet(laptop, phone, laptop);
    for (const kith of [phone, laptop]) {
      expect([...(await texts(kith))].sort()).toEqual(["after the pod", "before the pod", "by the laptop"]);
      expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    }
    await laptop.remove(await refOf(laptop, "before the pod"));
    await meet(laptop, phone);
    expect([...(await texts(phone))].sort()).toEqual(["after the pod", "by the laptop"]);
    expect((await (await laptop.relays()).list()).map(({ url }) => url)).toEqual([relay.url]);
  } finally {
    await host.close();
  }
});
