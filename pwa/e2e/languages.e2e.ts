/** The languages of the app: the device's own from the first moment, another by choice, and each on every screen of a phone. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { language as ar } from "../src/ui/words/ar/ar.ts";
import { language as de } from "../src/ui/words/de/de.ts";
import { en } from "../src/ui/words/en/words.ts";
import { language as es } from "../src/ui/words/es/es.ts";
import { language as fr } from "../src/ui/words/fr/fr.ts";
import { axe } from "./axe.ts";
import { type Host, openScene, phone, type Scene, screenshot } from "./harness.ts";
import { Phone, witness } from "./people.ts";

let scene: Scene;
let host: Host;
let lea: Phone;

/** Pictures of every screen are for a person to judge; they are kept when they are asked for. */
const kept = process.env["SHOTS"] !== undefined;

/** The address of every screen that a person alone can go to. */
const screens = [
  "", "friends", "circles", "new", "new/inbox", "invite", "add", "nowhere",
  "you", ...["posts", "drafts", "waiting", "deleted", "pod", "relays", "devices", "backup", "copies", "apps", "storage", "language", "about", "trouble", "backups", "drive"].map((place) => `you/${place}`),
];

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  lea = await Phone.open(scene, "Lea", host.url, { ...phone, locale: "de-AT" }, watch);
});

beforeEach(() => witness(() => [lea]));

afterAll(() => scene.close());

declare global {
  /** What the page has said so far. */
  var said: string[];
}

/** Notes all that the page ever says. */
function watch(): void {
  globalThis.said = [];
  new MutationObserver(() => globalThis.said.push(document.querySelector("#app")?.textContent ?? "")).observe(document, { childList: true, subtree: true, characterData: true });
}

const spoken = (page: Page): Promise<readonly string[]> => page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);

test("a device that asks for German hears nothing else, from the first moment", async () => {
  await lea.page.getByRole("heading", { name: de.words.welcome.promise }).waitFor();
  expect(await spoken(lea.page)).toEqual(["de-AT", "ltr"]);
  const said = await lea.page.evaluate(() => globalThis.said);
  expect(said.some((text) => text.includes(de.words.welcome.promise))).toBe(true);
  expect(said.filter((text) => text.includes(en.welcome.promise) || text.includes(en.welcome.start))).toEqual([]);
  await lea.page.getByRole("textbox", { name: de.words.welcome.question }).fill("Lea");
  await lea.page.getByRole("button", { name: de.words.welcome.start }).click();
  await lea.page.getByRole("navigation", { name: de.words.nav.label }).waitFor();
});

test("Arabic is chosen with the keyboard, takes effect at once, and leaves the focus and what was typed", async () => {
  const { page } = lea;
  await page.getByRole("link", { name: de.words.nav.new }).click();
  await page.getByRole("textbox", { name: de.places.compose.placeholder }).fill("Noch nicht fertig");
  await page.getByRole("link", { name: de.words.nav.you, exact: true }).click();
  await page.getByRole("link", { name: de.places.self.language }).click();
  const radio = page.getByRole("radio", { name: "English" });
  await radio.focus();
  for (const name of ["Deutsch", "Français", "Español", "العربية"]) {
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => page.getByRole("radio", { name, exact: true }).isChecked()).toBe(true);
  }
  await page.getByRole("heading", { name: ar.places.self.language }).waitFor();
  await page.getByRole("status").filter({ hasText: ar.places.language.now }).waitFor({ state: "attached" });
  expect(await spoken(page)).toEqual(["ar", "rtl"]);
  expect(await page.evaluate(() => document.activeElement?.closest("label")?.textContent)).toBe("العربية");
  expect(await axe(page)).toEqual([]);
  await page.getByRole("link", { name: ar.words.nav.new }).click();
  await expect.poll(() => page.getByRole("textbox", { name: ar.places.compose.placeholder }).inputValue()).toBe("Noch nicht fertig");
  await page.getByRole("button", { name: ar.places.compose.post, exact: true }).click();
  await page.getByRole("article").filter({ hasText: "Noch nicht fertig" }).getByRole("button", { name: ar.words.audience.me }).waitFor();
});

test("the choice is there after a restart without any network", async () => {
  const { page } = lea;
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await host.stop();
  await page.goto(host.url);
  await page.getByRole("navigation", { name: ar.words.nav.label }).waitFor();
  expect(await spoken(page)).toEqual(["ar", "rtl"]);
  expect((await page.evaluate(() => globalThis.said)).filter((text) => text.includes(en.nav.friends))).toEqual([]);
  await host.start();
});

test.each(Object.entries({ de, fr, es, ar }))("in %s no screen is wider than a phone, and none is hard to use", async (code, { places, words }) => {
  const { page } = lea;
  await page.evaluate((to) => localStorage.setItem("kith-language", to), code);
  await page.goto(host.url);
  await page.getByRole("navigation", { name: words.nav.label }).waitFor();
  for (const screen of screens) {
    await page.goto(`${host.url}/#/${screen}`);
    await page.locator("main:not([hidden]) h1").waitFor();
    await page.evaluate(() => document.fonts.ready);
    if (kept) await screenshot(page, `${code} ${screen.replace("/", "-") || "feed"}`);
    expect(await wide(page), `${code}, ${screen}`).toEqual([]);
  }
  await page.goto(`${host.url}/#/you`);
  await page.getByRole("heading", { name: places.self.title }).waitFor();
  expect(await axe(page)).toEqual([]);
});

/** What is cut or hangs over the side of a page: the page itself, and words in what does not wrap. */
function wide(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const over = [...document.querySelectorAll<HTMLElement>("html, main, .button, .place, .row-title, .chip, h1, h2, .top, .thumb")].filter((each) => (each.offsetParent !== null || each === document.documentElement) && each.scrollWidth > each.clientWidth + 1);
    return over.map((each) => `${each.tagName} ${each.className}: ${each.textContent?.slice(0, 60)}`);
  });
}
