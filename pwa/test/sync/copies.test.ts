/** What becomes of copies: receipts when their owner deletes, leases, and leave to keep (docs/protocol.md, Receipts, Leases). */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Deleted, PostRef } from "../../src/core/kith.ts";
import { letters } from "../../src/core/pod/letters.ts";
import { digestOf } from "../../src/core/pod/traces.ts";
import type { Store } from "../../src/core/store/store.ts";
import { whereOf } from "../../src/core/sync/feed.ts";
import { lapsing } from "../../src/core/sync/leases.ts";
import { befriend, Folks, type One, refOf, sync, to } from "./folks.ts";
import { Host } from "./host.ts";
import { picture, until } from "./world.ts";

const day = 24 * 3600_000;
/** A receipt goes out within this many milliseconds. */
const jitter = 10_000;

let host: Host;
let folks: Folks;
let [ana, ben]: [One, One] = [undefined as never, undefined as never];

beforeAll(async () => {
  host = await Host.open();
  folks = new Folks(host);
});
afterAll(() => host.close());

beforeEach(async () => {
  [ana, ben] = [await folks.someone("Ana"), await folks.someone("Ben")];
  return () => folks.close();
});

/** shared lets Ana post, and Ben and whoever else read it. */
async function shared(text: string, audience: readonly One[], ...more: readonly One[]): Promise<PostRef> {
  const ref = await ana.kith.post({ text, pictures: [picture("A dog")], audience: to(...audience.map(({ kith }) => ana.kith.friends().find(({ name }) => name === kith.me()?.name)?.cid as never)) });
  await sync(ana, ...audience, ...more);
  return ref;
}

const deleted = async (one = ana): Promise<readonly Deleted[]> => (await one.kith.talk()).deleted();
const later = (one: One, milliseconds: number): void => void (one.device.ahead += milliseconds);
/** Bytes of posts of friends that this device can read. */
const bytesHere = ({ device }: One): readonly string[] => [...(device.store?.rows("peers/") ?? [])].filter(({ here }) => here).map(({ path }) => path);

describe("a receipt", () => {
  test("comes from each of a friend's devices, and from nobody who was not there", async () => {
    const cleo = await folks.someone("Cleo");
    await befriend(ana, ben);
    await befriend(ana, cleo);
    const laptop = await folks.another(ben, "Ben's laptop");
    const ref = await shared("soon gone", [ben, cleo], laptop);
    for (const one of [ben, laptop, cleo]) await refOf(one, "soon gone");
    await ana.kith.remove(ref);
    expect(await deleted()).toMatchObject([{ friends: [{ name: "Ben", gone: 0 }, { name: "Cleo", devices: 1, gone: 0 }] }]);
    await sync(ana, ben);
    expect(bytesHere(ben)).toEqual([]);
    later(ben, jitter);
    await sync(ben, ana);
    expect(await deleted()).toMatchObject([{ friends: [{ name: "Ben", devices: 2, gone: 1 }, { name: "Cleo", devices: 1, gone: 0 }] }]);
    await sync(laptop);
    later(laptop, jitter);
    await sync(laptop, ana);
    expect(await deleted()).toMatchObject([{ friends: [{ name: "Ben", devices: 2, gone: 2 }, { name: "Cleo", devices: 1, gone: 0 }] }]);
  });

  test("waits a little, and is there once however often the deletion is heard of", async () => {
    const [, anas] = await befriend(ana, ben);
    const ref = await shared("twice heard", [ben]);
    await ana.kith.remove(ref);
    const cursor = ben.device.store?.get(`peer/${anas}/cursor`);
    // It stays here until it was looked at, however long that takes.
    ben.device.answer = (method, url) => (method === "PUT" && url.includes("/social/in/") ? new Response(null, { status: 503 }) : undefined);
    await sync(ana, ben);
    const [receipt] = letters(ben.device.store as never);
    expect(receipt).toMatchObject({ what: "receipt" });
    expect((receipt?.after ?? Infinity) - (receipt?.since ?? 0)).toBeLessThan(jitter);
    expect(ben.kith.outbox()).toEqual([]);
    await ben.device.store?.apply([{ set: `peer/${anas}/cursor`, value: cursor }]);
    await sync(ben);
    expect(letters(ben.device.store as never).map(({ nonce }) => nonce)).toEqual([receipt?.nonce]);
    ben.device.answer = () => undefined;
    later(ben, jitter);
    await sync(ben, ana);
    expect(letters(ben.device.store as never)).toEqual([]);
    expect(await deleted()).toMatchObject([{ friends: [{ devices: 1, gone: 1 }] }]);
  });

  test("is not sent by a device that keeps it to itself, which forgets all the same", async () => {
    await befriend(ana, ben);
    const ref = await shared("quiet", [ben]);
    await (await ben.kith.talk()).setCopies({ receipts: false });
    await ana.kith.remove(ref);
    await sync(ana, ben);
    later(ben, jitter);
    await sync(ben, ana);
    expect(bytesHere(ben)).toEqual([]);
    expect(await deleted()).toMatchObject([{ friends: [{ devices: 1, gone: 0 }] }]);
  });

  test("of a device that is not the friend's does not count", async () => {
    await befriend(ana, ben);
    const ref = await shared("forged", [ben]);
    await ana.kith.remove(ref);
    await sync(ana);
    const cid = ben.kith.friends()[0]?.cid as never;
    const body = JSON.stringify({ type: "Accept", object: await digestOf(whereOf(ref).folder), "kith:device": "did:key:zDnaSomebodyElse" });
    await ben.device.store?.apply([{ set: `letter/${cid}/${"f".repeat(20)}`, value: { cid, nonce: "f".repeat(20), what: "receipt", body, since: 0, attempts: 0 } }]);
    await (await ben.kith.talk()).setCopies({ receipts: false });
    await sync(ben, ana);
    expect(await deleted()).toMatchObject([{ friends: [{ devices: 1, gone: 0 }] }]);
  });

  test("is known on the owner's other devices, and with the last one the post's name goes everywhere", async () => {
    const [toBen] = await befriend(ana, ben);
    const laptop = await folks.another(ana, "Ana's laptop");
    const ref = await shared("named no more", [ben], laptop);
    const handle = await digestOf(whereOf(ref).folder);
    await ana.kith.remove(ref);
    await sync(ana, laptop, ben);
    expect(await deleted(laptop)).toMatchObject([{ friends: [{ cid: toBen, gone: 0 }] }]);
    expect([...(ana.device.store?.rows("/social/deleted/") ?? [])].map(({ path }) => path)).toEqual([`/social/deleted/${handle}`]);
    later(ben, jitter);
    await sync(ben, laptop, ana, laptop);
    for (const one of [ana, laptop]) {
      expect(await deleted(one)).toMatchObject([{ friends: [{ cid: toBen, devices: 1, gone: 1 }] }]);
      const left = [...(one.device.store?.rows("/") ?? [])];
      expect(left.filter(({ path, note }) => path.includes(handle) || note?.object === handle)).toEqual([]);
      expect(left.filter(({ path }) => path.startsWith(`/social/in/${toBen}/`) && !path.endsWith(".acl"))).toEqual([]);
    }
    later(ana, 8 * day);
    await sync(ana);
    expect(await deleted()).toEqual([]);
  });

  test("is asked of nobody for a post that nobody can have seen", async () => {
    await befriend(ana, ben);
    ana.device.network = false;
    const ref = await ana.kith.post({ text: "never left", pictures: [], audience: { kind: "all" } });
    await ana.kith.remove(ref);
    const mine = await ana.kith.post({ text: "mine", pictures: [], audience: { kind: "me" } });
    ana.device.network = true;
    await sync(ana);
    await ana.kith.remove(mine);
    expect(await deleted()).toEqual([]);
  });
});

describe("a narrowed audience", () => {
  test("asks who lost the post: one friend on two devices, and one who is offline", async () => {
    const [cleo, dan] = [await folks.someone("Cleo"), await folks.someone("Dan")];
    const [[toBen], [toCleo], [toDan]] = [await befriend(ana, ben), await befriend(ana, cleo), await befriend(ana, dan)];
    const laptop = await folks.another(ben, "Ben's laptop");
    const ref = await shared("for fewer", [ben, cleo, dan], laptop);
    for (const one of [ben, laptop, cleo, dan]) await refOf(one, "for fewer");
    const handle = await digestOf(whereOf(ref).folder);
    await ana.kith.setAudience(ref, to(toDan));
    const told = { narrowed: true, friends: [{ cid: toBen, devices: 2, gone: 0 }, { cid: toCleo, devices: 1, gone: 0 }] };
    expect(await deleted()).toMatchObject([told]);
    // With a record of the post's own name the pod would forget whom it still has to tell of the post.
    expect([...(ana.device.store?.rows("/social/deleted/") ?? [])].map(({ path }) => path)).toEqual([`/social/deleted/narrowed-${handle}`]);
    await sync(ana);
    for (const one of [ben, laptop]) {
      await sync(one);
      expect(bytesHere(one)).toEqual([]);
      later(one, jitter);
      await sync(one);
    }
    await sync(ana, dan);
    expect(await deleted()).toMatchObject([{ ...told, friends: [{ cid: toBen, devices: 2, gone: 2 }, { cid: toCleo, devices: 1, gone: 0 }] }]);
    await refOf(dan, "for fewer");

    await sync(cleo);
    later(cleo, jitter);
    await sync(cleo, ana);
    expect(await deleted()).toMatchObject([{ narrowed: true, friends: [{ cid: toBen, devices: 2, gone: 2 }, { cid: toCleo, devices: 1, gone: 1 }] }]);
    const left = [...(ana.device.store?.rows("/") ?? [])];
    expect(left.filter(({ path, note }) => path.includes(handle) || note?.object === handle)).toEqual([]);
    // Who still sees it hears of its deletion all the same.
    await ana.kith.remove(ref);
    await sync(ana, dan);
    expect(bytesHere(dan)).toEqual([]);
    expect(await deleted()).toMatchObject([{ narrowed: false, friends: [{ cid: toDan }] }, { narrowed: true }]);
  });

  test("that is narrowed, widened and narrowed again asks again", async () => {
    const cleo = await folks.someone("Cleo");
    const [[toBen], [toCleo]] = [await befriend(ana, ben), await befriend(ana, cleo)];
    const ref = await shared("there and back", [ben, cleo]);
    await ana.kith.setAudience(ref, { kind: "me" });
    await sync(ana, ben);
    later(ben, jitter);
    await sync(ben, ana);
    expect(await deleted()).toMatchObject([{ friends: [{ cid: toBen, gone: 1 }, { cid: toCleo, gone: 0 }] }]);
    await ana.kith.setAudience(ref, to(toBen));
    expect(await deleted()).toMatchObject([{ friends: [{ cid: toCleo, gone: 0 }] }]);
    await sync(ana, ben);
    await refOf(ben, "there and back");
    await ana.kith.setAudience(ref, { kind: "me" });
    expect(await deleted()).toMatchObject([{ friends: [{ cid: toBen, gone: 0 }, { cid: toCleo, gone: 0 }] }]);
    await sync(ana, ben);
    expect(bytesHere(ben)).toEqual([]);
    later(ben, jitter);
    await sync(ben, ana);
    expect(await deleted()).toMatchObject([{ friends: [{ cid: toBen, gone: 1 }, { cid: toCleo, gone: 0 }] }]);
  });

  test("becomes one question when the post is deleted, which ends with the last of all", async () => {
    const cleo = await folks.someone("Cleo");
    const [[toBen], [toCleo]] = [await befriend(ana, ben), await befriend(ana, cleo)];
    const ref = await shared("first fewer, then none", [ben, cleo]);
    const handle = await digestOf(whereOf(ref).folder);
    await ana.kith.setAudience(ref, to(toCleo));
    await ana.kith.remove(ref);
    expect(await deleted()).toMatchObject([{ narrowed: false, friends: [{ cid: toBen, gone: 0 }, { cid: toCleo, gone: 0 }] }]);
    for (const one of [ben, cleo]) {
      await sync(ana, one);
      later(one, jitter);
      await sync(one);
    }
    await sync(ana);
    expect(await deleted()).toMatchObject([{ narrowed: false, friends: [{ cid: toBen, gone: 1 }, { cid: toCleo, gone: 1 }] }]);
    expect([...(ana.device.store?.rows("/") ?? [])].filter(({ path, note }) => path.includes(handle) || note?.object === handle)).toEqual([]);
  });

  test("that is widened again before anybody heard asks nobody", async () => {
    const [toBen] = await befriend(ana, ben);
    const ref = await shared("a slip", [ben]);
    await ana.kith.setAudience(ref, { kind: "me" });
    await ana.kith.setAudience(ref, to(toBen));
    expect(await deleted()).toEqual([]);
    await sync(ana, ben);
    await refOf(ben, "a slip");
  });
});

describe("a lease", () => {
  test("that ran out makes the copy unreadable, and it comes back when its owner is reached", async () => {
    await befriend(ana, ben);
    await shared("for a while", [ben]);
    const ref = await refOf(ben, "for a while");
    await ben.kith.picture(ref, 0, "full");
    const until = (await (await ben.kith.talk()).of(ref)).until ?? 0;
    expect(until).toBeGreaterThan(Date.now() + 29.9 * day);
    expect(until).toBeLessThan(Date.now() + 30.1 * day);
    ben.device.network = false;
    later(ben, 29 * day);
    await ben.device.close();
    const kept = await reopened(ben);
    expect((await kept.kith.readPost(ref))?.text).toBe("for a while");
    later(ben, 2 * day);
    await ben.device.close();
    const over = await reopened(ben);
    await expect.poll(() => over.kith.readPost(ref)).toMatchObject({ text: "", purged: true, pictures: [] });
    expect((await over.kith.readPost(ref))?.lapsed).toBe(until);
    await expect.poll(() => bytesHere(over)).toEqual([]);
    ben.device.network = true;
    ben.device.ahead = 0;
    await over.kith.askAgain(ref);
    expect((await over.kith.readPost(ref))?.text).toBe("for a while");
    expect((await over.kith.readPost(ref))?.lapsed).toBeUndefined();
  });

  test("that ran out is not read in the first moment after a start, by whatever way", async () => {
    await befriend(ana, ben);
    await shared("for a while", [ben]);
    const ref = await refOf(ben, "for a while");
    await ben.kith.picture(ref, 0, "full");
    await (await ana.kith.talk()).comment(await refOf(ana, "for a while"), "said to it");
    await sync(ana, ben);
    await until(async () => (await (await ben.kith.talk()).of(ref)).replies.length === 1, "the comment is here");
    ben.device.network = false;
    await ben.device.close();
    later(ben, 31 * day);
    const kith = await ben.device.kith();
    const first = await Promise.all([kith.readPost(ref), kith.feed({ limit: 10 }), kith.feed({ limit: 10, search: "while" }), kith.picture(ref, 0, "full").catch(({ code }: { code: string }) => code)]);
    expect(first).toMatchObject([{ text: "", purged: true, pictures: [] }, { posts: [{ text: "" }] }, { posts: [] }, "no-such"]);
    expect((await (await kith.talk()).of(ref)).replies).toEqual([]);
  });

  test("that ran out is dropped by what wakes up while the app is closed", async () => {
    const [, anas] = await befriend(ana, ben);
    await shared("for a while", [ben]);
    await shared("another", [ben]);
    const store = ben.device.store as Store;
    const now = Date.now();
    expect(lapsing(store, now)).toEqual([]);
    expect(lapsing(store, now + 29 * day)).toEqual([]);
    await store.apply([{ set: `peer/${anas}/seen`, value: { at: now - 31 * day } }]);
    expect(bytesHere(ben).length).toBeGreaterThan(0);
    await store.apply(lapsing(store, now));
    expect(bytesHere(ben)).toEqual([]);
    expect(lapsing(store, now)).toEqual([]);
    expect((await ben.kith.feed({ limit: 10 })).posts).toMatchObject([{ text: "", lapsed: now - day }, { text: "", lapsed: now - day }]);
  });

  test("counts from whatever the owner answers", async () => {
    await befriend(ana, ben);
    await shared("for a while", [ben]);
    const ref = await refOf(ben, "for a while");
    ben.device.network = false;
    later(ben, 31 * day);
    expect((await ben.kith.readPost(ref))?.text).toBe("");
    ben.device.network = true;
    await ben.kith.askAgain(ref);
    expect((await ben.kith.readPost(ref))?.text).toBe("for a while");
  });

  test("lasts as its owner says, for the posts that come after", async () => {
    await befriend(ana, ben);
    const talk = await ana.kith.talk();
    await shared("thirty", [ben]);
    await talk.setCopies({ days: 1 });
    expect(await talk.copies()).toEqual({ days: 1, receipts: true });
    await shared("one", [ben]);
    await talk.setCopies({ days: 0 });
    await shared("for good", [ben]);
    const untils = await Promise.all(["thirty", "one", "for good"].map(async (text) => (await (await ben.kith.talk()).of(await refOf(ben, text))).until));
    expect(untils.map((until) => until && Math.round((until - Date.now()) / day))).toEqual([30, 1, undefined]);
    later(ben, 366 * day);
    await ben.device.close();
    ben.device.network = false;
    const over = await reopened(ben);
    await expect.poll(async () => (await over.kith.feed({ limit: 10 })).posts.map(({ text }) => text)).toEqual(["for good", "", ""]);
  });

  test("ends while the app goes on running, though nobody looks at it", async () => {
    await befriend(ana, ben);
    await shared("overnight", [ben]);
    ben.device.network = false;
    later(ben, 31 * day);
    await expect.poll(async () => {
      ben.device.pass(day / 24);
      return (await ben.kith.feed({ limit: 10 })).posts.map(({ text }) => text);
    }).toEqual([""]);
  });

  test("begins anew whenever the owner is reached", async () => {
    await befriend(ana, ben);
    await shared("renewed", [ben]);
    later(ben, 20 * day);
    await ben.device.close();
    let again = await reopened(ben);
    await sync(again);
    later(ben, 20 * day);
    ben.device.network = false;
    await ben.device.close();
    again = await reopened(ben);
    await again.kith.talk();
    expect((await again.kith.feed({ limit: 10 })).posts.map(({ text }) => text)).toEqual(["renewed"]);
  });
});

describe("leave to keep", () => {
  test("is asked for, granted, and outlasts the lease, but not the deletion", async () => {
    const [toBen] = await befriend(ana, ben);
    const ref = await shared("precious", [ben]);
    const theirs = await refOf(ben, "precious");
    const keep = async (one = ben): Promise<unknown> => (await (await one.kith.talk()).of(theirs)).keep;
    expect(await keep()).toBe("no");
    await (await ben.kith.talk()).askToKeep(theirs);
    expect(await keep()).toBe("asked");
    expect(ben.kith.outbox()).toMatchObject([{ what: "keep" }]);
    await sync(ben, ana);
    expect(ana.kith.friends()).toMatchObject([{ asks: [ref] }]);
    const talk = await ana.kith.talk();
    expect((await talk.of(ref)).asks).toEqual([{ cid: toBen, name: "Ben" }]);
    await talk.answerKeep(ref, toBen, true);
    expect((await talk.of(ref)).asks).toEqual([]);
    await sync(ana, ben);
    expect(await keep()).toBe("granted");
    expect((await (await ben.kith.talk()).of(theirs)).until).toBeUndefined();
    // Another device of Ben's knows it too.
    const laptop = await folks.another(ben, "laptop");
    await sync(laptop);
    expect(await keep(laptop)).toBe("granted");

    later(ben, 100 * day);
    ben.device.network = false;
    await ben.device.close();
    const over = await reopened(ben);
    await over.kith.talk();
    expect((await over.kith.feed({ limit: 10 })).posts.map(({ text }) => text)).toEqual(["precious"]);
    ben.device.network = true;
    ben.device.ahead = 0;
    await ana.kith.remove(ref);
    await sync(ana, over);
    expect(bytesHere(over)).toEqual([]);
    expect([...(over.device.store?.rows("/social/in/") ?? [])].filter(({ note }) => note?.type === "kith:Kept")).toEqual([]);
  });

  test("that is not given is not heard of", async () => {
    const [toBen] = await befriend(ana, ben);
    const ref = await shared("no", [ben]);
    const theirs = await refOf(ben, "no");
    await (await ben.kith.talk()).askToKeep(theirs);
    await sync(ben, ana);
    await (await ana.kith.talk()).answerKeep(ref, toBen, false);
    const before = ana.device.requests.length;
    await sync(ana, ben);
    expect(ana.device.requests.slice(before).filter((each) => each.includes(`/social/in/`) && each.includes(ben.person.name))).toEqual([]);
    expect((await (await ben.kith.talk()).of(theirs)).keep).toBe("asked");
    expect((await (await ana.kith.talk()).of(ref)).asks).toEqual([]);
  });
});

/** reopened opens the app of somebody anew, as after a while. */
async function reopened(one: One): Promise<One> {
  const kith = await one.device.kith();
  // The part that drops what ran out is loaded after what is here was shown.
  await kith.talk();
  return { ...one, kith };
}
