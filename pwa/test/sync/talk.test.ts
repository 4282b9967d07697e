/** What friends say to posts: it goes to the owner, whose app shows it to who sees the post (docs/protocol.md, Replies). */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ContactId, PostRef, Reply } from "../../src/core/kith.ts";
import { letters } from "../../src/core/pod/letters.ts";
import { messageText } from "../../src/core/pod/message.ts";
import { replyId } from "../../src/core/pod/gather.ts";
import { repliesName } from "../../src/core/pod/replies.ts";
import { card } from "../../src/core/pod/people.ts";
import { Tree } from "../../src/core/pod/tree.ts";
import { whereOf } from "../../src/core/sync/feed.ts";
import { randomName } from "../../src/core/ids.ts";
import { befriend, Folks, type One, refOf, sync, to } from "./folks.ts";
import { Host } from "./host.ts";

let host: Host;
let folks: Folks;
let [ana, ben, cleo]: [One, One, One] = [undefined as never, undefined as never, undefined as never];
let [toBen, toCleo, bens]: [ContactId, ContactId, ContactId] = [undefined as never, undefined as never, undefined as never];
let ref: PostRef;
let count = 0;

beforeAll(async () => {
  host = await Host.open();
  folks = new Folks(host);
  [ana, ben, cleo] = [await folks.someone("Ana"), await folks.someone("Ben"), await folks.someone("Cleo")];
  [toBen, bens] = await befriend(ana, ben);
  [toCleo] = await befriend(ana, cleo);
});
afterAll(async () => {
  await folks.close();
  await host.close();
});

/** Both friends see a new post of Ana's. */
beforeEach(async () => {
  ref = await ana.kith.post({ text: `post ${++count}`, pictures: [], audience: to(toBen, toCleo) });
  await sync(ana, ben, cleo);
});

const theirs = (one: One): Promise<PostRef> => refOf(one, `post ${count}`);
const replies = async (one: One, of?: PostRef): Promise<readonly Reply[]> => (await (await one.kith.talk()).of(of ?? (await theirs(one)))).replies;
const said = async (one: One): Promise<readonly string[]> => (await replies(one)).map(({ name, text }) => `${name}: ${text}`);
const comment = async (one: One, text: string): Promise<void> => (await one.kith.talk()).comment(await theirs(one), text);
const treeOf = ({ device, kith }: One): Tree => {
  const { store } = device;
  const self = kith.devices().find((each) => each.self)?.kid;
  if (store === undefined || self === undefined) throw new Error("no device");
  return new Tree(store, { now: Date.now, random: (n: number) => crypto.getRandomValues(new Uint8Array(n)) } as never, self);
};
const file = async (one: One): Promise<string> => (await treeOf(one).text(`/social/posts/${whereOf(ref).folder}/${repliesName}`)) ?? "";

describe("a comment", () => {
  test("is seen by its author at once, by the owner next, and then by everybody who sees the post", async () => {
    await comment(ben, "How lovely");
    expect(await replies(ben)).toMatchObject([{ name: "Ben", text: "How lovely", mine: true, state: "waiting" }]);
    expect(ben.kith.outbox()).toMatchObject([{ what: "comment", friend: bens, attempts: 0 }]);
    await sync(ben);
    expect(ben.kith.outbox()).toEqual([]);
    expect(await replies(ben)).toMatchObject([{ text: "How lovely", state: "arrived" }]);
    await sync(ana, cleo);
    expect(await replies(ana)).toMatchObject([{ author: toBen, name: "Ben", text: "How lovely", mine: false, state: "shown" }]);
    expect(await said(cleo)).toEqual(["Ben: How lovely"]);
    expect((await replies(cleo))[0]).not.toHaveProperty("author");
    await sync(ben);
    expect(await replies(ben)).toMatchObject([{ text: "How lovely", mine: true, state: "shown" }]);
    expect((await ana.kith.readPost(ref))?.comments).toBe(1);
    expect((await cleo.kith.readPost(await theirs(cleo)))?.comments).toBe(1);
  });

  test("leaves no contact id with others, nothing in the inbox and nothing in the outbox", async () => {
    await comment(ben, "Who am I");
    await sync(ben, ana, ben, cleo, ana, ben);
    const { store } = cleo.device;
    const bytes = await store?.bytes(`peers/${whereOf(await theirs(cleo)).cid}/social/posts/${whereOf(ref).folder}/${repliesName}`);
    const document = new TextDecoder().decode(bytes);
    expect(document).toContain("Who am I");
    for (const cid of [toBen, toCleo, bens]) expect(document).not.toContain(cid);
    expect([...(ana.device.store?.rows("/social/in/") ?? [])].filter(({ path }) => !path.endsWith(".acl"))).toEqual([]);
    expect(letters(ben.device.store as never)).toEqual([]);
  });

  test("waits while the owner cannot be reached, and is there once however often it is sent", async () => {
    await comment(ben, "Later");
    let cut = 0;
    ben.device.before = (method, url) => {
      if (method === "PUT" && url.includes("/social/in/") && cut++ < 2) throw new TypeError("cut");
    };
    await sync(ben);
    expect(ben.kith.outbox()).toMatchObject([{ what: "comment", attempts: 1, error: { code: "friend-unreachable" } }]);
    await sync(ben);
    // The third arrives, and the answer is lost.
    ben.device.before = () => undefined;
    ben.device.answer = () => undefined;
    const through = ben.device.requests.length;
    await sync(ben);
    expect(ben.device.requests.slice(through).filter((each) => each.startsWith("PUT") && each.includes("/social/in/"))).toHaveLength(1);
    await sync(ana);
    const letter = letters(ben.device.store as never).at(-1);
    expect(letter?.there).toBeDefined();
    const { there: _, ...again } = letter as NonNullable<typeof letter>;
    await ben.device.store?.apply([{ set: `letter/${letter?.cid}/${letter?.nonce}`, value: again }]);
    await sync(ben, ana, cleo);
    expect(await said(cleo)).toEqual(["Ben: Later"]);
  });

  test("of the owner is theirs for everybody", async () => {
    await comment(ana, "Thanks to both");
    await sync(ana, ben);
    expect(await replies(ana)).toMatchObject([{ mine: true, name: "Ana", state: "shown" }]);
    expect(await replies(ben)).toMatchObject([{ mine: false, author: bens, name: "Ana" }]);
  });

  test("has words, and not too many", async () => {
    await expect(comment(ben, " \n")).rejects.toMatchObject({ code: "empty" });
    await expect(comment(ben, "x".repeat(2001))).rejects.toMatchObject({ code: "too-long" });
  });

  test("comes under the name that its author uses, and the owner sees the name that the owner gave", async () => {
    await ana.kith.renameFriend(toBen, "Little brother");
    await comment(ben, "Hello");
    await sync(ben, ana, cleo);
    expect(await said(cleo)).toEqual(["Ben: Hello"]);
    expect(await said(ana)).toEqual(["Little brother: Hello"]);
    await ana.kith.renameFriend(toBen, "Ben");
  });

  test("cannot come under another friend's name", async () => {
    await ben.kith.rename("cleo");
    await comment(ben, "I am Cleo");
    await sync(ben, ana, cleo);
    expect(await said(cleo)).toEqual(["Ben: I am Cleo"]);
    await ben.kith.rename("Ben");
  });

  test.each(["Cleo\u200b", "\u2060ＣＬＥＯ", "\u202eCleo", "Ana\u034f"])("cannot come under a name that is seen as another's: %j", async (name) => {
    const { folder } = whereOf(ref);
    await post(ben, bens, randomName((n) => crypto.getRandomValues(new Uint8Array(n)), 20), messageText({ kind: "comment", folder, text: "It is me", at: Date.now(), name }));
    await sync(ben, ana, cleo);
    expect(await said(cleo)).toEqual(["Ben: It is me"]);
  });
});

describe("taken back", () => {
  test("by its author before it left, it never leaves", async () => {
    await comment(ben, "Hush");
    const [reply] = await replies(ben);
    await (await ben.kith.talk()).unsay(await theirs(ben), reply?.id ?? "");
    expect(ben.kith.outbox()).toEqual([]);
    await sync(ben, ana);
    expect(await replies(ana)).toEqual([]);
  });

  test("by its author later, it is gone for everybody, and stays gone when it comes once more", async () => {
    await comment(ben, "Regret");
    const letter = letters(ben.device.store as never).at(-1);
    await sync(ben, ana, ben, cleo);
    const [reply] = await replies(ben);
    await (await ben.kith.talk()).unsay(await theirs(ben), reply?.id ?? "");
    expect(await replies(ben)).toMatchObject([{ state: "leaving" }]);
    await sync(ben, ana, cleo, ben);
    for (const one of [ana, ben, cleo]) expect(await replies(one)).toEqual([]);
    await ben.device.store?.apply([{ set: `letter/${letter?.cid}/${letter?.nonce}`, value: letter }]);
    await sync(ben, ana, cleo);
    expect(await replies(cleo)).toEqual([]);
    expect(await file(ana)).not.toContain("Regret");
  });

  test("by the owner, whoever wrote it", async () => {
    await comment(ben, "Rude");
    await sync(ben, ana, cleo);
    const [reply] = await replies(ana);
    await (await ana.kith.talk()).unsay(ref, reply?.id ?? "");
    await sync(ana, cleo, ben);
    for (const one of [ana, ben, cleo]) expect(await replies(one)).toEqual([]);
  });

  test("by somebody else, nothing happens", async () => {
    await comment(ben, "Mine");
    await sync(ben, ana, cleo);
    const [seen] = await replies(cleo);
    await (await cleo.kith.talk()).unsay(await theirs(cleo), seen?.id ?? "");
    await sync(cleo, ana, ben);
    expect(await said(ben)).toEqual(["Ben: Mine"]);
    expect(await said(ana)).toEqual(["Ben: Mine"]);
  });
});

describe("a like", () => {
  test("counts once, and can be taken back and given again", async () => {
    const talk = await ben.kith.talk();
    const at = await theirs(ben);
    await talk.like(at, true);
    await talk.like(at, true);
    await sync(ben, ana, ben, cleo);
    expect((await cleo.kith.readPost(await theirs(cleo)))?.likes).toBe(1);
    expect(await replies(ben)).toMatchObject([{ kind: "like", mine: true, state: "shown" }]);
    await talk.like(at, false);
    await sync(ben, ana, ben, cleo);
    expect((await cleo.kith.readPost(await theirs(cleo)))?.likes).toBe(0);
    await talk.like(at, true);
    await sync(ben, ana, ben);
    expect(await replies(ben)).toMatchObject([{ kind: "like", mine: true, state: "shown" }]);
  });

  test("of one friend counts once, whatever that friend's app sends", async () => {
    const { folder } = whereOf(ref);
    for (const nonce of ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"]) await post(ben, bens, nonce, messageText({ kind: "like", folder, at: Date.now(), name: "Ben" }));
    await sync(ben, ana);
    expect((await ana.kith.readPost(ref))?.likes).toBe(1);
  });
});

describe("what a friend sends", () => {
  test("to a post that they may not see is dropped", async () => {
    await ana.kith.setAudience(ref, to(toBen));
    await sync(ana);
    const [cid] = cleo.kith.friends().map((each) => each.cid);
    await post(cleo, cid as ContactId, "cccccccccccccccccccc", messageText({ kind: "comment", folder: whereOf(ref).folder, text: "I guessed it", at: Date.now(), name: "Cleo" }));
    await sync(cleo, ana);
    expect(await replies(ana)).toEqual([]);
    expect([...(ana.device.store?.rows("/social/in/") ?? [])].filter(({ path }) => path.includes("cccc"))).toEqual([]);
  });

  test("of another kind stays where it is", async () => {
    await post(ben, bens, "dddddddddddddddddddd", '{"type":"Arrive","object":"x"}');
    await sync(ben, ana, ana);
    const left = [...(ana.device.store?.rows("/social/in/") ?? [])].filter(({ path }) => path.endsWith("dddddddddddddddddddd"));
    expect(left).toHaveLength(1);
  });

  test("that is no text keeps nothing else back", async () => {
    await post(ben, bens, "ffffffffffffffffffff", "x");
    ben.device.before = (method, url, init) => {
      if (method !== "PUT" || !url.includes("/social/in/")) return;
      init.body = Uint8Array.of(0x22, 0xff, 0xfe, 0x22);
      init.headers = { ...(init.headers as Record<string, string>), "Content-Type": "application/octet-stream" };
    };
    await sync(ben);
    ben.device.before = () => undefined;
    await comment(ben, "after that");
    await ana.kith.post({ text: "mine", pictures: [], audience: to(toBen) });
    await sync(ben, ana, ben);
    expect([...(ana.device.store?.rows("/social/in/") ?? [])].some(({ path }) => path.endsWith("ffffffffffffffffffff"))).toBe(true);
    expect(await said(ana)).toEqual(["Ben: after that"]);
    expect(ana.kith.outbox()).toEqual([]);
    expect(ana.kith.pod()?.error).toBeUndefined();
  });

  test("dated in the future is dated now", async () => {
    await post(ben, bens, "eeeeeeeeeeeeeeeeeeee", messageText({ kind: "comment", folder: whereOf(ref).folder, text: "From 2100", at: Date.parse("2100-01-01T00:00:00Z"), name: "Ben" }));
    await sync(ben, ana);
    expect((await replies(ana))[0]?.at).toBeLessThanOrEqual(Date.now());
  });
});

describe("two devices of the owner", () => {
  test("that took in different comments without knowing of each other have both then", async () => {
    const laptop = await folks.another(ana, "laptop");
    await comment(ben, "one");
    await sync(ben);
    // The phone takes it in, and cannot bring it to the pod.
    ana.device.before = (method) => {
      if (method === "PUT" || method === "DELETE") throw new TypeError("cut");
    };
    await sync(ana);
    expect(await said(ana)).toEqual(["Ben: one"]);
    await (await laptop.kith.talk()).comment(ref, "two");
    await sync(laptop);
    ana.device.before = () => undefined;
    await sync(ana, laptop, ana, ben, cleo);
    for (const one of [laptop, ana, ben, cleo]) expect([...(await said(one))].sort()).toEqual(["Ana: two", "Ben: one"]);
  });

  test("that took in the same comment, partitioned, have it once", async () => {
    await comment(ben, "same");
    const letter = letters(ben.device.store as never).at(-1);
    await sync(ben);
    // The phone got the message by another way too, under another handle, and took it in while it was cut off.
    const tree = treeOf(ana);
    await tree.act("other", (batch) => batch.putText(`/social/in/${toBen}/${letter?.nonce}`, "application/ld+json", letter?.body ?? ""));
    ana.device.network = false;
    await sync(ana);
    ana.device.network = true;
    await sync(ana, ana, ben, cleo);
    for (const one of [ana, ben, cleo]) expect(await said(one)).toEqual(["Ben: same"]);
    const { salt } = await card(tree, toBen);
    expect(await file(ana)).toContain(await replyId(salt, whereOf(ref).folder, letter?.nonce ?? ""));
    expect([...(ana.device.store?.rows("/social/in/") ?? [])].filter(({ path }) => path.endsWith(letter?.nonce ?? "?"))).toEqual([]);
  });
});

/** post puts a letter of any content into the outbox of somebody's phone. */
async function post({ device }: One, cid: ContactId, nonce: string, body: string): Promise<void> {
  await device.store?.apply([{ set: `letter/${cid}/${nonce}`, value: { cid, nonce, what: "kept", body, since: Date.now(), attempts: 0 } }]);
}
