/** One person, a phone and a laptop: what both change apart comes together, and no typed word is lost. */

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { desktop, type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { Phone, witness, words } from "./people.ts";
import { podPosts } from "./pods.ts";

let scene: Scene;
let host: Host;
let phone: Phone;
let laptop: Phone;

const [edited, deleted, quiet] = ["Soup on Thursday", "Picnic on Friday", "Nothing on Saturday"] as const;

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  phone = await Phone.open(scene, "Mia", host.url);
  await phone.start();
  await phone.connect((await host.person("mia")).pair);
  for (const text of [edited, deleted, quiet]) await phone.post({ text, to: "me" });
});

beforeEach(() => witness(() => [phone, laptop]));

afterAll(() => scene.close());

test("another device joins by a link and has everything", async () => {
  await phone.go(words.self.devices);
  await phone.button(words.devices.add).click();
  const link = (await phone.page.getByRole("dialog").getByText(/#device=/).textContent()) ?? "";
  await screenshot(phone.page, "devices-link");

  laptop = await Phone.open(scene, "Laptop", link, desktop);
  await laptop.page.getByRole("textbox", { name: words.welcome.deviceName }).fill("Laptop");
  await laptop.button(words.welcome.join).click();
  await laptop.page.getByRole("navigation", { name: words.nav.label }).waitFor();
  // The link has done its work: nothing is said of it any more.
  expect(await laptop.page.getByText(words.welcome.deviceHere).count()).toBe(0);
  for (const text of [edited, deleted, quiet]) await laptop.sees(text);
  expect(await laptop.page.getByText(words.welcome.deviceHere).count()).toBe(0);
  await screenshot(laptop.page, "devices-laptop");
  // The link has done its work.
  await phone.page.getByRole("dialog").waitFor({ state: "hidden" });
  await phone.page.getByRole("main").getByRole("listitem").filter({ hasText: "Laptop" }).waitFor();
});

test("what one does the other shows", async () => {
  await phone.post({ text: "From the phone", to: "me" });
  await laptop.sees("From the phone");
  await laptop.post({ text: "From the laptop", to: "me" });
  await phone.sees("From the laptop");
});

test("one post edited on both while apart becomes the same text, and the edit that came second is a draft", async () => {
  await apart();
  const typed = new Map([[phone, "Soup with leeks on Thursday"], [laptop, "Soup with lentils on Thursday"]]);
  for (const [device, text] of typed) await device.edit(edited, text);
  await together();

  const shown = async (device: Phone): Promise<string | undefined> => {
    for (const text of typed.values()) if ((await device.article(text).count()) > 0) return text;
    return undefined;
  };
  for (const device of [phone, laptop]) await device.visit(words.nav.feed);
  await expect.poll(async () => {
    const [here, there] = [await shown(phone), await shown(laptop)];
    return here === there && here !== undefined && [...(await podPosts(host, "mia")).values()].includes(here);
  }, { timeout: 60_000 }).toBe(true);
  const winner = await shown(phone);
  const second = [...typed.values()].find((text) => text !== winner)!;
  const keeper = await keeps(second);
  await screenshot(keeper.page, "devices-draft");
  await keeper.article(second).getByRole("button", { name: words.drafts.discard }).click();
  await keeper.article(second).waitFor({ state: "hidden" });
  expect([...(await podPosts(host, "mia")).values()]).not.toContain(second);
});

test("a deleted post stays deleted, and an edit of it is kept as a draft", async () => {
  await apart();
  await phone.remove(deleted);
  await laptop.edit(deleted, "Picnic with cake on Friday");
  // The edit is at the pod before the deletion is.
  await laptop.context.setOffline(false);
  await laptop.visit(words.nav.feed);
  await laptop.article("Picnic").getByText(words.post.waiting).waitFor({ state: "hidden" });
  await phone.context.setOffline(false);
  for (const device of [phone, laptop]) {
    await device.visit(words.nav.feed);
    await device.article("Picnic").waitFor({ state: "hidden" });
    await device.article(quiet).waitFor();
  }
  const keeper = await keeps("Picnic with cake on Friday");
  await keeper.article("Picnic with cake on Friday").getByRole("button", { name: words.drafts.use }).click();
  await keeper.heading(words.compose.title).waitFor();
  expect(await keeper.page.getByRole("textbox", { name: words.compose.placeholder }).inputValue()).toBe("Picnic with cake on Friday");
  expect([...(await podPosts(host, "mia")).values()].filter((text) => text.startsWith("Picnic"))).toEqual([]);
});

test("any of them shuts another out, which can do nothing afterwards", async () => {
  await laptop.go(words.self.devices);
  const row = laptop.page.getByRole("main").getByRole("listitem").filter({ hasNotText: words.devices.this }).filter({ hasNotText: words.devices.isPod });
  await row.getByRole("button", { name: words.devices.remove }).click();
  await laptop.page.getByRole("dialog").getByRole("button", { name: words.devices.remove }).click();
  await row.waitFor({ state: "detached" });
  await phone.post({ text: "From the lost phone", to: "me" });
  await phone.go(words.self.pod);
  await phone.shows(words.standing.removed);
  await laptop.post({ text: "Still here", to: "me" });
  await expect.poll(async () => [...(await podPosts(host, "mia")).values()].includes("Still here"), { timeout: 60_000 }).toBe(true);
  expect([...(await podPosts(host, "mia")).values()]).not.toContain("From the lost phone");
});

test("one that was shut out and would pair anew is told what has become of it", async () => {
  await phone.follow(await host.pair("mia"));
  await phone.page.getByRole("main").getByText(words.standing.removed).waitFor();
  expect(await phone.button(words.pod.connect).count()).toBe(0);
  expect(await phone.page.getByText(words.errors["pod-refused"]).count()).toBe(0);
});

/** apart takes the network from both devices. */
async function apart(): Promise<void> {
  for (const device of [phone, laptop]) {
    await device.context.setOffline(true);
    await device.visit(words.nav.feed);
    await device.shows(words.feed.offline);
  }
}

async function together(): Promise<void> {
  for (const device of [phone, laptop]) await device.context.setOffline(false);
}

/** keeps waits until the device on which the two changes met tells its person of the one that came second, and
 * shows it there. */
async function keeps(text: string): Promise<Phone> {
  const told = async (): Promise<Phone | undefined> => {
    for (const device of [phone, laptop]) if (await device.page.getByText(words.feed.lost).isVisible()) return device;
    return undefined;
  };
  for (const device of [phone, laptop]) await device.visit(words.nav.feed);
  await expect.poll(told, { timeout: 60_000 }).toBeDefined();
  const device = (await told())!;
  await device.page.getByRole("main").getByRole("link", { name: words.feed.look }).first().click();
  await device.heading(words.drafts.title).waitFor();
  await device.article(text).getByText(words.drafts.lostHint).waitFor();
  return device;
}
