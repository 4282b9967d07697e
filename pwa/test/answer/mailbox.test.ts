/** A device that answers what friends leave at real relays. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Answering } from "../../src/core/answer/answering.ts";
import { b64u, type Bytes, fromB64u, utf8 } from "../../src/core/bytes.ts";
import type { ContactId } from "../../src/core/kith.ts";
import { changeFriend, removeFriend } from "../../src/core/pod/friends.ts";
import { relaysPath, type Folder } from "../../src/core/pod/paths.ts";
import { removePost, showPost } from "../../src/core/pod/posts.ts";
import { type Net, post, type Posted } from "../../src/core/relay/client.ts";
import { makeQueue } from "../../src/core/relay/queue.ts";
import type { Message } from "../../src/core/relay/frames.ts";
import { Mailbox } from "../../src/core/relay/mailbox.ts";
import { sendOf, tokenOf, writeRelays } from "../../src/core/relay/settings.ts";
import { openAnswer } from "../../src/core/sealed/answer.ts";
import { type Pending, sealRequest, type Sealing } from "../../src/core/sealed/request.ts";
import type { Did } from "../../src/core/webid/key.ts";
import { isNews } from "../../src/core/sync/parting.ts";
import { nextDeviceList } from "../../src/core/webid/devices.ts";
import { signerOf } from "../../src/core/webid/records.ts";
import { type Relay, startRelay } from "../../e2e/relays.ts";
import { until } from "../sync/world.ts";
import { befriend, houseOf, publish, random, type Somebody, somebody } from "./world.ts";

let folder: string;
let relay: Relay;
let [ana, ben]: [Somebody, Somebody] = [undefined as never, undefined as never];
let cid: ContactId;
let salt: Bytes;
let his: Folder;
let secret: Bytes;
let answering: Answering;
const ends: (() => unknown)[] = [];

const net: Net = {
  now: Date.now,
  random,
  fetch: (url, init) => fetch(url, init),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  socket: (url, protocol) => new WebSocket(url, protocol),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kith-answer-"));
  relay = await startRelay(join(folder, "one"), { queues: "open" });
});
afterAll(async () => {
  await relay.kill9();
  await rm(folder, { recursive: true, force: true });
});

/** queue makes a queue that this token reads. */
async function queue(token: Bytes): Promise<string> {
  const made = await makeQueue(net, relay.url, [token]);
  if ("refused" in made) throw new Error(`make queue: ${made.refused}`);
  return made.queue;
}

beforeEach(async () => {
  [ana, ben] = [await somebody("Ana"), await somebody("Ben")];
  cid = await befriend(ana, ben);
  salt = fromB64u(String((JSON.parse((await ana.tree.text(`/contacts/${cid}/card`)) ?? "{}") as Record<string, unknown>)["kith:salt"])) ?? salt;
  his = await publish(ana, "for Ben", { kind: "all" });
  secret = random(32);
  const made = await queue(await tokenOf(secret, relay.url, ana.tree.device));
  const text = writeRelays({ secret, hop: false, relays: [{ url: relay.url, queue: made, since: Date.now() }], old: [] });
  await ana.tree.act("other", (batch) => batch.putText(relaysPath, "application/json", text));
  answering = new Answering(houseOf(ana), { net });
});
afterEach(async () => {
  await answering.stop();
  for (const end of ends.splice(0)) await end();
});

interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly more?: Partial<Sealing>;
}

async function seal({ method = "GET", path = `/social/posts/${his}/post.jsonld`, headers = {}, body = "", more = {} }: Question = {}) {
  const request = { method, path, headers: new Headers(headers), body: utf8(body) };
  return sealRequest({ now: Date.now, random }, { to: [{ key: ana.agree.did, device: ana.tree.device as Did }], from: { label: ben.label, kid: ben.agree.kid, key: ben.agree.key, salt }, label: ana.label, request, ...more });
}

/** leave leaves a message by Ben's send id, once the relay knows that. */
async function leave(message: Bytes, wait = 20): Promise<Posted> {
  const send = await sendOf(secret, relay.url, `${cid} 1`);
  let posted: Posted | undefined;
  await until(async () => {
    posted = await post(net, relay.url, send, message, wait);
    return !("refused" in posted && posted.refused === 404);
  }, "leave a message");
  return posted ?? { refused: 0 };
}

async function opened(posted: Posted, pending: Pending) {
  if (!("answer" in posted)) throw new Error(`no answer: ${JSON.stringify(posted)}`);
  return openAnswer(pending, posted.answer);
}

/** waits opens a queue of Ben's for late answers. */
async function waits() {
  const [token, send] = [random(32), random(24)];
  const messages: Message[] = [];
  const name = await queue(token);
  let ready = false;
  const mailbox: Mailbox = new Mailbox(net, relay.url, [{ queue: name, token }], { message: (message) => messages.push(message), subscribed: () => (ready = true) });
  mailbox.start();
  ends.push(() => mailbox.stop());
  await until(() => ready, "subscribe");
  if (!(await mailbox.change(name, { op: "send.add", sends: [send] }))) throw new Error("add a send id: refused");
  return { messages, mailbox, reply: { relay: relay.url, send } };
}

test("a friend who waits is answered with what lies in the store, by a device that says which it is", async () => {
  await answering.start();
  const { message, pending } = await seal();
  const answer = await opened(await leave(message), pending);
  expect([answer?.status, new TextDecoder().decode(answer?.bytes)]).toEqual([200, await ana.tree.text(`/social/posts/${his}/post.jsonld`)]);
  expect(answer?.headers.get("Kith-By")).toBe(ana.tree.device);
});

test("what was left while nobody was awake is answered into the queue that the asker named", async () => {
  const ben2 = await waits();
  await answering.start();
  await opened(await leave((await seal()).message), (await seal()).pending).catch(() => undefined);
  await answering.stop();
  const { message, pending } = await seal({ more: { reply: ben2.reply } });
  expect(await leave(message, 0)).toHaveProperty("cancel");
  await answering.start();
  await until(() => ben2.messages.length > 0, "a late answer");
  expect((await openAnswer(pending, ben2.messages[0]?.bytes ?? utf8("")))?.status).toBe(200);
});

describe("a late answer is taken back", () => {
  test.each([
    ["when what it carries is deleted", () => removePost(ana.tree, his), {}],
    ["when its reader may not see it any more", () => showPost(ana.tree, his, { kind: "me" }), {}],
    ["when the friendship ends", () => removeFriend(ana.tree, cid), {}],
    ["when a feed told of a post that is gone", () => removePost(ana.tree, his), { path: "/social/feed?inline=1" }],
  ])("%s", async (_name, act, question) => {
    const [token, send] = [random(32), random(24)];
    const name = await queue(token);
    const state: string[] = [];
    const add: Mailbox = new Mailbox(net, relay.url, [{ queue: name, token }], { message: () => undefined, subscribed: () => void add.change(name, { op: "send.add", sends: [send] }).then((done) => state.push(String(done))) });
    add.start();
    await until(() => state.length > 0, "add a send id");
    add.stop();
    await answering.start();
    const { message } = await seal({ ...question, more: { reply: { relay: relay.url, send } } });
    // The friend does not wait, and their device sleeps.
    expect(await leave(message, 0)).toHaveProperty("cancel");
    await until(() => ana.store.names("late/").length === 1, "leave the answer");
    await act();
    await until(() => ana.store.names("late/").length === 0, "take it back");
    const left: Message[] = [];
    let waiting = -1;
    const reader = new Mailbox(net, relay.url, [{ queue: name, token }], { message: (each) => left.push(each), subscribed: (_queue, count) => (waiting = count) });
    reader.start();
    ends.push(() => reader.stop());
    await until(() => waiting >= 0, "look into the queue");
    expect([waiting, left]).toEqual([0, []]);
  });
});

test("a message that comes twice is done once, and one that this device cannot open is declined", async () => {
  await answering.start();
  const headers = { "If-None-Match": "*", "Content-Type": "application/ld+json" };
  const put = { method: "PUT", path: `/social/in/${cid}/aaaaaaaa`, headers, body: '{"type":"Note"}', more: { nonce: random(16) } };
  const [first, again] = [await seal(put), await seal(put)];
  expect((await opened(await leave(first.message), first.pending))?.status).toBe(201);
  const counter = ana.tree.counter;
  expect((await opened(await leave(again.message), again.pending))?.status).toBe(201);
  expect(ana.tree.counter).toBe(counter);
  const stranger = await somebody("Cem");
  const { message } = await seal({ more: { to: [{ key: stranger.agree.did, device: stranger.tree.device as Did }] } });
  expect(await leave(message, 2)).not.toHaveProperty("answer");
});

test("two devices of one person: one of them answers", async () => {
  await answering.start();
  const other = new Answering(houseOf(ana), { net });
  ends.push(() => other.stop());
  await other.start();
  const put = { method: "PUT", headers: { "If-None-Match": "*", "Content-Type": "text/plain" }, body: "x" };
  for (let i = 0; i < 10; i++) {
    const { message, pending } = await seal({ ...put, path: `/social/in/${cid}/aaaaaaa${i}` });
    expect((await opened(await leave(message), pending))?.status).toBe(201);
  }
});

test("a claimer that dies: another answers when its claim is over", async () => {
  let claimed = false;
  const token = await tokenOf(secret, relay.url, ana.tree.device);
  const [name = ""] = [JSON.parse((await ana.tree.text(relaysPath)) ?? "{}") as { relays: { queue: string }[] }].map(({ relays }) => relays[0]?.queue);
  await answering.start();
  const { message, pending } = await seal();
  await opened(await leave(message), pending);
  await answering.stop();
  const dead: Mailbox = new Mailbox(net, relay.url, [{ queue: name, token }], { message: ({ id }) => void dead.claim(id).then((won) => (claimed = won)) });
  dead.start();
  ends.push(() => dead.stop());
  const posted = leave((await seal()).message, 20);
  await until(() => claimed, "claim");
  dead.stop();
  await answering.start();
  expect(await posted).toHaveProperty("answer");
});

test("a friend of a raised grant, and one who was blocked, is not heard by the old way", async () => {
  await answering.start();
  await opened(await leave((await seal()).message), (await seal()).pending).catch(() => undefined);
  await changeFriend(ana.tree, cid, (card) => ({ ...card, grant: 2 }));
  await answering.refresh();
  const send = await sendOf(secret, relay.url, `${cid} 1`);
  await until(async () => {
    const posted = await post(net, relay.url, send, (await seal()).message, 0);
    return "refused" in posted && posted.refused === 404;
  }, "the old send id is gone");
  expect(b64u(await sendOf(secret, relay.url, `${cid} 2`))).toHaveLength(32);
});

/** queued looks into Ana's queue: how much waits there, and what of it is offered before `enough`. */
async function queued(enough: (count: number, found: readonly Bytes[]) => boolean): Promise<readonly [number, readonly Bytes[]]> {
  const token = await tokenOf(secret, relay.url, ana.tree.device);
  const { relays } = JSON.parse((await ana.tree.text(relaysPath)) ?? "{}") as { relays: { queue: string }[] };
  const found: Bytes[] = [];
  let count = -1;
  const reader: Mailbox = new Mailbox(net, relay.url, [{ queue: relays[0]?.queue ?? "", token }], { message: ({ bytes }) => found.push(bytes), subscribed: (_queue, there) => (count = there) });
  reader.start();
  await until(() => enough(count, found), "look into the queue");
  reader.stop();
  return [count, found];
}

test("without a page, of what comes under the person's own label a list waits that has to be looked at, and nothing else", async () => {
  await answering.start();
  await opened(await leave((await seal()).message), (await seal()).pending).catch(() => undefined);
  await answering.stop();
  const own = ana.made.devices;
  const next = await nextDeviceList(own, await signerOf(ana.keys, ana.tree.device as Did), [...own.devices, { kid: (await somebody("Eva")).tree.device as Did, name: "tablet", may: ["post"] }]);
  const put = async (body: Bytes, path = "/.replica/profile/devices"): Promise<Bytes> => {
    const from = { label: ana.label, kid: "kunknown", key: ben.agree.key, salt };
    return (await seal({ more: { from, request: { method: "PUT", path, headers: new Headers(), body } } })).message;
  };
  const news = await put(utf8(`${next.text}\n${ana.made.keys.text}`));
  const junk = [await put(Uint8Array.of(0xff, 0xfe, 0xff)), await put(utf8(own.text)), await put(utf8(next.text), "/.replica/profile/keys"), await put(utf8("x"), "/social/x")];
  for (const message of [news, ...junk]) expect(await leave(message, 0)).toHaveProperty("cancel");
  const { watch: _page, ...house } = houseOf(ana, { unlisted: (request) => isNews(ana.tree, request) });
  const brief = new Answering(house, { net, brief: true });
  ends.push(() => brief.stop());
  await brief.start();
  await until(async () => (await queued((count) => count >= 0))[0] === 1, "all others are declined");
  await brief.stop();
  const [count, found] = await queued((_count, each) => each.length > 0);
  expect([count, found.map(b64u)]).toEqual([1, [b64u(news)]]);
});
