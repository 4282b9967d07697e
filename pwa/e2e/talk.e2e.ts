/** What friends say to a post, and what becomes of their copies: several browsers, pods on the real binary. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { etagOf, jsonLD } from "../src/core/pod/tree.ts";
import { lookAt } from "./look.ts";
import { type Host, openScene, phone, type Scene } from "./harness.ts";
import { album, befriend, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";
import { podFiles, postNamed } from "./pods.ts";
import { type Needle, rawSearch, text as textual } from "./search.ts";

const day = 24 * 3600_000;

let scene: Scene;
let host: Host;
let ana: Phone;
let ben: Phone;
let laptop: Phone;
let cleo: Phone;

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  const [first, second, third] = await Promise.all(["Ana", "Ben", "Cleo"].map((name) => Phone.open(scene, name, host.url)));
  [ana, ben, cleo] = [first!, second!, third!];
  for (const each of [ana, ben, cleo]) {
    await each.start();
    await each.connect((await host.person(each.name.toLowerCase())).pair);
  }
  await befriend(ana, ben);
  await befriend(ana, cleo);
});

beforeEach(() => witness(() => [ana, ben, laptop, cleo]));

afterAll(() => scene.close());

/** A screen, as `lookAt` looks at it. */
const look = ({ page }: Phone, name: string): Promise<void> => lookAt(page, `talk ${name}`);

/** hears waits until a comment is on the screen of the post, which is opened for it. */
async function hears(who: Phone, post: string, said: string): Promise<void> {
  await expect.poll(async () => {
    await who.ask();
    await who.enter(post);
    return who.said(said).count();
  }, { timeout: 60_000 }).toBe(1);
}

describe("a comment", () => {
  const post = "The first dahlias";

  test("is written where it says who will see it, by keyboard alone, and comes to everybody who sees the post", async () => {
    const photo = await takePhoto(ana.page, { width: 1200, height: 900, seed: 4, latitude: 1, longitude: 2, camera: "canary-camera-05" });
    await ana.post({ text: post, to: "all", pictures: [{ file: await album(scene, "dahlias.jpg", photo), alt: "Dahlias" }] });
    await Promise.all([ben.sees(post), cleo.sees(post)]);
    await ben.enter(post);
    const { page } = ben;
    const write = page.getByRole("textbox", { name: words.talk.write });
    await page.getByText(words.talk.seenBy("Ana")).waitFor();
    expect(await write.getAttribute("aria-describedby")).toBe(await page.getByText(words.talk.seenBy("Ana")).getAttribute("id"));
    await page.getByRole("button", { name: words.talk.like }).focus();
    await page.keyboard.press("Enter");
    await page.getByText(words.talk.youLike).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.type("How lovely they are");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await ben.said("How lovely they are").waitFor();
    await expect.poll(() => write.inputValue()).toBe("");
    await ben.said("How lovely they are").getByText(words.talk.arrived("Ana")).waitFor();
    await look(ben, "sent");
    await hears(ana, post, "How lovely they are");
    await ana.page.getByText(words.talk.liked(["Ben"])).waitFor();
    await hears(cleo, post, "How lovely they are");
    await cleo.comment(post, "صباح الخير، أجمل من العام الماضي");
    await ana.comment(post, "Thank you both. There is a second bed of them behind the shed, and if the frost stays away they will last until your visit.");
    await hears(ana, post, "صباح الخير");
    await look(ana, "own post");
    await hears(ben, post, "Thank you both");
    await look(ben, "a friend's post");
  });

  test("and a like are counted in the feed", async () => {
    await ben.ask();
    await ben.article(post).getByRole("link", { name: `${words.post.likes(1)} · ${words.post.comments(3)}` }).waitFor();
  });

  test("written offline waits, survives a reload, says so, and goes out by itself", async () => {
    await ben.enter(post);
    await ben.context.setOffline(true);
    await ben.page.getByRole("textbox", { name: words.talk.write }).fill("From the train");
    await ben.button(words.talk.send).click();
    await ben.said("From the train").getByText(words.talk.waiting("Ana")).waitFor();
    await look(ben, "waiting");
    await ben.page.reload();
    await ben.go(words.standing.waiting);
    await ben.page.getByText(words.waiting.doing.comment).first().waitFor();
    await look(ben, "outbox");
    await ben.context.setOffline(false);
    await ben.page.getByText(words.waiting.none).waitFor();
    await hears(cleo, post, "From the train");
  });

  test("is taken back by its author, and removed by the post's owner, for everybody", async () => {
    await hears(ben, post, "From the train");
    await ben.said("From the train").getByRole("button", { name: words.talk.takeBackWhat("From the train") }).click();
    await ben.told(words.talk.tookBack);
    await hears(ana, post, "How lovely");
    await ana.said("From the train").waitFor({ state: "detached" });
    await ana.said("How lovely").getByRole("button", { name: words.talk.removeWhat("Ben", "How lovely they are") }).click();
    await ana.page.getByRole("dialog").getByRole("button", { name: words.talk.remove, exact: true }).click();
    await ana.told(words.talk.removed);
    await expect.poll(async () => {
      await cleo.ask();
      await cleo.enter(post);
      return [await cleo.said("Thank you both").count(), await cleo.said("From the train").count(), await cleo.said("How lovely").count()];
    }, { timeout: 60_000 }).toEqual([1, 0, 0]);
  });
});

describe("copies", () => {
  const post = "Nobody needs to have this for long";

  test("are deleted on every device that hears of it, and the owner sees on which", async () => {
    await ben.go(words.devices.title);
    await ben.button(words.devices.add).click();
    const link = (await ben.page.getByText(/#device=/).textContent()) ?? "";
    laptop = await Phone.open(scene, "Ben's laptop", link);
    await laptop.page.getByRole("textbox", { name: words.welcome.deviceName }).fill("laptop");
    await laptop.button(words.welcome.join).click();
    await laptop.heading(words.feed.title).waitFor();
    await ben.page.getByRole("dialog").waitFor({ state: "hidden" });
    await ana.post({ text: post, to: "all" });
    await Promise.all([ben.sees(post), laptop.sees(post), cleo.sees(post)]);
    await cleo.context.close();
    const folder = await postNamed(host, "ana", post);
    const kept = (await podFiles(host, "ana")).get(`/social/posts/${folder}/post.jsonld`)!;
    const needles = [textual(post), textual(folder.slice(11)), textual((await etagOf(jsonLD, new Uint8Array(kept))).slice(1, -1))];
    expect(new Set((await rawSearch([host.folder], needles)).map(({ needle }) => needle)).size).toBe(needles.length);

    await ana.remove(post);
    await ana.page.getByRole("region", { name: words.said }).getByRole("button", { name: words.post.who }).click();
    await ana.heading(words.deleted.title).waitFor();
    const row = (name: string) => ana.page.getByRole("listitem").filter({ hasText: name });
    await row("Ben").getByText(words.deleted.waiting).waitFor();
    await Promise.all([ben.misses(post), laptop.misses(post)]);
    await row("Ben").getByText(words.deleted.gone(2)).waitFor();
    expect(await row("Cleo").textContent()).toContain(words.deleted.waiting);
    await ana.page.getByText(words.deleted.asked(2, 1)).waitFor();
    await look(ana, "deleted");

    cleo = await Phone.open(scene, "Cleo", host.url);
    await cleo.misses(post);
    await row("Cleo").getByText(words.deleted.gone(1)).waitFor();
    await ana.page.getByText(words.deleted.asked(2, 2)).waitFor();
    await expect.poll(async () => [...(await podFiles(host, "ana")).keys()].filter((path) => /^\/social\/(deleted|in\/[^/]+)\/[^.]/.test(path)).length).toBe(1);
    expect(await rawSearch([host.folder, ...["Ana", "Ben", "Ben's laptop", "Cleo"].map((name) => scene.profileFolder(name))], needles)).toEqual([]);
  });

  test("are deleted by those who may no longer see it, and the owner sees on which devices", async () => {
    const fewer = "Not for everybody after all";
    await ana.post({ text: fewer, to: "all" });
    await Promise.all([ben.sees(fewer), laptop.sees(fewer), cleo.sees(fewer)]);
    await cleo.context.close();
    await ana.show(fewer, "me");
    await ana.go(words.self.deleted);
    const told = ana.page.getByRole("region").filter({ hasText: words.deleted.narrowed("").slice(0, -2) });
    const row = (name: string) => told.getByRole("listitem").filter({ hasText: name });
    await row("Ben").getByText(words.deleted.waiting).waitFor();
    await Promise.all([ben.misses(fewer), laptop.misses(fewer)]);
    await row("Ben").getByText(words.deleted.gone(2)).waitFor();
    expect(await row("Cleo").textContent()).toContain(words.deleted.waiting);
    cleo = await Phone.open(scene, "Cleo", host.url);
    await cleo.misses(fewer);
    await row("Cleo").getByText(words.deleted.gone(1)).waitFor();
    await ana.visit(words.nav.feed);
    await ana.article(fewer).waitFor();
  });

  test("last as long as their owner says", async () => {
    await ana.go(words.self.copies);
    await ana.page.getByRole("radio", { name: words.copies.days(30), checked: true }).waitFor();
    await look(ana, "copies");
    await ana.page.getByRole("radio", { name: words.copies.days(7) }).check();
    await ana.post({ text: "A week of this", to: "all" });
    await Promise.all([ben.sees("A week of this"), cleo.sees("A week of this")]);
  });

  test("may be kept when their owner lets them", async () => {
    await ben.enter("A week of this");
    await ben.button(words.keep.ask).click();
    await ben.page.getByText(words.keep.asked("Ana")).waitFor();
    await look(ben, "asked to keep");
    await ana.visit(words.nav.feed);
    await ana.page.getByText(words.feed.asks("Ben")).waitFor();
    await look(ana, "is asked");
    await ana.page.locator(".notice").filter({ hasText: words.feed.asks("Ben") }).getByRole("link", { name: words.feed.look }).click();
    await ana.page.getByText(words.keep.asks("Ben")).waitFor();
    await look(ana, "may they keep it");
    await ana.button(words.keep.yes).click();
    await ana.told(words.keep.said("Ben"));
    await ben.page.getByText(words.keep.granted("Ana")).waitFor();
    await look(ben, "may keep it");
  });

  test("without contact for longer than that become unreadable, but for those that may be kept", async () => {
    await Promise.all([ben.context.close(), cleo.context.close()]);
    const late = await later("Cleo", 6);
    const keys = await keysOf(late, "A week of this");
    expect(keys.length).toBeGreaterThan(0);
    await late.context.close();
    expect(await found("Cleo", keys)).toEqual(["key"]);

    await host.stop();
    cleo = await later("Cleo", 15);
    await cleo.page.getByText(words.post.lapsed("").slice(0, 20)).first().waitFor();
    expect(await cleo.article("A week of this").count()).toBe(0);
    await cleo.page.getByRole("button", { name: words.post.askAgain }).first().waitFor();
    await look(cleo, "ran out");
    await cleo.context.close();
    expect(await found("Cleo", keys)).toEqual([]);

    ben = await later("Ben", 15);
    await ben.article("A week of this").waitFor();
  });
});

/** later opens the app of somebody so many days later; the page notes each key that opens something, with what it opens. */
function later(name: string, days: number): Promise<Phone> {
  const before = (ahead: number): void => {
    const { now } = Date;
    Date.now = () => now() + ahead;
    const seen: Opened[] = [];
    const names = new WeakMap<CryptoKey, string>();
    const { subtle } = crypto;
    const [use, open] = [subtle.importKey.bind(subtle), subtle.decrypt.bind(subtle)] as const;
    const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    Object.defineProperty(subtle, "importKey", { value: async (...given: Parameters<typeof use>) => {
      const key = await use(...given);
      if ((given[1] as unknown) instanceof Uint8Array) names.set(key, hex(given[1] as unknown as Uint8Array));
      return key;
    } });
    Object.defineProperty(subtle, "decrypt", { value: async (...given: Parameters<typeof open>) => {
      const plain = await open(...given);
      seen.push({ key: names.get(given[1]) ?? "", text: new TextDecoder().decode(plain) });
      return plain;
    } });
    Object.assign(globalThis, { seen });
  };
  return Phone.open(scene, name, host.url, phone, { content: `(${before})(${days * day})` });
}

/** Opened is a key in hexadecimal and what it opened. */
interface Opened {
  readonly key: string;
  readonly text: string;
}

/** keysOf returns the keys by which the bodies with that text were opened. */
async function keysOf({ page }: Phone, text: string): Promise<string[]> {
  await page.getByRole("article").filter({ hasText: text }).waitFor();
  return page.evaluate((wanted) => (globalThis as unknown as { seen: Opened[] }).seen.filter(({ text }) => text.startsWith("{") && text.includes(wanted)).map(({ key }) => key), text);
}

async function found(name: string, keys: readonly string[]): Promise<string[]> {
  const needle: Needle = { name: "key", forms: keys.map((key) => Buffer.from(key, "hex")) };
  return [...new Set((await rawSearch([scene.profileFolder(name)], [needle])).map((hit) => hit.needle))];
}
