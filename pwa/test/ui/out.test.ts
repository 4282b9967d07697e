import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Kith } from "../../src/core/kith.ts";
import { type Outgoing, arrived, outgoingOf } from "../../src/ui/outgoing.ts";
import { fence, pagerOf } from "../../src/ui/pager.ts";
import { Device, until } from "../sync/world.ts";

let device: Device;
let kith: Kith;

beforeEach(async () => {
  device = new Device("phone");
  kith = await device.kith();
  await kith.start("Ana");
});
afterEach(() => device.close());

const texts = async (): Promise<readonly string[]> => (await kith.feed({ limit: 100 })).posts.map(({ text }) => text);

describe("a post on its way out", () => {
  /** The page's timer, which rings when the test says so. */
  class Timer {
    ring: (() => void) | undefined;
    setTimeout = ((run: () => void) => {
      this.ring = run;
      return 1;
    }) as Window["setTimeout"];
    clearTimeout = (): void => { this.ring = undefined; };
  }
  let timer: Timer;
  let outgoing: Outgoing;
  let posted: Promise<unknown> | undefined;

  beforeEach(() => {
    timer = new Timer();
    outgoing = outgoingOf(kith, timer);
    posted = undefined;
  });

  const draftOf = (text: string): Promise<string> => kith.saveDraft({ text, pictures: [], audience: { kind: "me" }, reason: "leaving" });
  const undone: string[] = [];
  const hold = (text: string): void =>
    outgoing.hold({ what: { text, pictures: [], audience: { kind: "me" } }, draft: draftOf(text) }, (result) => { posted = result; }, () => undone.push(text));

  test("that was finished when the page ended goes out at the next start", async () => {
    await draftOf("unsent");
    await kith.saveDraft({ text: "unfinished", pictures: [], audience: { kind: "me" }, reason: "typed" });
    await outgoing.resume();
    expect(await texts()).toEqual(["unsent"]);
    expect(kith.drafts().map(({ text }) => text)).toEqual(["unfinished"]);
  });

  test("goes after the pause, and its draft with it", async () => {
    hold("one");
    await until(() => kith.drafts().length === 1, "the draft");
    expect(await texts()).toEqual([]);
    timer.ring?.();
    await posted;
    expect(await texts()).toEqual(["one"]);
    expect(kith.drafts()).toEqual([]);
  });

  test("is taken back within the pause, and its draft stays", async () => {
    hold("two");
    expect(outgoing.kept.value).toBe(false);
    await until(() => outgoing.kept.value, "what is held is stored");
    expect(kith.drafts().length).toBe(1);
    expect(outgoing.held.value?.text).toBe("two");
    expect(outgoing.undo()).toBe(true);
    expect(undone).toEqual(["two"]);
    expect(outgoing.held.value).toBeUndefined();
    expect(outgoing.kept.value).toBe(false);
    expect(timer.ring).toBeUndefined();
    expect(posted).toBeUndefined();
    expect(await texts()).toEqual([]);
    expect(kith.drafts().map(({ text }) => text)).toEqual(["two"]);
  });

  test("is not at a pod when there is none", async () => {
    const ref = await outgoing.send({ what: { text: "here", pictures: [], audience: { kind: "me" } }, draft: draftOf("here") });
    expect(await arrived(kith, ref, timer)).toBe(false);
    expect(kith.drafts()).toEqual([]);
  });

  test("cannot be taken back once it is out", async () => {
    hold("three");
    void outgoing.flush();
    expect(outgoing.undo()).toBe(false);
    await posted;
    expect(await texts()).toEqual(["three"]);
  });

  test("makes way for the next", async () => {
    hold("first");
    const first = posted;
    hold("second");
    await (first ?? posted);
    expect(await texts()).toEqual(["first"]);
  });

  test("keeps its draft when it is refused", async () => {
    outgoing.hold({ what: { text: "", pictures: [], audience: { kind: "me" } }, draft: draftOf("kept") }, (result) => { posted = result; }, () => undefined);
    void outgoing.flush();
    await expect(posted).rejects.toMatchObject({ code: "empty" });
    await until(() => kith.drafts()[0]?.reason === "typed", "the draft");
    expect(kith.drafts().map(({ text }) => text)).toEqual(["kept"]);
  });
});

describe("pages of posts", () => {
  beforeEach(async () => {
    for (let n = 0; n < 45; n += 1) {
      device.ahead = n * 1_000;
      await kith.post({ text: `${n}`, pictures: [], audience: { kind: "me" } });
    }
  });

  test("are read one after the other to the end, newest first", async () => {
    const pager = pagerOf(kith, {});
    expect(pager.page.value).toBeUndefined();
    await pager.again();
    expect(pager.page.value?.posts).toHaveLength(20);
    while (pager.page.value?.more === true) await pager.on();
    expect(pager.page.value?.posts.map(({ text }) => Number(text))).toEqual(Array.from({ length: 45 }, (_, n) => 44 - n));
  });

  test("show a new post at the top and keep what was read", async () => {
    const pager = pagerOf(kith, { author: "me" });
    await pager.again();
    await pager.on();
    device.ahead = 60_000;
    await kith.post({ text: "new", pictures: [], audience: { kind: "me" } });
    await Promise.all([pager.again(), pager.again()]);
    expect(pager.page.value?.posts).toHaveLength(40);
    expect(pager.page.value?.posts[0]?.text).toBe("new");
  });

  test("end at a fence in time", async () => {
    const { posts } = await kith.feed({ limit: 100 });
    expect(fence(posts, posts[9]?.published ?? 0)).toBe(10);
    expect(fence(posts, 0)).toBe(45);
    expect(fence([], 0)).toBe(0);
  });
});
