import { afterAll, describe, expect, test, vi } from "vitest";
import { Relay } from "./relay.ts";
import type { ContactId, PostRef } from "../../src/core/kith.ts";
import { Device, picture, until } from "./world.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

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
    await relays.add(two.url);
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
    await until(() => relays.list()[0]?.state === "connected", "the one that came back says so", 30_000);
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
    expect(ben.kith.previewInvite(invite.link)).toMatchObject({ name: "Ana", relayed: true });
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
