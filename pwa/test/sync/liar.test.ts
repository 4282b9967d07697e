/** A relay that drops, repeats, reorders, flips, splices and lies: each is noticed or does no harm, and all is well once it is honest. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ContactId, Kith } from "../../src/core/kith.ts";
import { askedOf } from "../../src/core/sync/waits.ts";
import { flipped, frames, joined, Liar, type Lie } from "./liar.ts";
import { Relay } from "./relay.ts";
import { Device, until } from "./world.ts";

interface One {
  readonly device: Device;
  readonly kith: Kith;
}

const open: { close(): Promise<void> }[] = [];
let liar: Liar;
let ana: One;
let ben: One;
let toAna: ContactId;
let count = 0;

async function someone(name: string, url: string): Promise<One> {
  const device = new Device(`${name}'s phone`);
  open.push(device);
  const kith = await device.kith();
  await kith.start(name);
  await (await kith.relays()).add(url);
  return { device, kith };
}

beforeAll(async () => {
  const [real, honest] = [await Relay.open(), await Relay.open()];
  liar = await Liar.before(real.url);
  open.push(real, honest, liar);
  ana = await someone("Ana", liar.url);
  ben = await someone("Ben", honest.url);
  const { link } = await ana.kith.createInvite();
  // Ana's device may not have told the relay of the invite yet, or answer late.
  await until(async () => {
    if (ben.kith.friends().length === 0) await ben.kith.acceptInvite(link).catch(() => undefined);
    return ben.kith.friends().length > 0;
  }, "Ben and Ana are friends");
  toAna = ben.kith.friends()[0]?.cid as ContactId;
});
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
});

/** Each time Ana shares something new, which Ben has not seen. */
let news: string;
beforeEach(async () => {
  news = `post ${++count}`;
  await ana.kith.post({ text: news, pictures: [], audience: { kind: "all" } });
});

const texts = async (): Promise<readonly string[]> => (await ben.kith.feed({ limit: 100 })).posts.map(({ text }) => text);

/** told asks with the lie, and returns what Ben hears of Ana then. */
async function told(lie: Lie): Promise<readonly string[]> {
  liar.lie = lie;
  await ben.kith.refresh(toAna);
  return texts();
}

/** honest waits until Ben has it all, once each. With `later` a day and an hour go by: what waits is asked again. */
async function honest(later = false): Promise<void> {
  liar.lie = (_, truth) => truth();
  if (later) for (const { device } of [ana, ben]) device.ahead += 25 * 3_600_000;
  await until(async () => {
    await ben.kith.refresh(toAna);
    return (await texts()).includes(news);
  }, "Ben reads it once the relay is honest", 90_000);
  const all = await texts();
  expect(new Set(all).size).toBe(all.length);
  expect(all.filter((text) => !/^post \d+$/.test(text))).toEqual([]);
}

/** answers applies a change to what comes back to who left a message. */
const answers = (change: (body: Buffer) => Buffer): Lie => async ({ what }, truth) => {
  const { status, body } = await truth();
  return what === "leave" && status === 200 ? { status, body: change(body) } : { status, body };
};

/** messages applies a change to what a device collects. */
const messages = (change: (all: readonly Buffer[]) => readonly Buffer[]): Lie => async ({ what }, truth) => {
  const { status, body } = await truth();
  return what === "collect" && status === 200 ? { status, body: joined(change(frames(body))) } : { status, body };
};

describe("an answer", () => {
  let before: Buffer | undefined;
  test.each<readonly [string, Lie]>([
    ["of which a bit was flipped", answers(flipped)],
    ["that was cut in half", answers((body) => body.subarray(0, body.length >> 1))],
    ["with something after it", answers((body) => Buffer.concat([body, Buffer.alloc(1024)]))],
    ["that is empty", answers(() => Buffer.alloc(0))],
    ["to an earlier question", answers((body) => (before ??= body))],
    ["whose head is that of another", answers((body) => Buffer.concat([(before ?? body).subarray(0, 16), body.subarray(16)]))],
  ])("%s is none", async (_, lie) => {
    before = undefined;
    if (_.includes("earlier") || _.includes("another")) await told(answers((body) => (before = body))).then(async () => {
      news = `post ${++count}`;
      await ana.kith.post({ text: news, pictures: [], audience: { kind: "all" } });
    });
    expect(await told(lie)).not.toContain(news);
    expect(ben.kith.friends()[0]?.error).toBeDefined();
    await honest();
  });

  test.each([404, 403, 413, 429, 500, 507, 302, 204])("of status %i, which is not true, loses nothing", async (status) => {
    expect(await told(async ({ what }, truth) => (what === "leave" ? { status, body: Buffer.alloc(0) } : truth()))).not.toContain(news);
    await honest();
  });
});

describe("a message", () => {
  test("that is dropped, though the relay says that it keeps it, is left again", async () => {
    expect(await told(async ({ what }, truth) => (what === "leave" ? { status: 202, body: Buffer.from('{"cancel":"AAAAAAAAAAAAAAAAAAAAAA"}') } : truth()))).not.toContain(news);
    expect(ben.kith.waiting().length).toBeGreaterThan(0);
    await honest(true);
    await expect.poll(() => ben.kith.waiting()).toEqual([]);
  });

  test("that is dropped is not waited for any more when a later question was answered in its place", async () => {
    // So long a text does not come along with the list.
    const ref = await ana.kith.post({ text: "long ".repeat(1_000), pictures: [], audience: { kind: "all" } });
    const listed = async (): Promise<boolean> => (await ben.kith.feed({ limit: 100 })).posts.some(({ purged }) => purged);
    const dropped: Lie = async ({ what }, truth) => (what === "leave" && (await listed()) ? { status: 202, body: Buffer.from('{"cancel":"AAAAAAAAAAAAAAAAAAAAAA"}') } : truth());
    const asked = (): readonly string[] => (ben.device.store === undefined ? [] : askedOf(ben.device.store).map(({ path }) => path));
    await until(async () => (await told(dropped), asked().some((path) => path.startsWith("/social/posts/"))), "Ben waits for the text");
    news = `post ${++count}`;
    await ana.kith.edit(ref, news);
    await honest(true);
    await expect.poll(() => ben.kith.waiting()).toEqual([]);
  });

  test("that comes twice, and in another order, is answered as if it came once", async () => {
    const twice = messages((all) => [...all, ...all].reverse());
    await until(async () => (await told(twice)).includes(news), "Ben reads the post");
    await honest();
  });

  test("that is repeated later does nothing more", async () => {
    const kept: Buffer[] = [];
    liar.lie = messages((all) => (kept.push(...all), all));
    await until(async () => {
      await ben.kith.refresh(toAna);
      return (await texts()).includes(news);
    }, "Ben reads the post");
    const read = (await ben.kith.feed({ limit: 100 })).posts.find(({ text }) => text === news);
    if (read === undefined) throw new Error("no post");
    await (await ben.kith.talk()).comment(read.ref, "once");
    const said = async (): Promise<number> => {
      const own = (await ana.kith.feed({ limit: 100 })).posts.find(({ text }) => text === news);
      return own === undefined ? 0 : (await (await ana.kith.talk()).of(own.ref)).replies.filter(({ text }) => text === "once").length;
    };
    await until(async () => {
      await ben.kith.syncNow().catch(() => undefined);
      return (await said()) === 1;
    }, "the comment is there");
    // Under names of their own, as if they were new.
    let replayed = 0;
    const again = kept.map((frame) => Buffer.concat([frame.subarray(0, 1), crypto.getRandomValues(Buffer.alloc(16)), frame.subarray(17)]));
    liar.lie = messages((all) => {
      const more = replayed === 0 ? again : [];
      replayed += more.length;
      return [...all, ...more];
    });
    await until(async () => {
      await ben.kith.refresh(toAna);
      return replayed === again.length;
    }, "all was repeated");
    await honest();
    expect(await said()).toBe(1);
  });

  test("of which a bit was flipped, or that is put together from two, gets no answer", async () => {
    let last: Buffer | undefined;
    const spliced = (frame: Buffer): Buffer => {
      const other = last ?? frame;
      last = frame;
      return Buffer.concat([frame.subarray(0, 42 + 520), other.subarray(42 + 520)]);
    };
    liar.hold = 1;
    expect(await told(messages((all) => all.map(flipped)))).not.toContain(news);
    await honest(true);
    news = `post ${++count}`;
    await ana.kith.post({ text: news, pictures: [], audience: { kind: "all" } });
    await told(messages((all) => all.map(spliced)));
    await honest(true);
  });
});
