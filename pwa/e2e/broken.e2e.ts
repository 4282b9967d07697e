/** What goes wrong: links that are none, pictures that are none, servers that are full, broken or not what they
 * seem. The app says in plain words what failed, and what was typed or fetched stays. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { album, befriend, Phone, witness, words } from "./people.ts";
import { podPosts } from "./pods.ts";
import { openProxy, type Proxy } from "./proxy.ts";

let scene: Scene;
let host: Host;
let proxy: Proxy;
let mia: Phone;
let noa: Phone;
let used: string;

beforeAll(async () => {
  scene = await openScene();
  proxy = await openProxy();
  host = await scene.host("home", { before: proxy.port });
  proxy.passTo(host.port);
  [mia, noa] = await Promise.all([Phone.open(scene, "Mia", host.url), Phone.open(scene, "Noa", host.url)]);
  await mia.start();
  await noa.start();
  used = (await host.person("mia")).pair;
  await mia.connect(used);
  await noa.connect((await host.person("noa")).pair);
});

beforeEach(() => {
  proxy.fault("none");
  witness(() => [mia, noa]);
});

afterAll(async () => {
  await scene.close();
  await proxy.close();
});

describe("links", () => {
  test.each([
    ["words", "Dear Noa, come and see"],
    ["another site", "https://example.org/about"],
  ])("pasted as an invite: %s", async (_what, link) => {
    await noa.paste(link);
    await noa.shows(words.errors["bad-link"]);
    expect(await noa.page.getByRole("textbox", { name: words.add.paste }).inputValue()).toBe(link);
  });

  test.each([
    ["half an invite", async () => (await mia.invite()).slice(0, -40), words.errors["bad-link"]],
    ["an invite with a typing error", async () => (await mia.invite()).replace(/.{30}$/, "x".repeat(30)), words.errors["bad-link"]],
  ])("pasted as an invite: %s", async (_what, link, sentence) => {
    await noa.paste(await link());
    await noa.shows(sentence);
  });

  test("a pairing link pasted as an invite leads to its pod", async () => {
    await noa.paste(await host.pair("mia"));
    await noa.heading(words.standing.pod).waitFor();
    await noa.button(words.pod.instead).waitFor();
    await noa.button(words.add.notNow).click();
  });

  test("one's own invite", async () => {
    const own = await noa.invite();
    await noa.paste(own);
    await noa.shows(words.errors["own-invite"]);
  });

  test("an invite that somebody else has used", async () => {
    const link = await mia.invite();
    const oli = await Phone.open(scene, "Oli", link);
    await oli.start();
    await oli.button(words.add.accept).click();
    await oli.told(words.add.done("Mia"));
    await oli.context.close();
    await noa.paste(link);
    await noa.button(words.add.accept).click();
    await noa.refused(words.errors["link-used"]);
    await screenshot(noa.page, "broken-used");
  });

  test("pairing with an invite, with a used link, and with somebody else's pod", async () => {
    const pat = await Phone.open(scene, "Pat", host.url);
    await pat.start();
    await pat.go(words.self.pod);
    const field = pat.page.getByRole("textbox", { name: words.pod.paste });
    const paste = async (link: string, sentence: string, pod = false): Promise<void> => {
      await field.fill(link);
      await pat.button(words.add.open).click();
      if (pod) await pat.button(words.pod.connect).click();
      await pat.refused(sentence);
      await expect.poll(() => field.inputValue()).toBe(link);
    };
    await paste("this is no link", words.errors["bad-link"]);
    await paste(await mia.invite(), words.errors["link-of-other-kind"]);
    await paste(used, words.errors["link-used"], true);
    await paste(await host.pair("mia"), words.errors["pod-owned-by-other"], true);
    await screenshot(pat.page, "broken-pairing");
    await pat.context.close();
  });
});

describe("what is typed stays", () => {
  test("when a photo is none", async () => {
    const file = await album(scene, "holiday.jpg", Buffer.from("not a photo at all"));
    await mia.visit(words.nav.new);
    await mia.page.getByRole("textbox", { name: words.compose.placeholder }).fill("Look at this");
    await mia.page.getByLabel(words.compose.photos).setInputFiles(file);
    await mia.refused(words.errors["picture-unreadable"]);
    await screenshot(mia.page, "broken-picture");
    expect(await mia.page.getByRole("textbox", { name: words.compose.placeholder }).inputValue()).toBe("Look at this");
    await mia.button(words.compose.discard).click();
  });

  test("when it is too long for a post", async () => {
    const long = "far too long ".repeat(1600);
    await mia.write({ text: long, to: "me" });
    await mia.send();
    await mia.refused(words.errors["too-long"]);
    await mia.visit(words.nav.new);
    expect(await mia.page.getByRole("textbox", { name: words.compose.placeholder }).inputValue()).toBe(long);
    await mia.button(words.compose.discard).click();
  });

  test.each([
    ["is full", { status: 507 }, words.errors["pod-full"]],
    ["is broken", { status: 500 }, words.errors["pod-unreachable"]],
    ["is behind something else that answers", "garbage", words.errors["pod-unreachable"]],
    ["ends in the middle", "cut", words.errors["pod-unreachable"]],
  ] as const)("when the pod %s", async (how, fault, sentence) => {
    proxy.fault(fault, /^(PUT|GET) .*\.replica/);
    const text = `Written while the pod ${how}`;
    await mia.post({ text, to: "me" });
    await mia.article(text).getByText(how === "is full" ? words.post.full : words.post.waiting).waitFor();
    await mia.go(words.self.pod);
    await mia.shows(sentence);
    expect([...(await podPosts(host, "mia")).values()]).not.toContain(text);
    await screenshot(mia.page, `broken-pod-${how}`);
    proxy.fault("none");
    await mia.button(words.pod.again).click();
    await mia.shows(words.pod.allThere);
    expect([...(await podPosts(host, "mia")).values()]).toContain(text);
  });
});

describe("what friends have shared stays", () => {
  beforeAll(async () => {
    await befriend(mia, noa);
    await mia.post({ text: "For Noa to keep", to: [noa.name] });
    await noa.sees("For Noa to keep");
  });

  test.each([
    ["is broken", { status: 500 }, words.errors["friend-unreachable"]],
    ["is full", { status: 507 }, words.errors["friend-unreachable"]],
    ["is behind something else that answers", "garbage", words.errors["friend-unreachable"]],
    ["ends in the middle", "cut", words.errors["friend-unreachable"]],
  ] as const)("when a friend's pod %s", async (_how, fault, sentence) => {
    proxy.fault(fault, /\/mia\/social\/feed/);
    await noa.ask();
    await noa.shows(words.feed.unreached(["Mia"]));
    await noa.article("For Noa to keep").waitFor();
    await noa.visit(words.nav.friends);
    await noa.page.getByRole("list").getByRole("link", { name: "Mia" }).click();
    await noa.shows(sentence);
    proxy.fault("none");
    await noa.ask();
    await noa.page.getByText(words.feed.unreached(["Mia"])).filter({ visible: true }).waitFor({ state: "hidden" });
  });
});
