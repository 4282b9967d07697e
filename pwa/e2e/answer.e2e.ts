/** A phone that answers: its page, and after a push its service worker, in a real browser at a real relay. */

import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Bytes, fromB64u, utf8 } from "../src/core/bytes.ts";
import { post, type Posted } from "../src/core/relay/client.ts";
import { makeQueue } from "../src/core/relay/queue.ts";
import { Mailbox } from "../src/core/relay/mailbox.ts";
import { readRelays, sendOf, tokenOf } from "../src/core/relay/settings.ts";
import { openAnswer, type SealedResponse } from "../src/core/sealed/answer.ts";
import { type ReplyTo, type SealedRequest, sealRequest } from "../src/core/sealed/request.ts";
import type { Did, Label } from "../src/core/webid/key.ts";
import { cases, draw, Player, salt, type Stage, whole } from "../test/answer/corpus.ts";
import { random, type Somebody, somebody } from "../test/answer/world.ts";
import type { House } from "./answer/main.ts";
import { builtFile, openScene, type Scene } from "./harness.ts";
import { openPushService, type PushService } from "./pushes.ts";
import { net, type Relay, startRelay } from "./relays.ts";
import { type Needle, rawSearch } from "./search.ts";
import { buildPage, openSite, type Site } from "./site.ts";

declare const house: House;


let scene: Scene;
let site: Site;
let address: string;
let relay: Relay;
let pushes: PushService;
let count = 0;

beforeAll(async () => {
  scene = await openScene();
  const house = await buildPage("answer", scene.folder);
  // The built app as a pod serves it, and beside it the page of this test, at one origin.
  const dist = fileURLToPath(new URL(".", builtFile));
  const pages: Readonly<Record<string, string>> = { "": join(dist, "shell.html"), house };
  site = await openSite((path) => pages[path] ?? join(dist, path));
  address = site.url;
  pushes = await openPushService();
  relay = await startRelay(join(scene.folder, "relay"), { pushes: pushes.host });
});

afterAll(async () => {
  await relay?.kill9();
  await site?.close();
  pushes?.close();
  await scene?.close();
});

/** A friend of the person on the phone: who they are to each other, and how messages are left. */
interface Friendship {
  readonly ben: Somebody;
  readonly cid: string;
  readonly salt: Bytes;
  readonly secret: Bytes;
  readonly queue: string;
  readonly self: Awaited<ReturnType<House["self"]>>;
}

let phone: BrowserContext;
let page: Page;
let friendship: Friendship;
let folder: string;

/** Opens a phone on which Ana lives, with one friend, one post and a queue at the relay. */
async function live(): Promise<void> {
  phone = await scene.profile(`phone${count++}`);
  await phone.grantPermissions(["notifications"], { origin: address.slice(0, -1) });
  page = await open();
  await page.evaluate(() => house.install());
  const ben = await somebody("Ben");
  const salt = random(32);
  const card = {
    name: "Ben", label: ben.label, devices: ben.made.devices.text, keys: ben.made.keys.text, ways: [], salt: Buffer.from(salt).toString("base64url"),
    since: Date.now(), grant: 1, accepts: [], muted: false, verified: false, blocked: false, direct: false, note: "",
  };
  const cid = await page.evaluate((friend) => house.befriend(friend), card);
  folder = await page.evaluate(() => house.post("for Ben", { kind: "all" }));
  const secret = fromB64u(await page.evaluate((url) => house.reach([url]), relay.url)) ?? random(32);
  const settings = readRelays((await page.evaluate(() => house.text("/settings/relays"))) ?? "");
  await page.evaluate(() => house.say());
  friendship = { ben, cid, salt, secret, queue: settings?.relays[0]?.queue ?? "", self: await page.evaluate(() => house.self()) };
}

async function open(): Promise<Page> {
  const opened = await phone.newPage();
  opened.on("pageerror", (error) => console.error("page:", error));
  await opened.goto(`${address}house`);
  await opened.waitForFunction(() => "house" in window);
  await opened.evaluate(() => house.open());
  return opened;
}

interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly nonce?: Bytes;
  readonly reply?: ReplyTo;
}

function seal({ method = "GET", path = `/social/posts/${folder}/post.jsonld`, headers = {}, body = "", nonce, reply }: Question = {}) {
  const { ben, salt, self } = friendship;
  const request = { method, path, headers: new Headers(headers), body: utf8(body) };
  const from = { label: ben.label, kid: ben.agree.kid, key: ben.agree.key, salt };
  return sealRequest({ now: Date.now, random }, { to: [{ key: self.agree as Did, device: self.device as Did }], from, label: self.label as Label, request, nonce, reply });
}

/** leave leaves a message, once the relay knows the send id. Whoever tries too often is told to wait. */
async function leave(message: Bytes, wait: number): Promise<Posted> {
  const send = await sendOf(friendship.secret, relay.url, `${friendship.cid} 1`);
  for (const end = Date.now() + 10_000; ; ) {
    const posted = await post(net, relay.url, send, message, wait);
    if (!("refused" in posted && (posted.refused === 404 || posted.refused === 429)) || Date.now() > end) return posted;
    await new Promise<void>((resolve) => net.after(("refused" in posted && posted.retryAfter) || 100, resolve));
  }
}

/** ask asks as the friend and waits for the answer. */
async function ask(question: Question = {}, wait = 20) {
  const { message, pending } = await seal(question);
  const posted = await leave(message, wait);
  const answer = "answer" in posted ? await openAnswer(pending, posted.answer) : undefined;
  return answer === undefined ? { status: 0, text: "", headers: {}, posted } : { status: answer.status, text: new TextDecoder().decode(answer.bytes), headers: Object.fromEntries(answer.headers), posted };
}

/** waiting resolves once so many messages wait in the person's queue. */
async function waiting(messages: number): Promise<void> {
  const token = await tokenOf(friendship.secret, relay.url, friendship.self.device);
  for (let found = -1, end = Date.now() + 10_000; found < messages; ) {
    if (Date.now() > end) throw new Error(`wait at the relay: ${found} messages`);
    found = await new Promise<number>((resolve) => {
      const look = new Mailbox(net, relay.url, [{ queue: friendship.queue, token }], {
        message: () => undefined,
        subscribed: (_queue, count) => (look.stop(), resolve(count)),
        refused: () => (look.stop(), resolve(-1)),
      });
      look.start();
    });
  }
}

/** pusher returns what wakes the service worker, as a push service would (Chrome DevTools Protocol, ServiceWorker). */
async function pusher(): Promise<() => Promise<void>> {
  const other = await phone.newPage();
  const debug: CDPSession = await phone.newCDPSession(other);
  const registered = new Promise<string>((resolve) => {
    debug.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const found = registrations.find(({ scopeURL, isDeleted }) => scopeURL === address && !isDeleted);
      if (found !== undefined) resolve(found.registrationId);
    });
  });
  await debug.send("ServiceWorker.enable");
  await other.goto("about:blank");
  const registrationId = await registered;
  return async () => void (await debug.send("ServiceWorker.deliverPushMessage", { origin: address.slice(0, -1), registrationId, data: "" }));
}

describe("an open page", () => {
  beforeEach(async () => {
    await live();
    await page.evaluate(() => house.answer());
    return () => phone.close();
  });

  test("answers a friend who waits from its own store", async () => {
    const { status, text, headers } = await ask();
    expect([status, text]).toEqual([200, await page.evaluate((path) => house.text(path), `/social/posts/${folder}/post.jsonld`)]);
    expect(headers).toMatchObject({ "kith-by": friendship.self.device, "content-type": "application/ld+json" });
    expect((await ask({ path: "/social/feed?inline=1" })).text).toContain("for Ben");
  });

  test("is not disturbed by a push: it answers, and the worker leaves the store alone", async () => {
    const push = await pusher();
    await push();
    expect(await ask()).toMatchObject({ status: 200 });
    expect(await page.evaluate(() => house.counter())).toBeGreaterThan(0);
  });
});

describe("the corpus", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await draw();
    await live();
    for (const { path, type, bytes, modified } of stage.things) {
      await page.evaluate(([...thing]) => house.put(...thing), [path, type, Buffer.from(bytes).toString("base64url"), modified] as const);
    }
    await page.evaluate(() => house.answer());
    await told();
    return () => phone.close();
  });

  /** told resolves once the relay knows by what the friends leave messages. */
  async function told(): Promise<void> {
    const hint: SealedRequest = { method: "POST", path: "/.hint", headers: new Headers(), body: utf8("") };
    for (const as of ["ben", "cem"]) {
      for (const end = Date.now() + 10_000; ; ) {
        if ((await once(as, hint).then(({ status }) => status, () => 0)) === 204) break;
        if (Date.now() > end) throw new Error(`the relay knows no way for ${as}`);
        await new Promise<void>((resolve) => net.after(100, resolve));
      }
    }
  }

  /** once asks by way of the relay; with `waking` until the worker has answered. */
  async function once(as: string, request: SealedRequest, waking?: () => Promise<void>): Promise<SealedResponse> {
    const { self, secret } = friendship;
    const to = [{ key: self.agree as Did, device: self.device as Did }];
    const friend = stage.people.get(as);
    const from = friend && { label: friend.label, kid: friend.agree.kid, key: friend.agree.key, salt };
    const { message, pending } = await sealRequest({ now: Date.now, random }, { to, from, label: self.label as Label, request });
    const send = await sendOf(secret, relay.url, `${stage.cids.get(friend === undefined ? "ben" : as)} 1`);
    const posted = post(net, relay.url, send, message, 6);
    for (let over = false; waking !== undefined && !over; ) {
      await waking();
      over = await Promise.race([posted.then(() => true), new Promise<false>((resolve) => net.after(2_000, () => resolve(false)))]);
    }
    const came = await posted;
    if ("refused" in came && came.refused === 429) {
      // All of the corpus comes from one address: the relay asks for a little time.
      await new Promise<void>((resolve) => net.after(1_000, resolve));
      return once(as, request, waking);
    }
    const opened = "answer" in came ? await openAnswer(pending, came.answer) : undefined;
    if (opened === undefined) throw new Declined();
    return opened;
  }

  async function played(run: string, waking?: () => Promise<void>): Promise<readonly string[]> {
    const player = new Player(run, (as, request) => whole(request, (each) => once(as, each, waking)).catch((error: unknown) => {
      if (error instanceof Declined) return undefined;
      throw error;
    }));
    const wrong: string[] = [];
    for (const each of cases.filter(({ as: who }) => who !== "owner")) {
      const came = await player.put(each);
      if (!isDeepStrictEqual(came, each.expect)) wrong.push(`${each.name}: ${JSON.stringify(came).slice(0, 300)} instead of ${JSON.stringify(each.expect).slice(0, 300)}`);
    }
    return wrong;
  }

  test("is answered by the page", async () => {
    expect(await played("page")).toEqual([]);
  }, 600_000);

  test("is answered alike by the service worker", async () => {
    await page.evaluate(() => house.stop());
    const push = await pusher();
    await page.close();
    expect(await played("worker", push)).toEqual([]);
  }, 600_000);
});

class Declined extends Error {}

describe("a closed page", () => {
  let push: () => Promise<void>;
  beforeEach(async () => {
    await live();
    // The relay hears of the friend while the page is open.
    await page.evaluate(() => house.answer());
    expect(await ask()).toMatchObject({ status: 200 });
    await page.evaluate(() => house.stop());
    push = await pusher();
    await page.close();
    return () => phone.close();
  });

  test("is answered for by the service worker within five seconds of a push", async () => {
    const asked = ask({}, 20);
    await waiting(1);
    const start = Date.now();
    await push();
    const { status, text, headers } = await asked;
    const took = Date.now() - start;
    console.log(`the closed page answered after ${took} ms`);
    expect([status, headers]).toMatchObject([200, { "kith-by": friendship.self.device }]);
    expect(text).toContain("for Ben");
    expect(took).toBeLessThan(5_000);
  });

  test("takes what a friend leaves, once, and the page finds it when it is opened", async () => {
    const put = { method: "PUT", path: `/social/in/${friendship.cid}/aaaaaaaa`, headers: { "If-None-Match": "*", "Content-Type": "application/ld+json" }, body: '{"type":"Note","content":"hello"}', nonce: random(16) };
    for (let times = 0; times < 2; times++) {
      const asked = ask(put);
      await waiting(1);
      await push();
      expect(await asked).toMatchObject({ status: 201 });
    }
    page = await open();
    expect(await page.evaluate((path) => house.text(path), put.path)).toBe(put.body);
    await page.evaluate(() => house.answer());
    expect(await ask({ ...put, nonce: random(16) })).toMatchObject({ status: 412 });
    expect(await ask(put)).toMatchObject({ status: 201 });
  });

  test("that is opened while the worker answers gets the store at once", async () => {
    const asked = ask();
    await waiting(1);
    await push();
    page = await open();
    await page.evaluate(() => house.answer());
    expect(await asked).toMatchObject({ status: 200 });
  });

  test("says one thing to the person", async () => {
    const asked = ask();
    await waiting(1);
    await push();
    expect(await asked).toMatchObject({ status: 200 });
    const opened = (page = await open());
    // The friend has the answer before the worker is done.
    await expect.poll(() => opened.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body }) => [title, body]))).toEqual([["Kith", "Friends were answered."]]);
  });

  test("whose store was evicted answers nothing, and deletes nothing", async () => {
    const blank = await phone.newPage();
    await blank.goto(`${address}icon.svg`);
    await blank.evaluate(async () => {
      for (const name of ["kith", "kith-keys"]) await new Promise((resolve) => (indexedDB.deleteDatabase(name).onsuccess = resolve));
      await (await navigator.storage.getDirectory()).removeEntry("kith");
    });
    const asked = ask({}, 6);
    await waiting(1);
    await push();
    expect(await asked).toMatchObject({ status: 0 });
    expect(await blank.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).not.toContain("kith");
    // What was left waits for a device that knows.
    expect((await asked).posted).toHaveProperty("cancel");
  });
});

describe("a copy whose lease ran out", () => {
  const path = (): string => `peers/${friendship.cid}/social/posts/2026-01-01-${"a".repeat(16)}/post.jsonld`;

  test("is dropped by what a push wakes, and its key is nowhere once the app was opened", async () => {
    await live();
    const name = `phone${count - 1}`;
    const push = await pusher();
    const slot = await page.evaluate(([cid, at]) => house.copy(cid as never, at, "what Ben posted", 31), [friendship.cid, path()] as const);
    await page.evaluate(() => house.close());
    await page.goto(`${address}icon.svg`);
    const key = Buffer.from(await page.evaluate(async (from) => {
      const file = await (await (await navigator.storage.getDirectory()).getFileHandle("kith")).getFile();
      return [...new Uint8Array(await file.slice(from, from + 32).arrayBuffer())];
    }, 64 * slot));
    const needle: Needle = { name: "key", forms: [key] };
    expect(await rawSearch([scene.profileFolder(name)], [needle])).toHaveLength(1);
    await push();
    // The worker has noted it while no page of the app is open.
    await expect.poll(() => page.evaluate(() => new Promise<number>((resolve) => {
      const asked = indexedDB.open("kith");
      asked.onsuccess = () => (asked.result.transaction("journal").objectStore("journal").count().onsuccess = ({ target }) => (asked.result.close(), resolve((target as IDBRequest<number>).result)));
    }))).toBeGreaterThan(0);
    await page.goto(`${address}house`);
    await page.waitForFunction(() => "house" in window);
    await page.evaluate(() => house.open());
    expect(await page.evaluate((at) => house.here(at), path())).toBe(false);
    await phone.close();
    expect(await rawSearch([scene.profileFolder(name)], [needle])).toEqual([]);
  });
});

describe("a phone whose owner lets it be woken", () => {
  /** What came to a queue of the friend's own. */
  const late: Bytes[] = [];
  let reply: ReplyTo;
  let box: Mailbox;

  beforeAll(async () => {
    const [token, send] = [random(32), random(24)];
    const made = await makeQueue(net, relay.url, [token]);
    if ("refused" in made) throw new Error(`make queue: ${made.refused}`);
    reply = { relay: relay.url, send };
    await new Promise<void>((ready) => {
      box = new Mailbox(net, relay.url, [{ queue: made.queue, token }], { message: ({ bytes }) => late.push(bytes), subscribed: () => ready() });
      box.start();
    });
    expect(await box.change(made.queue, { op: "send.add", sends: [send] })).toBe(true);
    return () => box.stop();
  });

  test("answers what a friend left while it was closed: the relay asks the push service, and the worker that is woken answers", async () => {
    await live();
    const key = await page.evaluate((subscription) => house.wake(subscription), pushes.subscription);
    await page.evaluate(() => house.answer());
    expect(await ask()).toMatchObject({ status: 200 });
    await page.evaluate(() => house.told());
    await page.evaluate(() => house.stop());
    const deliver = await pusher();
    await page.close();
    const { message, pending } = await seal({ reply });
    expect(await leave(message, 0)).toHaveProperty("cancel");
    await expect.poll(() => pushes.came.length, { timeout: 60_000 }).toBe(1);
    const [push] = pushes.came;
    // It tells neither who wrote nor what, and it comes from who has the key that this phone made.
    expect(push).toMatchObject({ by: key, claims: { aud: `http://${pushes.host}` }, content: new Uint8Array(0) });
    const start = Date.now();
    await deliver();
    await expect.poll(() => late.length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
    console.log(`answered ${Date.now() - start} ms after the push was delivered`);
    const answer = await openAnswer(pending, late[0] ?? random(0));
    expect([answer?.status, answer?.headers.get("kith-by")]).toEqual([200, friendship.self.device]);
    expect(new TextDecoder().decode(answer?.bytes)).toContain("for Ben");
    await waitsNothing();
    expect(pushes.came).toHaveLength(1);
    await phone.close();
  });

  /** waitsNothing resolves once the relay has been told that the message is answered. */
  async function waitsNothing(): Promise<void> {
    const token = await tokenOf(friendship.secret, relay.url, friendship.self.device);
    await expect.poll(() => new Promise<number>((resolve) => {
      const look = new Mailbox(net, relay.url, [{ queue: friendship.queue, token }], { message: () => undefined, subscribed: (_queue, count) => (look.stop(), resolve(count)) });
      look.start();
    }), { timeout: 60_000, interval: 500 }).toBe(0);
  }
});
