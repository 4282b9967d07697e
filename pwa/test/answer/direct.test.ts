/** Direct connections between two persons' devices: who gets one, who does not, and what goes over it. */

import { beforeEach, describe, expect, test } from "vitest";
import { Responder } from "../../src/core/answer/responder.ts";
import { type Bytes, text, utf8 } from "../../src/core/bytes.ts";
import type { Env } from "../../src/core/env.ts";
import type { ContactId } from "../../src/core/kith.ts";
import type { Channel, ChannelEvents, Connecting } from "../../src/core/relay/direct.ts";
import { changeFriend, removeFriend } from "../../src/core/pod/friends.ts";
import { cardPath } from "../../src/core/pod/paths.ts";
import { DirectWay } from "../../src/core/sync/direct.ts";
import { agentOf, asker, befriend, houseOf, type Somebody, somebody } from "./world.ts";

/** Air is the platform: it joins whoever answers an offer with whoever made it, as a browser does. */
class Air {
  readonly #offered: ChannelEvents[] = [];

  platform(): Connecting {
    return {
      offer: async (events) => {
        const number = this.#offered.push(events) - 1;
        const far: { events?: ChannelEvents } = {};
        this.#far.push(far);
        return { offer: described(number), channel: channelTo(() => far.events, events), accept: async () => (events.opened(), far.events?.opened()) };
      },
      answer: async (offer, events) => {
        const number = Number(/a=n:(\d+)/.exec(offer)?.[1]);
        const [other, far] = [this.#offered[number], this.#far[number]];
        if (other === undefined || far === undefined) throw new Error("answer: no such offer");
        far.events = events;
        return { answer: described(number), channel: channelTo(() => other, events) };
      },
    };
  }

  readonly #far: { events?: ChannelEvents }[] = [];
}

function described(number: number): string {
  return `v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=n:${number}\r\n`;
}

function channelTo(far: () => ChannelEvents | undefined, near: ChannelEvents): Channel {
  let closed = false;
  return {
    send: (frame) => queueMicrotask(() => far()?.heard(frame)),
    waiting: () => 0,
    close: () => {
      if (closed) return;
      closed = true;
      far()?.ended();
      near.ended();
    },
  };
}

interface Side {
  readonly who: Somebody;
  readonly cid: ContactId;
  readonly way: DirectWay;
  readonly offers: string[];
}

let ana: Side;
let ben: Side;

beforeEach(async () => {
  const [one, other] = [await somebody("Ana"), await somebody("Ben")];
  const benCid = await befriend(one, other);
  const [found] = [...other.tree.store.rows("/contacts/")].map(({ path }) => path.split("/")[2] ?? "");
  const anaCid = found as ContactId;
  const air = new Air();
  const side = (who: Somebody, cid: ContactId, ask: () => Side): Side => {
    const offers: string[] = [];
    const env: Pick<Env, "now" | "after" | "connecting"> = { now: who.env.now, after: who.env.after, connecting: async () => air.platform() };
    const way = new DirectWay({ env: env as Env, tree: who.tree }, async (_, offer) => {
      offers.push(offer);
      const { who: friend, cid: back, way: theirs } = ask();
      const responder = new Responder(houseOf(friend, { direct: (of, given) => theirs.answer(of, given) }));
      const { status, text: answer } = await asker(responder, await agentOf(friend, back, who))("POST", "/.rtc", {}, offer);
      return status === 200 ? answer : undefined;
    });
    return { who, cid, way, offers };
  };
  ana = side(one, benCid, () => ben);
  ben = side(other, anaCid, () => ana);
  for (const { way, who } of [ana, ben]) way.serve = async (message: Bytes) => utf8(`${who.name} heard ${text(message)}`);
});

const allow = (side: Side, on = true): Promise<void> => side.way.allow(side.cid, on);

test("friends who both allow it ask each other over one connection", async () => {
  await Promise.all([allow(ana), allow(ben)]);
  await ana.way.meet(ana.cid);
  expect([ana.way.has(ana.cid), ben.way.has(ben.cid)]).toEqual([true, true]);
  expect(text((await ana.way.ask(ana.cid, utf8("hello"))) ?? utf8(""))).toBe("Ben heard hello");
  expect(text((await ben.way.ask(ben.cid, utf8("hello"))) ?? utf8(""))).toBe("Ana heard hello");
  await ana.way.meet(ana.cid);
  expect(ana.offers).toHaveLength(1);
});

test("who does not allow it shows no address: neither as the one who asks nor as the one who is asked", async () => {
  await allow(ben);
  await ana.way.meet(ana.cid);
  expect(ana.offers).toHaveLength(0);
  await ben.way.meet(ben.cid);
  expect(ben.offers).toHaveLength(1);
  expect([ana.way.has(ana.cid), ben.way.has(ben.cid)]).toEqual([false, false]);
});

test("what is not allowed any more ends, on both sides", async () => {
  await Promise.all([allow(ana), allow(ben)]);
  await ana.way.meet(ana.cid);
  await allow(ben, false);
  expect([ben.way.has(ben.cid), ana.way.has(ana.cid)]).toEqual([false, false]);
});

test("what another device of the owner's takes back ends, and so does what a friend has who is none any more", async () => {
  for (const end of [
    () => changeFriend(ana.who.tree, ana.cid, (card) => ({ ...card, direct: false })),
    () => changeFriend(ana.who.tree, ana.cid, (card) => ({ ...card, direct: true, blocked: true })),
    () => removeFriend(ana.who.tree, ana.cid),
  ]) {
    await Promise.all([changeFriend(ana.who.tree, ana.cid, (card) => ({ ...card, direct: true, blocked: false })), allow(ben)]);
    await ben.way.meet(ben.cid);
    ana.way.tidy();
    expect(ana.way.has(ana.cid)).toBe(true);
    await end();
    expect(await ana.way.answer(ana.cid, described(0))).toBeUndefined();
    ana.way.tidy();
    expect([ana.way.has(ana.cid), ben.way.has(ben.cid)]).toEqual([false, false]);
    ben.who.clock.ahead += 600_001;
  }
});

test("a permission stands in the friend's record, for all devices and the pod", async () => {
  const record = async (): Promise<unknown> => JSON.parse((await ana.who.tree.text(cardPath(ana.cid))) ?? "")["kith:direct"];
  expect(await record()).toBe(false);
  await allow(ana);
  expect(await record()).toBe(true);
  await allow(ana, false);
  expect(await record()).toBe(false);
});

test("two who connect at once have a connection afterwards", async () => {
  await Promise.all([allow(ana), allow(ben)]);
  await Promise.all([ana.way.meet(ana.cid), ben.way.meet(ben.cid)]);
  expect(text((await ana.way.ask(ana.cid, utf8("1"))) ?? utf8(""))).toBe("Ben heard 1");
  expect(text((await ben.way.ask(ben.cid, utf8("2"))) ?? utf8(""))).toBe("Ana heard 2");
});

test("a device without the means answers nobody, and asks nobody", async () => {
  const { who, cid } = ana;
  await allow(ana);
  const way = new DirectWay({ env: { now: who.env.now, after: who.env.after } as Env, tree: who.tree }, async () => {
    throw new Error("an offer was made");
  });
  await way.meet(cid);
  expect([way.has(cid), await way.answer(cid, described(0)), await way.ask(cid, utf8("?"))]).toEqual([false, undefined, undefined]);
});

describe("an offer", () => {
  const offered = async (direct: ((cid: ContactId, offer: string) => Promise<string | undefined>) | undefined, method = "POST") => {
    const responder = new Responder(houseOf(ana.who, direct && { direct }));
    return asker(responder, await agentOf(ana.who, ana.cid, ben.who))(method, "/.rtc", {}, "v=0");
  };

  test("is answered in its own form", async () => {
    const heard: string[] = [];
    const { status, headers, text: answer } = await offered(async (cid, offer) => (heard.push(cid, offer), "v=0 yes"));
    expect([status, headers["content-type"], answer, heard]).toEqual([200, "application/sdp", "v=0 yes", [ana.cid, "v=0"]]);
  });

  test("is left to another device where none can be taken", async () => {
    expect((await offered(undefined)).status).toBe(0);
  });

  test("that is not wanted looks like everything out of reach", async () => {
    const responder = new Responder(houseOf(ana.who));
    const elsewhere = await asker(responder, await agentOf(ana.who, ana.cid, ben.who))("POST", "/.elsewhere", {}, "v=0");
    expect(await offered(async () => undefined)).toEqual(elsewhere);
    expect(elsewhere.status).toBe(403);
    expect((await offered(async () => "v=0", "GET")).status).toBe(405);
    const nobody = asker(new Responder(houseOf(ana.who, { direct: async () => "v=0" })), { kind: "nobody" });
    expect((await nobody("POST", "/.rtc")).status).toBe(401);
  });
});
