import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Audience, ContactId, Kith, PostRef } from "../../src/core/kith.ts";
import { Host, type Person } from "./host.ts";
import { Device, picture } from "./world.ts";

/** One is a person with a phone and, unless they want none, a pod. */
interface One {
  readonly device: Device;
  readonly kith: Kith;
  readonly person: Person;
}

let host: Host;
const open: One[] = [];
let count = 0;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(async () => {
  await Promise.all(open.map(({ device }) => device.close()));
  await host.close();
});

async function someone(name: string, withPod = true): Promise<One> {
  const device = new Device(`${name}'s phone`);
  const kith = await device.kith();
  await kith.start(name);
  const person = await host.person(`${name.toLowerCase()}${count++}`);
  if (withPod) {
    await kith.connectPod(person.pair);
    await kith.syncNow();
  }
  const one = { device, kith, person };
  open.push(one);
  return one;
}

/** befriend makes two people friends; it returns what each calls the other. */
async function befriend(inviter: One, accepter: One): Promise<readonly [ContactId, ContactId]> {
  const invite = await inviter.kith.createInvite();
  const theirs = await accepter.kith.acceptInvite(invite.link);
  await accepter.kith.syncNow();
  await inviter.kith.syncNow();
  const ours = inviter.kith.friends().find(({ name }) => name === accepter.kith.me()?.name)?.cid;
  if (ours === undefined) throw new Error("befriend: the inviter does not know");
  return [ours, theirs];
}

const to = (...friends: readonly ContactId[]): Audience => ({ kind: "some", circles: [], friends });
const texts = async ({ kith }: One): Promise<readonly string[]> => (await kith.feed({ limit: 50 })).posts.map(({ text }) => text);
const refOf = async ({ kith }: One, text: string): Promise<PostRef> => {
  const post = (await kith.feed({ limit: 50 })).posts.find((each) => each.text === text);
  if (post === undefined) throw new Error(`no post ${text}`);
  return post.ref;
};

describe("an invite", () => {
  test("makes two people friends, who see the same twelve words", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const invite = await ana.kith.createInvite();
    expect(invite.link.length).toBeLessThanOrEqual(400);
    expect(ana.kith.invites()).toMatchObject([{ id: invite.id, state: "open", triedAgain: false }]);
    expect(ben.kith.linkKind(invite.link)).toBe("invite");
    expect(await ben.kith.previewInvite(invite.link)).toMatchObject({ name: "Ana", host: new URL(host.url).host, mine: false });
    expect((await ana.kith.previewInvite(invite.link)).mine).toBe(true);
    await expect(ana.kith.acceptInvite(invite.link)).rejects.toMatchObject({ code: "own-invite" });
    const theirs = await ben.kith.acceptInvite(invite.link);
    await ben.kith.syncNow();
    await ana.kith.syncNow();
    const [friend] = ana.kith.friends();
    expect(friend).toMatchObject({ name: "Ben", isNew: true, reachable: true, circles: [], verified: false });
    expect(ben.kith.friends()).toMatchObject([{ cid: theirs, name: "Ana", isNew: false, reachable: true }]);
    expect(ana.kith.invites()).toMatchObject([{ state: "used" }]);
    const words = await ana.kith.words(friend?.cid as ContactId);
    expect(words).toHaveLength(12);
    expect(await ben.kith.words(theirs)).toEqual(words);
    await ana.kith.seenFriend(friend?.cid as ContactId);
    await ana.kith.setVerified(friend?.cid as ContactId, false);
    expect(ana.kith.friends()).toMatchObject([{ isNew: false, verified: false, differed: true }]);
    await ana.kith.setVerified(friend?.cid as ContactId, true);
    expect(ana.kith.friends()).toMatchObject([{ isNew: false, verified: true, differed: false }]);
  });

  test("brings the names that friends give themselves, but for those that the owner chose", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [, toAna] = await befriend(ana, ben);
    const asks = async (): Promise<string | undefined> => {
      await ana.kith.syncNow();
      const { doorAt: _at, ...seen } = ben.device.store?.get(`peer/${toAna}/seen`) as { readonly doorAt?: number };
      await ben.device.store?.apply([{ set: `peer/${toAna}/seen`, value: seen }]);
      await ben.kith.refresh(toAna);
      return ben.kith.friends()[0]?.name;
    };
    await ben.kith.refresh(toAna);
    await ana.kith.rename("Anna");
    expect(await asks()).toBe("Anna");
    await ben.kith.renameFriend(toAna, "Sister");
    await ana.kith.rename("Anne");
    expect(await asks()).toBe("Sister");
  });

  test("works once: the second is told so, and the owner too", async () => {
    const [ana, ben, cem] = [await someone("Ana"), await someone("Ben"), await someone("Cem")];
    const invite = await ana.kith.createInvite();
    await ben.kith.acceptInvite(invite.link);
    await expect(cem.kith.acceptInvite(invite.link)).rejects.toMatchObject({ code: "link-used" });
    await ana.kith.syncNow();
    expect(ana.kith.invites()).toMatchObject([{ state: "used", triedAgain: true }]);
    expect(ana.kith.friends().map(({ name }) => name)).toEqual(["Ben"]);
  });

  test("whose answer got lost can be accepted again", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const { link } = await ana.kith.createInvite();
    const { fetch } = globalThis;
    globalThis.fetch = async (url, init) => {
      await fetch(url, init);
      throw new TypeError("the answer got lost");
    };
    await expect(ben.kith.acceptInvite(link)).rejects.toMatchObject({ code: "friend-unreachable" });
    globalThis.fetch = fetch;
    await ben.kith.acceptInvite(link);
    expect(ben.kith.friends().map(({ name }) => name)).toEqual(["Ana"]);
  });

  test("that was cancelled is worth nothing", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const { link, id } = await ana.kith.createInvite();
    await ana.kith.cancelInvite(id);
    expect(ana.kith.invites()).toEqual([]);
    await expect(ben.kith.acceptInvite(link)).rejects.toMatchObject({ code: "link-used" });
  });

  test("accepted a second time, the other way round, keeps the friend that there is", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [anas, bens] = await befriend(ana, ben);
    const again = await befriend(ben, ana);
    expect(again).toEqual([bens, anas]);
    expect(ana.kith.friends()).toHaveLength(1);
    expect(ben.kith.friends()).toHaveLength(1);
  });
});

describe("a post", () => {
  test("reaches the friend it is for, with its picture, and nobody else; widened, narrowed and deleted it follows", async () => {
    const [ana, ben, cem] = [await someone("Ana"), await someone("Ben"), await someone("Cem")];
    const [toBen] = await befriend(ana, ben);
    const [toCem] = await befriend(ana, cem);
    const photo = picture("A dog", 60_000);
    const ref = await ana.kith.post({ text: "for Ben", pictures: [photo], audience: to(toBen) });
    await ana.kith.syncNow();
    expect((await ana.kith.readPost(ref))?.state).toBe("pod");

    await ben.kith.refresh();
    await cem.kith.refresh();
    expect(await texts(ben)).toEqual(["for Ben"]);
    expect(await texts(cem)).toEqual([]);
    const seen = await refOf(ben, "for Ben");
    expect(await ben.kith.readPost(seen)).toMatchObject({ authorName: "Ana", audience: { kind: "theirs" }, state: "theirs", pictures: [{ alt: "A dog", thumbHere: true, fullHere: false }] });
    expect((await ben.kith.picture(seen, 0, "full")).bytes).toEqual(photo.full);
    expect((await ben.kith.readPost(seen))?.pictures).toMatchObject([{ fullHere: true }]);

    await ana.kith.setAudience(ref, to(toBen, toCem));
    await ana.kith.edit(ref, "for both");
    await ana.kith.syncNow();
    await ben.kith.refresh();
    await cem.kith.refresh();
    expect(await texts(ben)).toEqual(["for both"]);
    expect(await texts(cem)).toEqual(["for both"]);

    await ana.kith.setAudience(ref, to(toCem));
    await ana.kith.syncNow();
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual([]);
    expect([...(ben.device.store?.rows("peers/") ?? [])]).toEqual([]);

    await ana.kith.remove(ref);
    await ana.kith.syncNow();
    await cem.kith.refresh();
    expect(await texts(cem)).toEqual([]);
    expect([...(cem.device.store?.rows("peers/") ?? [])]).toEqual([]);
  });

  test("is read from the cache while everything is away, and says who was not reached", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen, bens] = await befriend(ana, ben);
    await ana.kith.post({ text: "hello", pictures: [], audience: to(toBen) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    ben.device.network = false;
    await ben.kith.syncNow();
    const page = await ben.kith.feed({ limit: 5 });
    expect(page.posts.map(({ text }) => text)).toEqual(["hello"]);
    expect(page.unreached).toEqual([bens]);
    expect(ben.kith.friends()).toMatchObject([{ error: { code: "friend-unreachable" }, lastSeen: expect.any(Number) }]);
  });

  test("that was purged can be asked for again, until its author takes it back", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen, bens] = await befriend(ana, ben);
    const ref = await ana.kith.post({ text: "again", pictures: [picture("x")], audience: to(toBen) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    const seen = await refOf(ben, "again");
    await ben.kith.purge(seen);
    expect(await ben.kith.readPost(seen)).toMatchObject({ purged: true, text: "", pictures: [] });
    expect(ben.kith.friends()).toMatchObject([{ cachedBytes: 0 }]);
    await ben.kith.refresh();
    expect(await ben.kith.readPost(seen)).toMatchObject({ purged: true });
    await ben.kith.askAgain(seen);
    expect(await ben.kith.readPost(seen)).toMatchObject({ purged: false, text: "again" });
    await ben.kith.purgeFriend(bens);
    await ana.kith.remove(ref);
    await ana.kith.syncNow();
    await expect(ben.kith.askAgain(seen)).rejects.toMatchObject({ code: "not-there-any-more" });
    expect(await ben.kith.readPost(seen)).toBeUndefined();
  });

  test("is fetched selectively: the lists, the newest texts, and no full picture", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen] = await befriend(ana, ben);
    const long = "x".repeat(5_000);
    for (let n = 0; n < 3; n++) await ana.kith.post({ text: `${long}${n}`, pictures: [picture("x", 50_000)], audience: to(toBen) });
    await ana.kith.syncNow();
    ben.device.requests.length = 0;
    await ben.kith.refresh();
    expect((await ben.kith.feed({ limit: 5 })).posts.map(({ pictures }) => pictures[0])).toMatchObject(Array.from({ length: 3 }, () => ({ thumbHere: true, fullHere: false })));
    expect(ben.device.requests.filter((each) => each.endsWith("/1.webp"))).toEqual([]);
    ben.device.requests.length = 0;
    await ben.kith.refresh();
    expect(ben.device.requests.filter((each) => each.startsWith("GET")).map((each) => new URL(each.slice(4)).pathname)).toEqual([`/${ana.person.name}/social/feed`]);
  });

  test("of a muted friend is not in the feed, but with the friend", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen, bens] = await befriend(ana, ben);
    await ana.kith.post({ text: "noise", pictures: [], audience: to(toBen) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    await ben.kith.muteFriend(bens, true);
    expect(await texts(ben)).toEqual([]);
    expect((await ben.kith.feed({ limit: 5, author: bens })).posts).toHaveLength(1);
    expect((await ben.kith.feed({ limit: 5, author: "me" })).posts).toHaveLength(0);
  });
});

describe("a friend who is removed", () => {
  test("is refused at once and has nothing of the other's any more", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen, bens] = await befriend(ana, ben);
    await ana.kith.post({ text: "secret", pictures: [picture("x", 300_000)], audience: to(toBen) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    const seen = await refOf(ben, "secret");
    await ana.kith.removeFriend(toBen);
    await ana.kith.syncNow();
    await expect(ben.kith.picture(seen, 0, "full")).rejects.toMatchObject({ code: "friend-refused" });
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual([]);
    expect([...(ben.device.store?.rows("peers/") ?? [])]).toEqual([]);
    expect(ben.kith.friends()).toMatchObject([{ cid: bens, error: { code: "friend-refused" } }]);
  });

  test("is not taken for removed because this device's clock is wrong", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen] = await befriend(ana, ben);
    await ana.kith.post({ text: "stays", pictures: [], audience: to(toBen) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    await ben.device.close();
    ben.device.ahead = 10 * 365 * 24 * 3600_000;
    const kith = await ben.device.kith();
    await kith.refresh();
    expect((await kith.feed({ limit: 5 })).posts.map(({ text }) => text)).toEqual(["stays"]);
    expect(kith.friends()[0]?.error).toBeUndefined();
  });
});

describe("a friend's pod", () => {
  const indexOf = ({ person }: One): string => join(host.folder, "index", person.name);
  const folderOf = ({ person }: One): string => join(host.folder, "pods", person.name);

  test("that lost its index is read anew, and what is not there any more is forgotten", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen] = await befriend(ana, ben);
    const lost = await ana.kith.post({ text: "lost", pictures: [], audience: to(toBen) });
    await ana.kith.post({ text: "stays", pictures: [], audience: to(toBen) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual(["stays", "lost"]);
    await host.stop();
    await rm(indexOf(ana), { recursive: true });
    await rm(join(folderOf(ana), "social", "posts", lost.slice(3)), { recursive: true });
    await host.start();
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual(["stays"]);
    expect(ben.kith.friends()[0]?.error).toBeUndefined();
  });

  test("that went back to an older state makes nobody forget anything", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben")];
    const [toBen] = await befriend(ana, ben);
    await ana.kith.post({ text: "older", pictures: [], audience: to(toBen) });
    await ana.kith.syncNow();
    await host.stop();
    const kept = join(host.folder, `kept-${ana.person.name}`);
    await cp(indexOf(ana), join(kept, "index"), { recursive: true });
    await cp(folderOf(ana), join(kept, "pods"), { recursive: true });
    await host.start();
    await ana.kith.post({ text: "newer", pictures: [], audience: to(toBen) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual(["newer", "older"]);
    await host.stop();
    for (const [from, there] of [["index", indexOf(ana)], ["pods", folderOf(ana)]] as const) {
      await rm(there, { recursive: true });
      await cp(join(kept, from), there, { recursive: true });
    }
    await host.start();
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual(["newer", "older"]);
    await ana.kith.syncNow();
    await ana.kith.syncNow();
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual(["newer", "older"]);
    expect((await ana.kith.feed({ limit: 5 })).posts).toMatchObject([{ state: "pod" }, { state: "pod" }]);
  });
});

describe("a friend without a pod", () => {
  test("reads; when they get a pod, the other hears of it and reads too", async () => {
    const [ana, ben] = [await someone("Ana"), await someone("Ben", false)];
    const [toBen, bens] = await befriend(ana, ben);
    expect(ana.kith.friends()).toMatchObject([{ reachable: false }]);
    await ana.kith.post({ text: "from Ana", pictures: [], audience: to(toBen) });
    await ben.kith.post({ text: "from Ben", pictures: [], audience: to(bens) });
    await ana.kith.syncNow();
    await ben.kith.refresh();
    expect(await texts(ben)).toEqual(["from Ben", "from Ana"]);
    await ana.kith.refresh();
    expect(await texts(ana)).toEqual(["from Ana"]);

    await ben.kith.connectPod(ben.person.pair);
    await ben.kith.syncNow();
    await ana.kith.syncNow();
    expect(ana.kith.friends()).toMatchObject([{ reachable: true }]);
    expect(await texts(ana)).toEqual(["from Ben", "from Ana"]);
    expect([...(ana.device.store?.rows("/social/in/") ?? [])].map(({ path }) => path)).toEqual([`/social/in/${toBen}/.acl`]);
  });
});
