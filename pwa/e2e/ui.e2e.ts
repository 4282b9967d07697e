/** The interface as one person meets it: every screen in light and dark, by keyboard alone, offline, in a
 * second tab, and with pictures that are not what they seem. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { axe } from "./axe.ts";
import { lookAt } from "./look.ts";
import { lookingAt } from "./camera.ts";
import { builtFile, desktop, type Host, openScene, phone, type Scene } from "./harness.ts";
import { album, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";

let scene: Scene;
let host: Host;
let mia: Phone;
let noor: Phone;

const arabic = "صباح الخير من الحديقة. أزهرت الداليا أخيراً بعد كل هذا المطر.";
const long = "Maximiliane von Hohenstein-Lauterbach";

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  mia = await Phone.open(scene, "Mia", host.url);
});

beforeEach(() => witness(() => [mia, noor]));

afterAll(() => scene.close());

/** A screen, as `lookAt` looks at it. */
const look = (page: Page, name: string): Promise<void> => lookAt(page, `ui ${name}`);

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => (document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").trim());

/** Returns what the first picture says that comes to stand in a section of that name, in the page; "" for none in a minute. */
function pictured(section: string): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(resolve, 60_000, "");
    new MutationObserver(() => {
      const image = document.querySelector<HTMLImageElement>(`section[aria-label="${section}"] img`);
      if (image !== null) resolve(image.alt);
    }).observe(document.body, { childList: true, subtree: true });
  });
}

describe("before there is a pod", () => {
  test("the first screen asks one thing, and the empty feed offers two", async () => {
    await mia.page.getByRole("textbox").fill("Mia");
    expect(await mia.page.getByRole("textbox").count()).toBe(1);
    await look(mia.page, "welcome");
    await mia.start("Mia");
    await mia.heading(words.feed.title).waitFor();
    await look(mia.page, "feed empty");
    expect(await mia.page.getByRole("main").getByRole("link").allTextContents()).toEqual([words.feed.first, words.feed.invite]);
  });

  test.each([
    ["friends empty", "friends", words.friends.none],
    ["circles empty", "circles", words.circles.none],
    ["invite without a pod", "invite", words.invite.noReach],
    ["accept", "add", words.add.paste],
    ["pod none", "you/pod", words.pod.how],
    ["waiting none", "you/waiting", words.waiting.none],
    ["drafts none", "you/drafts", words.drafts.none],
    ["my posts none", "you/posts", words.self.noPosts],
    ["nowhere", "no/such/place", words.trouble.nowhere],
  ])("with nothing there: %s", async (name, address, says) => {
    await mia.page.goto(`${host.url}/#/${address}`);
    await mia.page.getByText(says).first().waitFor();
    await look(mia.page, name);
  });

  test("a post is written, shown to nobody, and posted by keyboard alone", async () => {
    const { page } = mia;
    await mia.visit(words.nav.feed);
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.tagName)).not.toBe("BODY");
    await page.getByRole("link", { name: words.nav.new, exact: true }).focus();
    await page.keyboard.press("Enter");
    await mia.heading(words.compose.title).waitFor();
    await expect.poll(() => focused(page)).toBe(words.compose.placeholder);
    await page.keyboard.type("Written without a mouse");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    const chip = await focused(page);
    expect(chip).toContain(words.audience.title);
    await page.keyboard.press("Enter");
    const sheet = page.getByRole("dialog", { name: words.audience.title });
    await sheet.waitFor();
    await page.keyboard.press("Escape");
    await sheet.waitFor({ state: "hidden" });
    expect(await focused(page)).toBe(chip);
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe(words.compose.post);
    await page.keyboard.press("Enter");
    await mia.article("Written without a mouse").waitFor();
    await mia.article("Written without a mouse").getByText(words.audience.me).waitFor();
  });

  test("the back button closes a dialog and then leaves the screen", async () => {
    const { page } = mia;
    await mia.visit(words.nav.feed);
    await mia.visit(words.nav.new);
    await page.getByRole("button", { name: words.audience.title }).click();
    await page.getByRole("dialog").waitFor();
    await page.goBack();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await mia.heading(words.compose.title).waitFor();
    await page.goBack();
    await mia.heading(words.feed.title).waitFor();
  });

  test("what is typed survives a reload, and can be discarded and taken back", async () => {
    const { page } = mia;
    await mia.visit(words.nav.new);
    const text = page.getByRole("textbox", { name: words.compose.placeholder });
    await text.fill("Half a thought");
    await page.getByText(words.compose.kept).waitFor();
    await page.reload();
    await mia.heading(words.compose.title).waitFor();
    await expect.poll(() => text.inputValue()).toBe("Half a thought");
    await mia.button(words.compose.discard).click();
    await mia.heading(words.feed.title).waitFor();
    await mia.button(words.undo).click();
    await expect.poll(() => text.inputValue()).toBe("Half a thought");
    await mia.button(words.compose.discard).click();
    await mia.visit(words.nav.new);
    await expect.poll(() => text.inputValue()).toBe("");
  });

  test("a photo held sideways stands upright and small enough", async () => {
    const { page } = mia;
    const photo = await takePhoto(page, { width: 2600, height: 1300, seed: 5, latitude: 1, longitude: 2, camera: "canary-camera-03", orientation: 6 });
    const file = await album(scene, "sideways.jpg", photo);
    await mia.post({ text: "Upright", to: "me", pictures: [{ file, alt: "Shapes" }] });
    await mia.article("Upright").getByRole("button", { name: "Shapes" }).click();
    const shown = page.getByRole("dialog").getByRole("img", { name: "Shapes" });
    await expect.poll(() => shown.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight])).toEqual([1024, 2048]);
    await look(page, "viewer");
    await page.keyboard.press("Escape");
  });

  test("a picture that no browser reads is told in words, and the text stays", async () => {
    const file = await album(scene, "IMG_1.heic", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic not a picture", "latin1"));
    await mia.visit(words.nav.new);
    const text = mia.page.getByRole("textbox", { name: words.compose.placeholder });
    await text.fill("With a picture that fails");
    await mia.page.getByLabel(words.compose.photos).setInputFiles(file);
    await mia.told(words.errors["picture-unreadable"]);
    expect(await text.inputValue()).toBe("With a picture that fails");
    await mia.button(words.compose.discard).click();
  });

  test("in a second tab it can be used there, and the first one says so", async () => {
    const second = await mia.context.newPage();
    await second.goto(host.url);
    await second.getByRole("heading", { name: words.trouble.elsewhere }).waitFor();
    expect(await axe(second)).toEqual([]);
    await second.getByRole("button", { name: words.trouble.here }).click();
    await second.getByRole("heading", { level: 1, name: words.feed.title }).waitFor();
    await mia.page.getByRole("heading", { name: words.trouble.elsewhere }).waitFor();
    await second.close();
    await mia.page.getByRole("button", { name: words.trouble.here }).click();
    await mia.heading(words.feed.title).waitFor();
  });
});

describe("with a pod and a friend", () => {
  beforeAll(async () => {
    await mia.connect((await host.person("mia")).pair);
    noor = await Phone.open(scene, "Noor", host.url);
    await noor.start(long);
    await noor.connect((await host.person("noor")).pair);
  });

  test("an opened invite leaves the address bar and says what it does", async () => {
    const link = await mia.invite();
    await look(mia.page, "invite");
    await noor.follow(link);
    await noor.page.getByText(words.add.from("Mia")).waitFor();
    expect(noor.page.url()).not.toContain("#i=");
    await look(noor.page, "accept an invite");
    await noor.page.getByRole("button", { name: words.add.accept }).click();
    await noor.heading("Mia").waitFor();
    await mia.visit(words.nav.friends);
    await mia.page.getByText(words.friends.acceptedHint).waitFor();
    await look(mia.page, "friends");
  });

  test("both see the same twelve words", async () => {
    const wordsOf = async ({ page }: Phone): Promise<string[]> => {
      await page.getByRole("dialog").getByRole("listitem").nth(11).waitFor();
      return page.getByRole("dialog").getByRole("listitem").allTextContents();
    };
    await mia.page.getByRole("link", { name: words.friend.compare }).click();
    const hers = await wordsOf(mia);
    await look(mia.page, "words");
    await mia.button(words.friend.match).click();
    await noor.page.setViewportSize(desktop);
    await noor.button(words.friend.compare).click();
    expect(await wordsOf(noor)).toEqual(hers);
    await noor.page.keyboard.press("Escape");
    await noor.page.setViewportSize(phone);
  });

  test("a circle is made and filled, and removing it can be undone", async () => {
    const { page } = mia;
    await page.goto(`${host.url}/#/circles`);
    await mia.button(words.circles.add).click();
    await page.getByRole("textbox", { name: words.circles.name }).fill("Family");
    await mia.button(words.save).click();
    await mia.heading("Family").waitFor();
    await page.getByRole("checkbox", { name: long }).check();
    await page.getByText(words.circles.members(1)).first().waitFor();
    await look(page, "circle");
    await mia.button(words.circles.remove).click();
    await mia.button(words.undo).click();
    await page.getByRole("link", { name: "Family" }).waitFor();
    await look(page, "circles");
  });

  test("a post for a circle can be taken back before it leaves", async () => {
    await mia.write({ text: "Too soon", to: ["Family"] });
    await look(mia.page, "compose");
    await mia.send();
    await mia.button(words.undo).click();
    await mia.heading(words.compose.title).waitFor();
    await expect.poll(() => mia.page.getByRole("textbox", { name: words.compose.placeholder }).inputValue()).toBe("Too soon");
    await mia.button(words.compose.discard).click();
    expect(await mia.article("Too soon").count()).toBe(0);
  });

  test("a finished post is out after a reload, however soon, and a change that is left is kept", async () => {
    const { page } = mia;
    const photo = await takePhoto(page, { width: 200, height: 150, seed: 21, latitude: 0, longitude: 0, camera: "c" });
    await mia.write({ text: "Off it goes", to: ["Family"], pictures: [{ file: await album(scene, "off.jpg", photo), alt: "Going off" }] });
    const shown = page.evaluate(pictured, words.post.leaving);
    await mia.send();
    expect(await shown).toBe("Going off");
    // It is held for seconds only: a machine that is slow to store it has posted it by then.
    await page.getByText(words.post.leaving).or(mia.article("Off it goes")).first().waitFor();
    await page.reload();
    await mia.enter("Off it goes");
    await mia.button(words.post.edit).click();
    const text = page.getByRole("textbox", { name: words.post.editTitle });
    await text.fill("Off it went");
    await page.keyboard.press("Escape");
    await mia.told(words.post.editKept);
    await mia.button(words.post.editOn).click();
    await expect.poll(() => text.inputValue()).toBe("Off it went");
    await mia.button(words.save).click();
    await mia.remove("Off it went");
  });

  test("albums of one to seven pictures, and a text from right to left", async () => {
    const { page } = mia;
    for (const [seeds, text] of [[[1], "One"], [[2, 3], arabic], [[4, 5, 6], "Three"], [[7, 8, 9, 10, 11, 12, 13], "Seven"]] as const) {
      const pictures = [];
      for (const seed of seeds) {
        const photo = await takePhoto(page, { width: 200, height: seed % 2 === 0 ? 150 : 250, seed, latitude: 0, longitude: 0, camera: "c" });
        pictures.push({ file: await album(scene, `${seed}.jpg`, photo), alt: `Shapes ${seed}` });
      }
      await mia.post({ text, to: text === "Three" ? ["Family"] : "all", pictures });
    }
    await mia.article("Seven").getByText(words.picture.more(2)).waitFor();
    await expect.poll(() => mia.article("Seven").getByRole("img").first().evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    await look(page, "feed");
    expect(await mia.article(arabic).getByText(arabic).evaluate((text) => getComputedStyle(text).direction)).toBe("rtl");
  });

  test("an address in a post can be opened, and a tap on the text opens the post", async () => {
    const { page } = mia;
    await mia.post({ text: "Look: https://example.org/a?b=1. Is it not fine?", to: "me" });
    const address = mia.article("Is it not fine?").getByRole("link", { name: "https://example.org/a?b=1", exact: true });
    expect(await address.getAttribute("href")).toBe("https://example.org/a?b=1");
    expect(await address.getAttribute("rel")).toBe("noopener noreferrer");
    await mia.article("Is it not fine?").getByText("Is it not fine?").click({ position: { x: 4, y: 8 } });
    await mia.heading(words.post.title).waitFor();
    await page.goBack();
    await mia.heading(words.feed.title).waitFor();
  });

  test("the chip of a post shows who exactly, and changes it", async () => {
    const { page } = mia;
    await mia.article("Three").getByRole("button", { name: words.audience.title }).click();
    await page.getByRole("dialog").getByText(long).waitFor();
    await look(page, "who can see this");
    await page.getByRole("dialog").getByRole("button", { name: words.audience.change }).click();
    const sheet = page.getByRole("dialog", { name: words.audience.title });
    await sheet.getByRole("radio", { name: words.audience.me }).check();
    await sheet.getByText(words.audience.loses([long])).waitFor();
    await look(page, "choose who");
    await sheet.getByRole("button", { name: words.audience.use }).click();
    await mia.article("Three").getByText(words.audience.me).waitFor();
  });

  test("a friend sees pictures, removes the copy, and asks again", async () => {
    await noor.sees("Seven");
    await noor.article("Seven").getByRole("img", { name: "Shapes 7" }).waitFor();
    // She may have seen it before it became Mia's alone; her app hears of that by itself.
    await expect.poll(() => noor.article("Three").count(), { timeout: 60_000 }).toBe(0);
    await look(noor.page, "feed of a friend");
    await noor.enter("Seven");
    await look(noor.page, "post of a friend");
    await noor.button(words.post.purge).click();
    await noor.page.getByRole("main").getByText(words.post.purged).waitFor();
    await noor.button(words.post.askAgain).click();
    await noor.page.getByRole("article").getByText("Seven").waitFor();
    await noor.page.goBack();
    await noor.heading(words.feed.title).waitFor();
  });

  test("a post's own screen edits, and says what deleting does", async () => {
    const { page } = mia;
    await mia.enter("One");
    await page.getByRole("main").getByText(words.post.pod).waitFor();
    await look(page, "post");
    await mia.button(words.post.edit).click();
    await look(page, "edit");
    await page.keyboard.press("Escape");
    await mia.button(words.post.remove).click();
    await page.getByRole("dialog").getByText(words.post.removeShared(long)).waitFor();
    await look(page, "delete");
    await mia.button(words.post.keep).click();
  });

  test("a friend's screen", async () => {
    const { page } = mia;
    await mia.visit(words.nav.friends);
    await page.getByRole("list").getByRole("link", { name: long }).click();
    await mia.heading(long).waitFor();
    await look(page, "friend");
    await page.goto(`${page.url()}/about`);
    await mia.heading(words.friend.about(long)).waitFor();
    await look(page, "about a friend");
    await page.getByRole("switch", { name: words.friend.mute }).check();
    await mia.button(words.friend.remove).click();
    await page.getByText(words.friend.removeText(long)).waitFor();
    await look(page, "remove a friend");
    await mia.button(words.friend.keep).click();
    await page.getByRole("switch", { name: words.friend.mute }).uncheck();
  });

  test.each([
    ["you", "you", words.self.title],
    ["my posts", "you/posts", words.self.posts],
    ["pod", "you/pod", words.pod.allThere],
    ["devices", "you/devices", words.devices.this],
    ["storage", "you/storage", words.storage.erases],
    ["about", "you/about", words.about.print],
  ])("under You: %s", async (name, address, says) => {
    await mia.page.goto(`${host.url}/#/${address}`);
    await mia.page.getByText(says).first().waitFor();
    await look(mia.page, name);
  });

  test("another device is linked by a code", async () => {
    await mia.page.goto(`${host.url}/#/you/devices`);
    await mia.button(words.devices.add).click();
    await mia.page.getByRole("dialog").getByText(/#device=/).waitFor();
    await look(mia.page, "link a device");
    await mia.page.keyboard.press("Escape");
  });

  test("an invite is scanned with the camera, and without it the app says what to do", async () => {
    const browser = await lookingAt(await mia.invite(), scene.folder);
    try {
      const context = await browser.newContext({ viewport: phone, locale: "en-GB" });
      const page = await context.newPage();
      await page.goto(`${host.url}/#/add`);
      await page.getByRole("textbox", { name: words.welcome.question }).fill("Otto");
      await page.getByRole("button", { name: words.welcome.start }).click();
      await page.getByRole("button", { name: words.add.scan }).click();
      await page.getByText(words.scan.denied).waitFor();
      expect(await axe(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await context.grantPermissions(["camera"]);
      await page.getByRole("button", { name: words.add.scan }).click();
      await page.getByText(words.add.from("Mia")).waitFor();
    } finally {
      await browser.close();
    }
  });

  test("a search finds what is on this phone", async () => {
    const { page } = mia;
    await mia.visit(words.nav.feed);
    await mia.button(words.search).click();
    await page.getByRole("searchbox").fill("seven");
    await page.getByText(words.feed.found(1, false)).waitFor();
    await look(page, "search");
    await mia.button(words.search).click();
  });

  test("offline, everything is there and says so, and what is posted waits", async () => {
    const { page } = mia;
    await host.stop();
    await mia.context.setOffline(true);
    await page.getByText(words.feed.offline).waitFor();
    await mia.post({ text: "Later, then", to: "all" });
    await mia.article("Later, then").getByText(words.post.waiting).waitFor();
    await look(page, "offline");
    await mia.go(words.standing.waiting);
    await page.getByRole("main").getByText("Later, then").waitFor();
    await look(page, "waiting");
    await mia.context.setOffline(false);
    await host.start();
    await page.getByText(words.waiting.none).waitFor();
  });
});

test("opened from a file it starts too", async () => {
  const file = await Phone.open(scene, "File", builtFile);
  await file.start("File");
  await file.post({ text: "From a file", to: "me" });
  await file.page.goto(`${builtFile}#/you/storage`);
  await file.page.getByText(words.storage.traces).waitFor();
  expect(await axe(file.page)).toEqual([]);
});
