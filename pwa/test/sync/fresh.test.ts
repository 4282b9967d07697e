/** When an open app asks friends: at once when somebody looks, when they ask for it, and when a friend is new. */

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Kith, NewPicture } from "../../src/core/kith.ts";
import { Host } from "./host.ts";
import { Device, picture, until } from "./world.ts";

/** One is a person with a phone and a pod. */
interface One {
  readonly device: Device;
  readonly kith: Kith;
  readonly pod: string;
}

let host: Host;
let count = 0;
const open: Device[] = [];

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
afterEach(async () => {
  await Promise.all(open.splice(0).map((device) => device.close()));
});

async function someone(name: string): Promise<One> {
  const device = new Device(`${name}'s phone`);
  open.push(device);
  const kith = await device.kith();
  await kith.start(name);
  const person = await host.person(`fresh${count++}`);
  await kith.connectPod(person.pair);
  await kith.syncNow();
  return { device, kith, pod: person.pod };
}

/** follow makes the second a friend of the first. */
async function follow(reader: One, author: One): Promise<void> {
  await author.kith.acceptInvite((await reader.kith.createInvite()).link);
  await author.kith.syncNow();
  await reader.kith.syncNow();
}

async function say({ kith }: One, text: string, ...pictures: readonly NewPicture[]): Promise<void> {
  await kith.post({ text, pictures, audience: { kind: "all" } });
  await kith.syncNow();
}

const sees = async ({ kith }: One, text: string): Promise<boolean> => (await kith.feed({ limit: 50 })).posts.some((post) => post.text === text);

test("a new friend is asked as soon as the app hears of them", async () => {
  const [ana, ben] = [await someone("Ana"), await someone("Ben")];
  await ben.kith.acceptInvite((await ana.kith.createInvite()).link);
  await say(ben, "hello Ana");
  ana.device.wake();
  await until(() => sees(ana, "hello Ana"), "the first post of a new friend");
});

test("who accepts an invite sees what is there for them at once", async () => {
  const [ana, ben] = [await someone("Ana"), await someone("Ben")];
  ben.device.wake();
  await until(() => ben.kith.pod().kind === "connected", "connect");
  const { link } = await ana.kith.createInvite();
  // The pod lets Ben in, and Ana's phone shows him a post, before he hears that he is accepted.
  const { fetch } = globalThis;
  globalThis.fetch = async (url, init) => {
    const answer = await fetch(url, init);
    if (!String(url).includes(".invites/") || init?.method !== "POST") return answer;
    globalThis.fetch = fetch;
    await ana.kith.syncNow();
    await say(ana, "welcome");
    return answer;
  };
  await ben.kith.acceptInvite(link);
  await until(() => sees(ben, "welcome"), "what is there");
});

test("everybody is asked when somebody looks at the app again, also who did not answer before", async () => {
  const [ana, ben] = [await someone("Ana"), await someone("Ben")];
  await follow(ana, ben);
  ana.device.answer = (_method, url) => (url.startsWith(ben.pod) ? new Response("", { status: 502 }) : undefined);
  for (let n = 0; n < 6; n++) await ana.kith.refresh();
  expect(ana.kith.friends()[0]?.error?.code).toBe("friend-unreachable");
  ana.device.answer = () => undefined;
  await say(ben, "are you there?");
  ana.device.wake();
  await until(() => sees(ana, "are you there?"), "ask again");
});

test("a pod that asked to be left alone is left alone, unless the person asks", async () => {
  const [ana, ben, cem] = [await someone("Ana"), await someone("Ben"), await someone("Cem")];
  await follow(ana, ben);
  await follow(ana, cem);
  ana.device.answer = (_method, url) => (url.startsWith(ben.pod) ? new Response("", { status: 503, headers: { "Retry-After": "600" } }) : undefined);
  await ana.kith.refresh();
  ana.device.answer = () => undefined;
  await say(ben, "busy");
  await say(cem, "idle");
  ana.device.wake();
  await until(() => sees(ana, "idle"), "ask who did not");
  expect(await sees(ana, "busy")).toBe(false);
  // Who asks while only the others are being asked is not given what these say.
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const asked = (): number => ana.device.requests.filter((each) => each.includes(cem.pod)).length;
  const before = asked();
  ana.device.before = (_method, url) => (url.startsWith(cem.pod) ? held : undefined);
  ana.device.wake();
  await until(() => asked() > before, "ask who did not once more");
  const everybody = ana.kith.refresh();
  release();
  await everybody;
  expect(await sees(ana, "busy")).toBe(true);
});

test("a person who asks while friends are being asked hears what came since", async () => {
  const [ana, ben, cem] = [await someone("Ana"), await someone("Ben"), await someone("Cem")];
  await follow(ana, ben);
  await follow(ana, cem);
  await ana.kith.refresh();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let reached = false;
  ana.device.before = (_method, url) => {
    if (!url.startsWith(cem.pod)) return undefined;
    reached = true;
    return held;
  };
  const asked = (): number => ana.device.requests.filter((each) => each.includes(`${ben.pod}social/feed`)).length;
  const before = asked();
  const first = ana.kith.refresh();
  await until(() => reached && asked() > before, "ask");
  await say(ben, "just now");
  ana.device.ahead += 10_000;
  const second = ana.kith.refresh();
  release();
  await Promise.all([first, second]);
  expect(await sees(ana, "just now")).toBe(true);
});

test("a picture comes along with its text, though another friend takes long to answer", async () => {
  const [ana, ben, cem] = [await someone("Ana"), await someone("Ben"), await someone("Cem")];
  await follow(ana, ben);
  await follow(ana, cem);
  await ana.kith.refresh();
  await say(ben, "look", picture("a hill"));
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  ana.device.before = (_method, url) => (url.startsWith(cem.pod) ? held : undefined);
  ana.device.ahead += 10_000;
  const round = ana.kith.refresh();
  await until(async () => (await ana.kith.feed({ limit: 1 })).posts[0]?.pictures[0]?.thumbHere === true, "the picture is there");
  release();
  await round;
});

test("a person who asks hears from their own other devices too", async () => {
  const ana = await someone("Ana");
  ana.device.wake();
  await until(() => ana.kith.pod().kind === "connected", "connect");
  const rounds = (): number => ana.device.requests.filter((each) => each.includes(".replica?") && !each.includes("wait=")).length;
  await until(() => ana.device.requests.some((each) => each.includes("wait=25")), "listen");
  const before = rounds();
  await ana.kith.refresh();
  await until(() => rounds() > before, "exchange");
});

