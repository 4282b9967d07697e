/** Relays: people who have no pod, and a pod that nobody reaches by its address. Browsers, relays and pods are real. */

import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { axe } from "./axe.ts";
import { desktop, type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { album, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";
import { type Relay, startRelay } from "./relays.ts";
import { enHome as home } from "../src/ui/words/en/home.ts";


let scene: Scene;
/** Where the app comes from; nobody has a pod there. */
let app: Host;
const relays: Relay[] = [];
const phones: Phone[] = [];

beforeAll(async () => {
  scene = await openScene();
  app = await scene.host("app");
  for (const name of ["one", "two"]) relays.push(await startRelay(join(scene.folder, name), { queues: "work" }));
});

beforeEach(() => witness(() => phones));

afterAll(async () => {
  await scene.close();
  await Promise.all(relays.map((relay) => relay.kill9()));
});

async function phone(name: string, screen?: Parameters<typeof Phone.open>[3]): Promise<Phone> {
  const opened = await Phone.open(scene, name, app.url, screen);
  phones.push(opened);
  await opened.start();
  return opened;
}

const relay = (n: 0 | 1): Relay => relays[n] as Relay;

describe("two people without pods", () => {
  let ana: Phone;
  let ben: Phone;

  test("are told what is needed, and choose relays by their address", async () => {
    ana = await phone("Ana");
    ben = await phone("Ben", desktop);
    await ana.visit(words.nav.friends);
    await ana.page.getByRole("link", { name: words.friends.invite }).click();
    await ana.shows(words.invite.noReach);
    await screenshot(ana.page, "relays-needed");
    await ana.page.getByRole("link", { name: words.invite.relay }).click();
    await ana.shows(words.relays.none);
    await screenshot(ana.page, "relays-none");
    await ana.relay(relay(0).url);
    await ana.shows(words.relays.one);
    await ben.relay(relay(1).url);
    await screenshot(ben.page, "relays-one-desktop");
    expect(await axe(ana.page)).toEqual([]);
  });

  test("become friends and see what the other posts, with pictures", async () => {
    const link = await ana.invite();
    await ben.follow(link);
    await ben.shows(words.add.from("Ana"));
    await screenshot(ben.page, "relays-accept-desktop");
    await ben.button(words.add.accept).click();
    await ben.told(words.add.done("Ana"));
    await ana.hasFriend("Ben");
    const photo = await takePhoto(ana.page, { width: 1600, height: 1200, seed: 3, latitude: 1, longitude: 2, camera: "c" });
    await ana.post({ text: "From my phone to yours", to: "all", pictures: [{ file: await album(scene, "hill.jpg", photo), alt: "A hill" }] });
    await ana.enter("From my phone to yours");
    await ana.shows(words.post.awake);
    await screenshot(ana.page, "relays-post-awake");
    await ben.sees("From my phone to yours");
    await expect.poll(() => ben.article("From my phone to yours").getByRole("img", { name: "A hill" }).evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true);
    await ben.post({ text: "Got it", to: "all" });
    await ana.sees("Got it");
  });

  test("wait for each other: who sleeps is named, and what they had comes when they wake up", async () => {
    await ana.post({ text: "Written before sleep", to: "all" });
    await ana.context.close();
    await ben.findsAsleep(["Ana"]);
    await screenshot(ben.page, "relays-asleep-desktop");
    await ben.go(words.standing.waiting);
    await ben.shows(words.waiting.doingFor.news("Ana"));
    await screenshot(ben.page, "relays-waiting-desktop");
    ana = await Phone.open(scene, "Ana", app.url);
    phones.push(ana);
    await ben.visit(words.nav.feed);
    await ben.article("Written before sleep").waitFor({ timeout: 60_000 });
    await ben.page.getByText(words.feed.asleep(["Ana"])).waitFor({ state: "hidden" });
  });

  test("see how a relay stands, and can take its removal back", async () => {
    await ben.relay(relay(0).url);
    await ben.shows(words.relays.hop);
    await relay(1).kill9();
    await ben.page.getByText(/Can't be reached since/).waitFor({ timeout: 60_000 });
    await screenshot(ben.page, "relays-two-desktop");
    await ben.button(words.relays.removeOne(new URL(relay(1).url).host)).click();
    await ben.button(words.undo).click();
    await ben.button(words.relays.removeOne(new URL(relay(1).url).host)).waitFor();
    await relay(1).start();
    expect(await axe(ben.page)).toEqual([]);
  });
});

/** Goes through the screens about the own pod, which ask it by way of the relays. */
async function looksAfter(who: Phone): Promise<void> {
  const dialog = who.page.getByRole("dialog");
  const press = (name: string): Promise<void> => dialog.getByRole("button", { name, exact: true }).click();
  const open = async (row: string, title: string): Promise<void> => {
    await who.go(words.self.pod);
    await who.page.getByRole("main").getByRole("link", { name: row }).click();
    await who.heading(title).waitFor();
  };
  await open(words.pod.told, home.trouble.title);
  await who.shows(home.trouble.none);
  await open(words.pod.backups, home.backups.title);
  await who.shows(home.backups.none);
  await who.button(home.backups.add).click();
  await dialog.getByLabel(home.backups.place, { exact: true }).fill("http://192.0.2.1/kith");
  await press(home.backups.add);
  await dialog.getByText(home.backups.refused).waitFor();
  await screenshot(who.page, "relays-backups-refused");
  await who.page.keyboard.press("Escape");
  await open(words.pod.drive, home.drive.title);
  await who.button(home.drive.add).click();
  await dialog.getByRole("textbox").fill("Laptop");
  await dialog.getByRole("textbox").press("Enter");
  await dialog.getByText(home.drive.at.machine).waitFor();
  await screenshot(who.page, "relays-drive");
  await press(home.drive.done);
  await who.shows("Laptop");
}

test("a phone pairs with a pod that nobody reaches by its address, and a friend reads it while the phone sleeps", async () => {
  const shelf = await scene.host("shelf", { reach: relays.map(({ url }) => url) });
  const cleo = await phone("Cleo");
  const dan = await phone("Dan");
  const asked: string[] = [];
  for (const { context } of [cleo, dan]) {
    await context.route(`${shelf.url}/**`, (route) => (asked.push(route.request().url()), route.abort()));
  }
  const { pair } = await shelf.person("cleo");
  await cleo.follow(`${app.url}/${pair.slice(pair.indexOf("#"))}`);
  await cleo.button(words.pod.connect).click();
  await cleo.told(words.pod.connected1);
  await cleo.shows(words.pod.allThere);
  await screenshot(cleo.page, "relays-pod");
  await looksAfter(cleo);
  await dan.relay(relay(0).url);
  await dan.follow(`${app.url}/${(await cleo.invite()).replace(/^[^#]*/, "")}`);
  await dan.button(words.add.accept).click();
  await dan.told(words.add.done("Cleo"));
  await cleo.hasFriend("Dan");
  await cleo.post({ text: "From the shelf", to: "all" });
  await cleo.enter("From the shelf");
  await cleo.shows(words.post.pod);
  await cleo.context.close();
  await dan.sees("From the shelf");
  expect(asked).toEqual([]);
});
