/** The relay client against the real relay: no browser, but the same code on the same WebSocket and fetch of the platform. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../src/core/bytes.ts";
import { cancel, type Net, post, type RelayInfo, relayInfo } from "../src/core/relay/client.ts";
import { makeQueue } from "../src/core/relay/queue.ts";
import type { Message } from "../src/core/relay/frames.ts";
import { cancelThrough, postThrough } from "../src/core/relay/hop.ts";
import { Mailbox, type MailboxState, type Subscription } from "../src/core/relay/mailbox.ts";
import { pollLine } from "../src/core/relay/poll.ts";
import { net, type Relay, startRelay } from "./relays.ts";

const random = (count: number): Bytes => crypto.getRandomValues(new Uint8Array(count));

let folder: string;
let relay: Relay;
let other: Relay;
const open: Mailbox[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kith-relay-"));
  relay = await startRelay(join(folder, "one"), { queues: "work" });
  other = await startRelay(join(folder, "other"), { forwards: [relay] });
});

afterAll(async () => {
  for (const mailbox of open) mailbox.stop();
  await Promise.all([relay?.kill9(), other?.kill9()]);
  await rm(folder, { recursive: true, force: true });
});

interface Reader {
  readonly mailbox: Mailbox;
  readonly messages: Message[];
  readonly states: MailboxState[];
  readonly waiting: number[];
}

/** reader follows a queue; it answers nothing by itself. */
async function reader(url: string, subscription: Subscription, on: Net = net): Promise<Reader> {
  const [messages, states, waiting]: [Message[], MailboxState[], number[]] = [[], [], []];
  const mailbox = new Mailbox(on, url, [subscription], {
    message: (message) => messages.push(message),
    state: (state) => states.push(state),
    subscribed: (_, count) => waiting.push(count),
  }, pollLine);
  open.push(mailbox);
  mailbox.start();
  await expect.poll(() => waiting.length, { timeout: 60_000 }).toBe(1);
  return { mailbox, messages, states, waiting };
}

/** queue makes a queue with one send id. */
async function queue(at: Relay): Promise<{ readonly subscription: Subscription; readonly send: Bytes }> {
  const [token, send] = [random(32), random(24)];
  const made = await makeQueue(net, at.url, [token]);
  if ("refused" in made) throw new Error(`make queue: ${made.refused}`);
  const subscription = { queue: made.queue, token };
  const { mailbox } = await reader(at.url, subscription);
  expect(await mailbox.change(made.queue, { op: "send.add", sends: [send] })).toBe(true);
  mailbox.stop();
  return { subscription, send };
}

async function info(at: Relay): Promise<RelayInfo> {
  const said = await relayInfo(net, at.url);
  if ("refused" in said) throw new Error(`ask relay: ${said.refused}`);
  return said;
}

/** noSockets is a network that lets no WebSocket through. */
const noSockets: Net = {
  ...net,
  socket: (url, protocol) => {
    const socket = new WebSocket(url.replace(/ws$/, "nothing-here"), protocol);
    return socket;
  },
};

describe("a relay", () => {
  it("says what it is, and wants work for a queue", async () => {
    const { queues, bits, key, message, ttl } = await info(relay);
    expect([queues, bits, key.length, message, ttl]).toEqual(["work", 18, 65, 17 << 16, 14 * 86_400]);
    expect(await makeQueue(net, relay.url, [random(32)])).toHaveProperty("queue");
    const cheat: Net = {
      ...net,
      fetch: (url, init) => fetch(url, typeof init.body === "object" && init.body instanceof Uint8Array ? { ...init, body: new TextDecoder().decode(init.body).replace(/"nonce":"[^"]*"/, '"nonce":"AAAAAAAAAAA"') } : init),
    };
    expect(await makeQueue(cheat, relay.url, [random(32)])).toMatchObject({ refused: 403 });
  });

  it("carries a message to who reads the queue, and the answer to who waits", async () => {
    const { subscription, send } = await queue(relay);
    const { mailbox, messages } = await reader(relay.url, subscription);
    const posted = post(net, relay.url, send, utf8("question"), 20);
    await expect.poll(() => messages.length, { timeout: 60_000 }).toBe(1);
    const [{ id, waits, bytes, expires }] = messages as [Message];
    expect([waits, bytes]).toEqual([true, utf8("question")]);
    expect(Math.abs(expires - Date.now() - 14 * 86_400_000)).toBeLessThan(60_000);
    expect(await mailbox.claim(id)).toBe(true);
    expect(await mailbox.reply(id, utf8("answer"))).toBe(true);
    expect(await mailbox.ack(id)).toBe(true);
    expect(await posted).toEqual({ answer: utf8("answer") });
  });

  it("keeps a message over its own death, until it is acknowledged", async () => {
    const { subscription, send } = await queue(relay);
    const posted = await post(net, relay.url, send, utf8("later"), 0);
    expect(posted).toHaveProperty("cancel");
    await relay.kill9();
    expect(await post(net, relay.url, send, utf8("nobody"), 0)).toMatchObject({ refused: 0 });
    await relay.start();
    const first = await reader(relay.url, subscription);
    expect(first.waiting).toEqual([1]);
    await expect.poll(() => first.messages.length, { timeout: 60_000 }).toBe(1);
    const [{ id, bytes, waits }] = first.messages as [Message];
    expect([bytes, waits]).toEqual([utf8("later"), false]);
    expect(await first.mailbox.reply(id, utf8("answer"))).toBe(false);
    expect(await first.mailbox.ack(id)).toBe(true);
    first.mailbox.stop();
    expect((await reader(relay.url, subscription)).waiting).toEqual([0]);
  });

  it("lets one of two devices claim a message", async () => {
    const { subscription, send } = await queue(relay);
    const [one, two] = [await reader(relay.url, subscription), await reader(relay.url, subscription)];
    await post(net, relay.url, send, utf8("question"), 0);
    await expect.poll(() => [one.messages.length, two.messages.length], { timeout: 60_000 }).toEqual([1, 1]);
    const id = one.messages[0]?.id ?? "";
    expect(await Promise.all([one.mailbox.claim(id), two.mailbox.claim(id)]).then((won) => won.filter(Boolean).length)).toBe(1);
  });

  it("takes a message back, and says when it does not know the send id or the token", async () => {
    const { subscription, send } = await queue(relay);
    const posted = await post(net, relay.url, send, utf8("not so"), 0);
    if (!("cancel" in posted)) throw new Error("not queued");
    expect(await cancel(net, relay.url, random(24), posted.cancel)).toBe(true);
    expect(await cancel(net, relay.url, send, posted.cancel)).toBe(true);
    expect((await reader(relay.url, subscription)).waiting).toEqual([0]);
    expect(await post(net, relay.url, random(24), utf8("guess"), 0)).toMatchObject({ refused: 404 });
    const refused: string[] = [];
    const stranger = new Mailbox(net, relay.url, [{ ...subscription, token: random(32) }], { message: () => undefined, refused: (of) => refused.push(of) });
    open.push(stranger);
    stranger.start();
    await expect.poll(() => refused, { timeout: 60_000 }).toEqual([subscription.queue]);
    stranger.stop();
  });

  it("forgets a send id that was removed, with what waits by it", async () => {
    const { subscription, send } = await queue(relay);
    await post(net, relay.url, send, utf8("from a friend no more"), 0);
    const { mailbox } = await reader(relay.url, subscription);
    expect(await mailbox.change(subscription.queue, { op: "send.remove", sends: [send] })).toBe(true);
    expect(await post(net, relay.url, send, utf8("again"), 0)).toMatchObject({ refused: 404 });
    const token = random(32);
    expect(await mailbox.change(subscription.queue, { op: "token.add", tokens: [token] })).toBe(true);
    expect((await reader(relay.url, { queue: subscription.queue, token })).waiting).toEqual([0]);
    expect(await mailbox.change("AAAAAAAAAAAAAAAAAAAAAA", { op: "delete" })).toBe(false);
    mailbox.stop();
  });

  it("knows the friends of somebody with many", async () => {
    const { subscription } = await queue(relay);
    const { mailbox } = await reader(relay.url, subscription);
    const sends = Array.from({ length: 700 }, () => random(24));
    expect(await mailbox.change(subscription.queue, { op: "send.add", sends })).toBe(true);
    for (const i of [0, 255, 256, 699]) expect(await post(net, relay.url, sends[i] as Bytes, utf8("hello"), 0)).toHaveProperty("cancel");
    mailbox.stop();
  });

  it("is reached again by itself after it was away", async () => {
    const { subscription, send } = await queue(relay);
    const { states, messages, waiting } = await reader(relay.url, subscription);
    await relay.kill9();
    await expect.poll(() => states.at(-1), { timeout: 60_000 }).toBe("lost");
    await relay.start();
    await expect.poll(() => waiting.length, { timeout: 60_000 }).toBe(2);
    await post(net, relay.url, send, utf8("after"), 0);
    await expect.poll(() => messages.length, { timeout: 60_000 }).toBe(1);
  });

  it("is polled where no WebSocket comes through", async () => {
    const { subscription, send } = await queue(relay);
    await post(net, relay.url, send, utf8("before"), 0);
    const { mailbox, messages, states } = await reader(relay.url, subscription, noSockets);
    expect(states.at(-1)).toBe("polling");
    await expect.poll(() => messages.length, { timeout: 60_000 }).toBe(1);
    const posted = post(net, relay.url, send, utf8("question"), 20);
    await expect.poll(() => messages.length, { timeout: 60_000 }).toBe(2);
    const [before, now] = messages as [Message, Message];
    expect([await mailbox.ack(before.id), await mailbox.claim(now.id), await mailbox.reply(now.id, utf8("answer")), await mailbox.ack(now.id)]).toEqual([true, true, true, true]);
    expect(await posted).toEqual({ answer: utf8("answer") });
    mailbox.stop();
  });
});

describe("the outer hop", () => {
  it("carries a message through another relay, its answer back, and what takes it back", async () => {
    const { subscription, send } = await queue(relay);
    const beyond = { url: relay.url, key: (await info(relay)).key };
    const { mailbox, messages } = await reader(relay.url, subscription);
    const posted = postThrough(net, other.url, beyond, send, utf8("question"), 20);
    await expect.poll(() => messages.length, { timeout: 60_000 }).toBe(1);
    const id = messages[0]?.id ?? "";
    expect(await mailbox.reply(id, utf8("answer"))).toBe(true);
    expect(await posted).toEqual({ answer: utf8("answer") });
    await mailbox.ack(id);
    mailbox.stop();
    const later = await postThrough(net, other.url, beyond, send, utf8("later"), 0);
    if (!("cancel" in later)) throw new Error("not queued");
    expect(await cancelThrough(net, other.url, beyond, send, later.cancel)).toBe(true);
    expect((await reader(relay.url, subscription)).waiting).toEqual([0]);
    expect(await postThrough(net, other.url, beyond, random(24), utf8("guess"), 0)).toMatchObject({ refused: 404 });
  });

  it("sealed to another key is not opened", async () => {
    const { send } = await queue(relay);
    const wrong = { url: relay.url, key: (await info(other)).key };
    expect(await postThrough(net, other.url, wrong, send, utf8("question"), 0)).toMatchObject({ refused: expect.toSatisfy((status: number) => status >= 400) });
  });
});
