import { afterAll, describe, expect, test } from "vitest";
import { Relay } from "./relay.ts";
import type { ContactId, PostRef } from "../../src/core/kith.ts";
import { Device, picture, until } from "./world.ts";

const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
});

async function relay(queues?: "open" | "work"): Promise<Relay> {
  const made = await Relay.open(queues);
  open.push(made);
  return made;
}

async function person(name: string) {
  const device = new Device(`${name}'s phone`);
  open.push(device);
  const kith = await device.kith();
  await kith.start(name);
  return { device, kith };
}

describe("a person's relays", () => {
  test("are added by address, say how they stand, and are left and taken back", async () => {
    const [one, two] = [await relay("work"), await relay()];
    const { kith } = await person("Ana");
    const relays = await kith.relays();
    expect(relays.list()).toEqual([]);
    await relays.add(` ${one.url.slice(0, -1)} `);
    await relays.add(new URL(two.url).host);
    expect(relays.list().map(({ url }) => url)).toEqual([one.url, two.url]);
    await until(() => relays.list().every(({ state }) => state === "connected"), "both relays are connected");
    await one.kill();
    await until(() => relays.list()[0]?.state === "unreachable", "the one that is gone says so");
    expect(relays.list()[0]?.since).toBeGreaterThan(0);
    expect(relays.list()[1]?.state).toBe("connected");
    await relays.remove(two.url);
    expect(relays.list().map(({ url }) => url)).toEqual([one.url]);
    expect(relays.leaving()).toMatchObject([{ host: new URL(two.url).host }]);
    await relays.restore(two.url);
    expect(relays.list().map(({ url }) => url)).toEqual([one.url, two.url]);
    expect(relays.leaving()).toEqual([]);
    await one.start();
    await until(() => relays.list()[0]?.state === "connected", "the one that came back says so");
  });

  test("that are none, or do not answer, are refused with what is wrong", async () => {
    const gone = await relay();
    await gone.close();
    const { kith } = await person("Ana");
    const relays = await kith.relays();
    await expect(relays.add("not an address")).rejects.toMatchObject({ code: "no-relay" });
    await expect(relays.add(gone.url)).rejects.toMatchObject({ code: "relay-unreachable" });
    await expect(kith.createInvite()).rejects.toMatchObject({ code: "no-reach" });
  });
});

/** reached is a person without a pod, who is reached by these relays. */
async function reached(name: string, ...relays: readonly Relay[]) {
  const one = await person(name);
  const own = await one.kith.relays();
  for (const { url } of relays) await own.add(url);
  return one;
}

type One = Awaited<ReturnType<typeof reached>>;

async function befriend(inviter: One, accepter: One): Promise<readonly [ContactId, ContactId]> {
  const { link } = await inviter.kith.createInvite();
  const theirs = await accepter.kith.acceptInvite(link);
  const ours = inviter.kith.friends().find(({ name }) => name === accepter.kith.me()?.name)?.cid;
  if (ours === undefined) throw new Error("befriend: the inviter does not know");
  return [ours, theirs];
}

const texts = async ({ kith }: One): Promise<readonly string[]> => (await kith.feed({ limit: 50 })).posts.map(({ text }) => text);

describe("two people without pods", () => {
  test("become friends over their relays, and read each other", async () => {
    const [ana, ben] = [await reached("Ana", await relay()), await reached("Ben", await relay())];
    const invite = await ana.kith.createInvite();
    expect(invite.link.length).toBeLessThanOrEqual(400);
    expect(await ben.kith.previewInvite(invite.link)).toMatchObject({ name: "Ana", relayed: true });
    const toAna = await ben.kith.acceptInvite(invite.link);
    expect(ana.kith.invites()).toMatchObject([{ id: invite.id, state: "used" }]);
    expect(ana.kith.friends()).toMatchObject([{ name: "Ben", reachable: true }]);
    const [toBen] = ana.kith.friends().map(({ cid }) => cid);
    await ana.kith.post({ text: "over the relay", pictures: [picture("a hill", 900_000)], audience: { kind: "all" } });
    await ana.kith.post({ text: "not for Ben", pictures: [], audience: { kind: "me" } });
    expect((await ana.kith.feed({ limit: 1 })).posts[0]?.state).toBe("awake");
    await ben.kith.refresh(toAna);
    expect(await texts(ben)).toEqual(["over the relay"]);
    const [post] = (await ben.kith.feed({ limit: 1 })).posts;
    const [there, here] = [await ana.kith.feed({ limit: 5, search: "relay" }), await ben.kith.picture(post?.ref as PostRef, 0, "full")];
    expect(here.bytes).toEqual((await ana.kith.picture(there.posts[0]?.ref as PostRef, 0, "full")).bytes);
    await ben.kith.post({ text: "and back", pictures: [], audience: { kind: "all" } });
    await ana.kith.refresh(toBen);
    expect(await texts(ana)).toContain("and back");
    expect(await ben.kith.words(toAna)).toEqual(await ana.kith.words(toBen as ContactId));
  });
});

describe("a friend who sleeps", () => {
  test("is waited for, over restarts, and answers once awake without being asked again", async () => {
    const [ana, ben] = [await reached("Ana", await relay()), await reached("Ben", await relay())];
    ben.device.hold = 1;
    const [, toAna] = await befriend(ana, ben);
    await ana.kith.post({ text: "before I slept", pictures: [picture("a lamp")], audience: { kind: "all" } });
    await ana.device.close();
    await ben.kith.refresh(toAna);
    expect(ben.kith.friends()[0]?.error?.code).toBe("waiting");
    expect(ben.kith.waiting()).toMatchObject([{ friend: toAna, what: "news" }, { friend: toAna, what: "news" }]);
    const requests = ben.device.requests.length;
    await ben.kith.refresh(toAna);
    expect(ben.device.requests.slice(requests).filter((each) => each.includes("/s/"))).toEqual([]);
    await ben.device.close();
    const again = { ...ben, kith: await ben.device.kith() };
    expect(again.kith.waiting()).toHaveLength(2);
    await ana.device.kith();
    await until(async () => (await texts(again)).includes("before I slept"), "Ben reads what was posted");
    expect(again.kith.waiting()).toEqual([]);
    await until(() => again.kith.friends()[0]?.error === undefined, "nothing is wrong any more");
  });

  test("becomes a friend when they wake up, and the other need do nothing", async () => {
    const [ana, ben] = [await reached("Ana", await relay()), await reached("Ben", await relay())];
    ben.device.hold = 1;
    const { link } = await ana.kith.createInvite();
    await ana.device.close();
    await expect(ben.kith.acceptInvite(link)).rejects.toMatchObject({ code: "waiting" });
    expect(ben.kith.waiting()).toMatchObject([{ what: "invite", name: "Ana" }]);
    await ben.device.close();
    const later = await ben.device.kith();
    const awake = await ana.device.kith();
    await until(() => later.friends().some(({ name }) => name === "Ana"), "Ben has the friend");
    expect(awake.friends()).toMatchObject([{ name: "Ben", isNew: true }]);
    expect(later.waiting()).toEqual([]);
  });

  test("is not waited for by somebody whom no answer could reach", async () => {
    const [ana, ben] = [await reached("Ana", await relay()), await person("Ben")];
    ben.device.hold = 1;
    const { link } = await ana.kith.createInvite();
    await ana.device.close();
    await expect(ben.kith.acceptInvite(link)).rejects.toMatchObject({ code: "no-reach" });
    expect(ben.kith.waiting()).toEqual([]);
    await ana.device.kith();
    await until(() => ben.kith.acceptInvite(link).then(() => true, () => false), "Ben is a friend once Ana is awake");
    await ana.device.close();
    await ben.kith.refresh(ben.kith.friends()[0]?.cid);
    expect(ben.kith.friends()[0]?.error?.code).toBe("asleep");
    expect(ben.kith.waiting()).toEqual([]);
  });
});

describe("an answer", () => {
  test("that comes while the question is about to be noted is no answer to nothing", async () => {
    const [ana, ben] = [await reached("Ana", await relay()), await reached("Ben", await relay())];
    const [, toAna] = await befriend(ana, ben);
    await ana.kith.post({ text: "just in time", pictures: [], audience: { kind: "all" } });
    await ana.device.close();
    ben.device.hold = 1;
    let held = 0;
    ben.device.after = async (method, url, answer) => {
      if (method !== "POST" || !url.includes("?wait=") || answer.status !== 202 || held++ > 0) return;
      const acks = (): number => ben.device.frames.filter((frame) => frame.startsWith('{"ack"')).length;
      const before = acks();
      await ana.device.kith();
      await until(() => acks() > before, "the answer came to Ben's queue");
    };
    await ben.kith.refresh(toAna);
    await until(async () => (await ben.kith.refresh(toAna), (await texts(ben)).includes("just in time")), "Ben has it");
    expect(held).toBe(1);
    expect(ben.kith.waiting()).toEqual([]);
  });
});

describe("of several relays", () => {
  test("all but one may be gone for good", async () => {
    const [one, two] = [await relay(), await relay()];
    const [ana, ben] = [await reached("Ana", one, two), await reached("Ben", one, two)];
    const [, toAna] = await befriend(ana, ben);
    await one.close();
    await ana.kith.post({ text: "still here", pictures: [], audience: { kind: "all" } });
    await ben.kith.refresh(toAna);
    expect(await texts(ben)).toEqual(["still here"]);
  });

  test("the next gets what waited too long at one that then was gone", async () => {
    const [one, two] = [await relay(), await relay()];
    const [ana, ben] = [await reached("Ana", one, two), await reached("Ben", one, two)];
    const [, toAna] = await befriend(ana, ben);
    await ana.kith.post({ text: "by the other way", pictures: [], audience: { kind: "all" } });
    await ana.device.close();
    ben.device.hold = 1;
    await ben.kith.refresh(toAna);
    const where = ben.kith.waiting().map(({ host }) => host);
    expect(new Set(where).size).toBe(1);
    await (where[0] === new URL(one.url).host ? one : two).close();
    ben.device.ahead += 11 * 60_000;
    await ben.kith.refresh(toAna);
    expect(ben.kith.waiting().map(({ host }) => host)).not.toContain(where[0]);
    await ana.device.kith();
    await until(async () => (await texts(ben)).includes("by the other way"), "Ben reads it");
  });
});

test("a relay that lost all it had gets a new place there, which friends find by what they know", async () => {
  const only = await relay();
  const [ana, ben] = [await reached("Ana", only), await reached("Ben", await relay())];
  const [, toAna] = await befriend(ana, ben);
  await only.wipe();
  const relays = await ana.kith.relays();
  ana.device.wake();
  await until(() => relays.list()[0]?.state === "connected", "Ana is connected");
  await ana.kith.post({ text: "after the loss", pictures: [], audience: { kind: "all" } });
  await until(async () => (await ben.kith.refresh(toAna), (await texts(ben)).includes("after the loss")), "Ben reads on");
});
