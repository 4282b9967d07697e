/** A phone is lost: its person comes back from a backup and the recovery kit, and friends notice nothing but that there is something to read. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { enBackup as b } from "../src/ui/words/en/backup.ts";
import { apart, lookAt } from "./look.ts";
import { type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { album, befriend, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";

let scene: Scene;
let host: Host;
let mia: Phone;
let ben: Phone;
let back: Phone | undefined;
let tried: Phone | undefined;
let code = "";
let file = "";

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  [mia, ben] = [await Phone.open(scene, "Mia", host.url), await Phone.open(scene, "Ben", host.url)];
  for (const each of [mia, ben]) {
    await each.start();
    await each.connect((await host.person(each.name.toLowerCase())).pair);
  }
  await befriend(mia, ben);
  const picture = await album(scene, "cake.jpg", await takePhoto(mia.page, { width: 1200, height: 900, seed: 4, latitude: 1, longitude: 2, camera: "c" }));
  await mia.post({ text: "Cake for everybody", to: ["Ben"], pictures: [{ file: picture, alt: "A cake" }] });
  await mia.post({ text: "Not for long", to: ["Ben"] });
}, 180_000);

beforeEach(() => witness(() => [mia, ben, ...[back, tried].filter((each) => each !== undefined)]));

afterAll(() => scene.close());

/** A screen, as `lookAt` looks at it. */
const look = (page: Page, name: string): Promise<void> => lookAt(page, `backup ${name}`, apart);

/** saved taps a button and returns where the file was saved that comes of it. */
async function saved(device: Phone, button: string, name: string): Promise<string> {
  const [download] = await Promise.all([device.page.waitForEvent("download"), device.button(button).click()]);
  expect(download.suggestedFilename()).toMatch(/^kith-backup-\d{4}-\d\d-\d\d\.kith$/);
  const to = join(scene.folder, name);
  await download.saveAs(to);
  return to;
}

test("a kit is made, shown once, and put away", async () => {
  await mia.visit(words.nav.you);
  await mia.shows(words.self.backupNever);
  await mia.go(words.self.backup);
  await mia.shows(b.kit.none);
  await look(mia.page, "none");
  await mia.button(b.kit.make).dblclick();
  await mia.heading(b.kit.yours).waitFor();
  // Who goes back before it is on paper makes another.
  await mia.page.goBack();
  await mia.shows(b.kit.notPut);
  await mia.button(b.kit.another).click();
  await mia.heading(b.kit.yours).waitFor();
  const letters = (await mia.page.getByRole("img", { name: b.kit.code }).getAttribute("aria-label")) ?? "";
  code = letters.slice(b.kit.code.length + 2);
  expect(code).toMatch(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
  await look(mia.page, "kit");
  await mia.page.emulateMedia({ media: "print" });
  await screenshot(mia.page, "backup kit printed");
  await expect.poll(() => mia.button(b.kit.done).isVisible()).toBe(false);
  await mia.page.emulateMedia({ media: "screen" });
  await mia.button(b.kit.done).click();
  await mia.told(b.kit.doneSaid);
  await mia.shows(b.kit.put);
  await mia.button(b.kit.check).click();
  const sheet = mia.page.getByRole("dialog");
  await sheet.getByRole("textbox", { name: b.kit.old }).fill(code.slice(1));
  await mia.page.keyboard.press("Enter");
  await sheet.getByRole("alert").filter({ hasText: b.why["no-kit"] }).waitFor();
  await sheet.getByRole("textbox", { name: b.kit.old }).fill(code);
  await look(mia.page, "check");
  await sheet.getByRole("button", { name: b.kit.check }).click();
  await mia.told(b.kit.right);
});

test("a backup is saved, encrypted, and the screens say since when", async () => {
  file = await saved(mia, b.make, "backup.kith");
  await mia.shows(b.saved);
  await look(mia.page, "made");
  const bytes = await readFile(file);
  expect(bytes.subarray(0, 14).toString()).toBe("kith backup 1\n");
  for (const secret of ["Cake for everybody", '"Ben"', code.replaceAll(" ", "-")]) expect(bytes.includes(secret)).toBe(false);
  await mia.visit(words.nav.you);
  await expect.poll(() => mia.page.getByText(words.self.backupNever).count()).toBe(0);
});

test("in an empty browser, a file that is damaged and a kit that is wrong are refused in words, and everything can be reached by keyboard", async () => {
  // What came after the backup: it is at the pod, and must not be undone.
  await mia.remove("Not for long");
  await mia.post({ text: "After the backup", to: ["Ben"] });
  await ben.sees("After the backup");
  await mia.context.close();
  const damaged = join(scene.folder, "damaged.kith");
  await writeFile(damaged, (await readFile(file)).subarray(0, -100));
  const page = (back = await Phone.open(scene, "Mia anew", host.url)).page;
  await page.getByRole("link", { name: words.welcome.backup }).waitFor();
  await page.getByRole("link", { name: words.welcome.backup }).click();
  await back.heading(b.restore.title).waitFor();
  await look(page, "restore");
  await page.getByLabel(b.restore.choose).focus();
  const reached: string[] = [];
  for (let step = 0; step < 3; step++) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement?.getAttribute("type") ?? document.activeElement?.tagName ?? ""));
  }
  expect(reached).toEqual(["TEXTAREA", "button", "A"]);
  await page.getByLabel(b.restore.choose).setInputFiles(damaged);
  await page.getByRole("textbox", { name: b.restore.code }).fill(code);
  await back.button(b.restore.beside).click();
  await page.getByRole("alert").filter({ hasText: b.why.damaged }).waitFor();
  await look(page, "refused");
  await page.getByRole("textbox", { name: b.restore.code }).fill(code.slice(0, -1));
  await back.button(b.restore.beside).click();
  await page.getByRole("alert").filter({ hasText: b.why["no-kit"] }).waitFor();
});

test("the file and the kit bring everything back, the pod's newer state stays, and friends read on", async () => {
  const anew = back!;
  await anew.page.getByLabel(b.restore.other).setInputFiles(file);
  await anew.page.getByRole("textbox", { name: b.restore.code }).fill(code.toLowerCase());
  await anew.button(b.restore.instead).click();
  await anew.told(b.restore.back("Mia"));
  await anew.heading(words.feed.title).waitFor();
  await anew.article("Cake for everybody").getByRole("img", { name: "A cake" }).waitFor();
  await anew.article("After the backup").waitFor();
  await anew.article("Not for long").waitFor({ state: "detached" });
  await anew.hasFriend("Ben");
  await anew.post({ text: "I am back", to: ["Ben"] });
  await ben.sees("I am back");
  await ben.article("Cake for everybody").waitFor();
  await ben.article("After the backup").waitFor();
  expect(await ben.article("Not for long").count()).toBe(0);
  await anew.go(words.self.devices);
  await anew.page.getByRole("main").getByText(words.devices.this).waitFor();
  // Itself and the pod: what was lost is shut out.
  await expect.poll(() => anew.page.getByRole("main").getByRole("listitem").count()).toBe(2);
});

test("a new kit takes the old one, and later backups open with the new one alone", async () => {
  const anew = back!;
  await anew.go(words.self.backup);
  await anew.button(b.kit.another).click();
  const sheet = anew.page.getByRole("dialog");
  await sheet.getByRole("textbox", { name: b.kit.old }).fill(code);
  await look(anew.page, "another");
  await sheet.getByRole("button", { name: b.kit.another }).click();
  await anew.heading(b.kit.yours).waitFor();
  const letters = (await anew.page.getByRole("img", { name: b.kit.code }).getAttribute("aria-label")) ?? "";
  await anew.button(b.kit.done).click();
  const later = await saved(anew, b.make, "later.kith");
  const other = await Phone.open(scene, "Other", host.url);
  await other.page.getByRole("link", { name: words.welcome.backup }).click();
  await other.page.getByLabel(b.restore.choose).setInputFiles(later);
  await other.page.getByRole("textbox", { name: b.restore.code }).fill(code);
  await other.button(b.restore.beside).click();
  await other.page.getByRole("alert").filter({ hasText: b.why["other-kit"] }).waitFor();
  await other.page.getByRole("textbox", { name: b.restore.code }).fill(letters.slice(b.kit.code.length + 2));
  await other.button(b.restore.beside).click();
  await other.told(b.restore.back("Mia"));
  tried = other;
});

test("who tries the backup beside the phone that they use shuts nothing out, and can tell the two apart", async () => {
  const anew = back!;
  await anew.go(words.self.devices);
  const names = anew.page.getByRole("main").locator("li .row-title");
  await expect.poll(() => names.count(), { timeout: 60_000 }).toBe(3);
  expect(new Set(await names.allTextContents()).size).toBe(3);
  await anew.post({ text: "Still here", to: ["Ben"] });
  await ben.sees("Still here");
});

test("a device that was removed hears that another one removed it, and offers to remove none", async () => {
  const [anew, gone] = [back!, tried!];
  await anew.go(words.self.devices);
  const others = anew.page.getByRole("listitem").filter({ has: anew.page.getByRole("button", { name: words.devices.remove }) });
  await others.getByRole("button", { name: words.devices.remove }).click();
  await anew.page.getByRole("dialog").getByRole("button", { name: words.devices.remove }).click();
  await gone.go(words.self.devices);
  await gone.shows(words.standing.removed);
  await expect.poll(() => gone.button(words.devices.remove).count()).toBe(0);
  expect(await gone.page.getByRole("main").getByText(words.devices.this).count()).toBe(0);
  await look(gone.page, "removed");
});
