/** One person without a pod, a phone and a laptop: linked at a relay, kept equal by each other, and read by a friend through whichever is open. */

import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { enBackup as b } from "../src/ui/words/en/backup.ts";
import { desktop, type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { apart, lookAt } from "./look.ts";
import { album, befriend, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";
import { type Relay, startRelay } from "./relays.ts";

let scene: Scene;
/** Where the app comes from; nobody has a pod there. */
let app: Host;
let relay: Relay;
let phone: Phone;
let laptop: Phone;
let ben: Phone;

beforeAll(async () => {
  scene = await openScene();
  app = await scene.host("app");
  relay = await startRelay(join(scene.folder, "relay"));
  phone = await Phone.open(scene, "Mia", app.url);
  await phone.start();
  ben = await Phone.open(scene, "Ben", app.url);
  await ben.start();
});

beforeEach(() => witness(() => [phone, laptop, ben]));

afterAll(async () => {
  await scene.close();
  await relay?.kill9();
});

test("without a relay the devices' screen says what is needed, with one it links another device, which has everything", async () => {
  await phone.go(words.self.devices);
  await phone.shows(words.devices.noPod);
  await phone.page.getByRole("link", { name: words.devices.relay }).click();
  await phone.relay(relay.url);
  await ben.relay(relay.url);
  await befriend(phone, ben);
  const photo = await takePhoto(phone.page, { width: 1600, height: 1200, seed: 7, latitude: 1, longitude: 2, camera: "c" });
  await phone.post({ text: "Before the laptop", to: "all", pictures: [{ file: await album(scene, "pond.jpg", photo), alt: "A pond" }] });

  await phone.go(words.self.devices);
  await phone.shows(words.devices.meet);
  await phone.button(words.devices.add).click();
  const link = (await phone.page.getByRole("dialog").getByText(/#device=/).textContent()) ?? "";
  await screenshot(phone.page, "devices-relay-link");
  laptop = await Phone.open(scene, "Laptop", `${app.url}/${link.replace(/^[^#]*/, "")}`, desktop);
  await laptop.page.getByRole("textbox", { name: words.welcome.deviceName }).fill("Laptop");
  await laptop.button(words.welcome.join).click();
  await laptop.page.getByRole("navigation", { name: words.nav.label }).waitFor();
  await laptop.article("Before the laptop").waitFor();
  await expect.poll(() => laptop.article("Before the laptop").getByRole("img", { name: "A pond" }).evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true);
  await laptop.hasFriend("Ben");
  // The link has done its work.
  await phone.page.getByRole("dialog").waitFor({ state: "hidden" });
  await phone.page.getByRole("main").getByRole("listitem").filter({ hasText: "Laptop" }).waitFor();
  await screenshot(phone.page, "devices-relay-two");
});

test("what either posts the other shows and a friend reads, whichever is open", async () => {
  await phone.post({ text: "From the phone", to: "all" });
  await laptop.visit(words.nav.feed);
  await laptop.article("From the phone").waitFor();
  await laptop.post({ text: "From the laptop", to: "all" });
  await phone.visit(words.nav.feed);
  await phone.article("From the laptop").waitFor();

  await phone.context.close();
  await ben.sees("From the phone");
  await ben.sees("From the laptop");
  await laptop.post({ text: "While the phone slept", to: "all" });
  phone = await Phone.open(scene, "Mia", app.url);
  await phone.article("While the phone slept").waitFor();
  await laptop.context.close();
  await ben.sees("While the phone slept");
});

test("what one deletes is gone on the other and at the friend's", async () => {
  await phone.remove("From the laptop");
  await ben.misses("From the laptop");
  laptop = await Phone.open(scene, "Laptop", app.url, desktop);
  await laptop.article("From the phone").waitFor();
  await laptop.article("From the laptop").waitFor({ state: "detached" });
});

test("either shuts the other out, which is told and can do nothing afterwards", async () => {
  await shutOut(laptop);

  await phone.visit(words.nav.feed);
  await phone.shows(words.standing.removed);
  await phone.go(words.self.devices);
  await phone.shows(words.devices.off);
  await screenshot(phone.page, "devices-relay-removed");
  expect(await phone.button(words.devices.add).count()).toBe(0);
  await phone.post({ text: "From the lost phone", to: "all" });
  await laptop.post({ text: "Still here", to: "all" });
  await ben.sees("Still here");
  await laptop.visit(words.nav.feed);
  for (const { page } of [laptop, ben]) expect(await page.getByText("From the lost phone").count()).toBe(0);
  await phone.visit(words.nav.feed);
  expect(await phone.article("Still here").count()).toBe(0);
});

test("two that shut each other out while neither hears of it are both told, and what ends it", async () => {
  const tablet = await linked("Tablet");
  for (const { context } of [laptop, tablet]) await context.setOffline(true);
  await shutOut(laptop);
  await shutOut(tablet);
  for (const { context } of [laptop, tablet]) await context.setOffline(false);
  for (const [device, other] of [[laptop, "Tablet"], [tablet, "Laptop"]] as const) {
    await device.visit(words.nav.you);
    await device.shows(words.self.parted);
    await lookAt(device.page, `devices-relay disagree you ${device.name}`, apart);
    await device.page.getByRole("main").getByText(words.self.parted).locator("..").getByRole("link", { name: words.feed.look }).click();
    const told = device.page.getByRole("region", { name: words.devices.parted.title });
    await told.getByText(words.devices.parted.removedThis(other)).waitFor();
    await lookAt(device.page, `devices-relay disagree ${device.name}`, apart);
    expect(await device.page.getByText(words.standing.removed).count()).toBe(0);
    await told.getByRole("link", { name: words.devices.parted.kit }).click();
    await device.heading(b.title).waitFor();
  }
});

/** linked links one more device of Mia's by the laptop. */
async function linked(name: string): Promise<Phone> {
  await laptop.go(words.self.devices);
  await laptop.button(words.devices.add).click();
  const link = (await laptop.page.getByRole("dialog").getByText(/#device=/).textContent()) ?? "";
  const device = await Phone.open(scene, name, `${app.url}/${link.replace(/^[^#]*/, "")}`);
  await device.page.getByRole("textbox", { name: words.welcome.deviceName }).fill(name);
  await device.button(words.welcome.join).click();
  await device.page.getByRole("navigation", { name: words.nav.label }).waitFor();
  await device.article("Still here").waitFor();
  // The link has done its work.
  await laptop.page.getByRole("dialog").waitFor({ state: "hidden" });
  return device;
}

/** shutOut removes the one other device on the list of this one. */
async function shutOut(device: Phone): Promise<void> {
  await device.go(words.self.devices);
  const row = device.page.getByRole("main").getByRole("listitem").filter({ hasNotText: words.devices.this });
  await row.getByRole("button", { name: words.devices.remove }).click();
  await device.page.getByRole("dialog").getByRole("button", { name: words.devices.remove }).click();
  await row.waitFor({ state: "detached" });
}
