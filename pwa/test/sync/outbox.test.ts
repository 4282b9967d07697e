/** What the pod answers to the outbox, from the real pod and, where that one never would, from one in between. */

import { mkdir, rmdir } from "node:fs/promises";
import { join as below } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Compose, Kith } from "../../src/core/kith.ts";
import { Host, type Person } from "./host.ts";
import { Device, picture, until } from "./world.ts";

let host: Host;
let person: Person;
let [first, second] = [new Device("phone"), new Device("laptop")];
let [phone, laptop]: [Kith, Kith] = [undefined as never, undefined as never];
let count = 0;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
beforeEach(async () => {
  [first, second] = [new Device("phone"), new Device("laptop")];
  [phone, laptop] = [await first.kith(), await second.kith()];
  await phone.start("Ana");
  person = await host.person(`outbox${count++}`);
  expect(await phone.previewPod(person.pair)).toEqual({ host: person.pod.replace(/^https?:\/\/|\/$/g, ""), pod: person.pod });
  await phone.connectPod(person.pair);
  await phone.syncNow();
});
afterEach(async () => {
  await first.close();
  await second.close();
});

const say = (text: string): Compose => ({ text, pictures: [], audience: { kind: "me" } });
const texts = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 100 })).posts.map(({ text }) => text);

async function join(): Promise<void> {
  const { link } = await phone.linkDevice();
  const joined = laptop.joinDevice(link, "laptop");
  await until(async () => {
    await phone.syncNow();
    return phone.devices().length > 2;
  }, "let the device in");
  await joined;
  await laptop.syncNow();
}

/** meanwhile lets something happen once, just before a device sends a request of that kind. */
function meanwhile(device: Device, sent: (method: string, url: string) => boolean, act: () => Promise<void>): void {
  device.before = async (method, url) => {
    if (!sent(method, url)) return;
    device.before = () => undefined;
    await act();
  };
}

describe("what was deleted between the look and the write", () => {
  test("stays deleted: an edit of a post becomes a draft, and the outbox is empty", async () => {
    const ref = await phone.post(say("common"));
    await phone.syncNow();
    await join();
    await laptop.edit(ref, "edited on the laptop");
    const after = await laptop.post(say("behind it"));
    meanwhile(second, (method, url) => method === "PUT" && url.endsWith(`${ref.slice(3)}/post.jsonld`), async () => {
      await phone.remove(ref);
      await phone.syncNow();
    });
    await laptop.syncNow();
    expect(laptop.outbox()).toEqual([]);
    expect(laptop.drafts()).toMatchObject([{ reason: "lost", text: "edited on the laptop", post: ref }]);
    expect((await laptop.readPost(after))?.state).toBe("pod");
    await laptop.syncNow();
    await phone.syncNow();
    expect(await texts(laptop)).toEqual(["behind it"]);
    expect(await texts(phone)).toEqual(["behind it"]);
    expect([...(second.store?.rows(`/social/posts/${ref.slice(3)}/`) ?? [])]).toEqual([]);
  });

  test("stays deleted: a friend who was removed elsewhere is not a friend here", async () => {
    const ben = new Device("Ben's phone");
    const other = await ben.kith();
    await other.start("Ben");
    await other.acceptInvite((await phone.createInvite()).link);
    await phone.syncNow();
    await join();
    const [friend] = laptop.friends();
    await laptop.renameFriend(friend?.cid as never, "Benjamin");
    await laptop.renameFriend(friend?.cid as never, "Benny");
    meanwhile(second, (method, url) => method === "PUT" && url.endsWith("/card"), async () => {
      await phone.removeFriend(friend?.cid as never);
      await phone.syncNow();
    });
    await laptop.syncNow();
    await phone.syncNow();
    expect([phone.friends(), laptop.friends()]).toEqual([[], []]);
    expect([phone.outbox(), laptop.outbox()]).toEqual([[], []]);
    await ben.close();
  });
});

describe("what the pod does not take", () => {
  const waits = (): readonly unknown[] => phone.outbox().map(({ what, error }) => [what, error?.code]);
  const puts = (): readonly string[] => first.requests.filter((each) => each.startsWith("PUT"));

  /** refusing lets something in between answer what is put at such paths. */
  const refusing = (status: number, path: RegExp): void => {
    first.answer = (method, url) => (method === "PUT" && path.test(url) ? new Response("<p>No.", { status }) : undefined);
  };

  /** byHand changes the pod's folder while it is stopped. */
  async function byHand(change: (folder: string) => Promise<unknown>): Promise<void> {
    await host.stop();
    await change(below(host.folder, "pods", person.name));
    await host.start();
  }

  test("says why, and the rest goes on; it is taken when it can be", async () => {
    first.network = false;
    await phone.addCircle("Refused", []);
    const [row] = [...(first.store?.rows("/circles/") ?? [])];
    const twin = `circles/${row?.path.slice("/circles/".length).toUpperCase()}`;
    const kept = await phone.addCircle("Taken", []);
    const ref = await phone.post(say("taken"));
    // A folder with this name, but for its case.
    await byHand((folder) => mkdir(below(folder, twin), { recursive: true }));
    first.network = true;
    await phone.syncNow();
    expect(waits()).toEqual([["circle", "not-taken"]]);
    expect(phone.pod()).toMatchObject({ kind: "connected", waiting: 1 });
    expect((await phone.readPost(ref))?.state).toBe("pod");
    await phone.renameCircle(kept, "Taken too");
    await phone.syncNow();
    expect(waits()).toEqual([["circle", "not-taken"]]);
    await byHand((folder) => rmdir(below(folder, twin)));
    await phone.syncNow();
    expect(waits()).toEqual([]);
    await join();
    expect(laptop.circles().map(({ name }) => name)).toEqual(["Refused", "Taken too"]);
  });

  test.each([[413, "picture-too-large"], [422, "not-taken"], [500, "pod-unreachable"], [507, "pod-full"]] as const)("with %i holds back its own post alone", async (status, code) => {
    refusing(status, /\/1\.webp$/);
    const gone = await phone.post(say("deleted"));
    await phone.syncNow();
    const ref = await phone.post({ text: "with a picture", pictures: [picture("x")], audience: { kind: "me" } });
    await phone.edit(ref, "with a picture, edited");
    await phone.post(say("after it"));
    await phone.remove(gone);
    await phone.syncNow();
    expect(waits()).toEqual([["post", code], ["edit", undefined]]);
    expect(puts().filter((each) => each.includes(ref.slice(3)) && !each.endsWith("/1.webp"))).toEqual([]);
    expect(phone.pod()).toMatchObject({ kind: "connected" });
    expect(phone.pod().error?.code).toBe(status === 507 ? code : undefined);
    expect((await phone.feed({ limit: 9 })).posts.map(({ text, state }) => [text, state])).toEqual([["after it", "pod"], ["with a picture, edited", "waiting"]]);
    await phone.remove(ref);
    await phone.syncNow();
    expect(waits()).toEqual([]);
    expect(phone.pod().error).toBeUndefined();
  });

  test("is not what something in between says that is no pod", async () => {
    refusing(200, /./);
    await phone.post(say("waits"));
    await phone.syncNow();
    expect(phone.pod()).toMatchObject({ kind: "unreachable", waiting: 1 });
    first.answer = () => undefined;
    await phone.syncNow();
    expect(phone.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  });

  test("does not keep an open app from hearing others, and is not sent again and again", async () => {
    refusing(413, /\/1\.webp$/);
    first.wake();
    await until(() => phone.pod().kind === "connected", "connect");
    await phone.post({ text: "stuck", pictures: [picture("x")], audience: { kind: "me" } });
    await until(() => phone.outbox()[0]?.error !== undefined, "be refused");
    const last = (is: (request: string) => boolean): number => first.requests.map(is).lastIndexOf(true);
    await until(() => last((each) => each.includes("wait=25")) > last((each) => each.startsWith("PUT")), "listen");
    for (const name of ["A", "B", "C"]) {
      await phone.addCircle(name, []);
      await until(() => phone.outbox().length === 1, "bring a circle to the pod");
    }
    expect(puts().filter((each) => each.endsWith("/1.webp")).length).toBeLessThan(3);
    expect(phone.outbox()).toMatchObject([{ what: "post", error: { code: "picture-too-large" } }]);
  });

  test("is tried again by itself after a while", async () => {
    refusing(422, /\/circles\//);
    first.wake();
    await phone.addCircle("Later", []);
    await until(() => phone.outbox()[0]?.error !== undefined, "be refused");
    first.answer = () => undefined;
    first.ahead += 60_000;
    first.wake();
    await until(() => phone.outbox().length === 0, "be taken");
  });
});

test("what the pod cannot read of its own does not hold back what waits here", async () => {
  await join();
  await laptop.post(say("broken"));
  await laptop.syncNow();
  first.answer = (method, url) => (method === "GET" && url.endsWith("/post.jsonld") ? new Response("", { status: 500 }) : undefined);
  await phone.addCircle("Family", []);
  await phone.syncNow();
  expect(phone.pod()).toMatchObject({ error: { code: "pod-unreachable" }, waiting: 0 });
  first.answer = () => undefined;
  await phone.syncNow();
  expect(phone.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  expect(await texts(phone)).toEqual(["broken"]);
});
