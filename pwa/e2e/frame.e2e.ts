/** The frame itself: the built file opens, its policy holds, workers start under it, and the harness's own
 * instruments find what is there. */

import { createHash } from "node:crypto";
import { writeFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axe } from "./axe.ts";
import { builtFile, openScene, screenshot, type Scene } from "./harness.ts";
import { takePhoto } from "./photo.ts";
import { bytes, rawSearch, text } from "./search.ts";
import { buildPage, openSite, type Site } from "./site.ts";

let scene: Scene;
let page: Page;

beforeAll(async () => {
  scene = await openScene();
  page = await (await scene.profile("frame")).newPage();
});

afterAll(() => scene.close());

test("the built file opens from the disk without a complaint", async () => {
  const complaints = listen(page);
  await page.goto(builtFile);
  await page.waitForFunction(() => document.querySelector("#app")?.textContent !== "");
  expect(await page.title()).toContain("Kith");
  await screenshot(page, "frame-file");
  expect(complaints).toEqual([]);
});

test("the built app can be installed and opens offline", async () => {
  const site = await serve();
  const context = await scene.profile("installed");
  try {
    const app = await context.newPage();
    await app.goto(site.url);
    await app.evaluate(async () => void (await navigator.serviceWorker.ready));
    const debug = await context.newCDPSession(app);
    expect((await debug.send("Page.getInstallabilityErrors")).installabilityErrors).toEqual([]);
    expect((await debug.send("Page.getAppManifest")).errors).toEqual([]);
    expect(await app.evaluate(() => navigator.serviceWorker.controller)).toBeNull();

    await site.close();
    await app.goto(site.url);
    expect(await app.title()).toContain("Kith");
    const names = await app.evaluate(async () => (await caches.keys()).flatMap((name) => name.split(" ")));
    expect(names).toEqual(["kith", await hashOf("shell.html"), await hashOf("index.html")]);
  } finally {
    await site.close();
    await context.close();
  }
});

// What the app's own scripts put into the page (src/ui/later.ts).
declare const kithFiles: readonly string[];
declare const kithPart: (name: string) => Promise<unknown>;

test("the shell of a pod brings its parts along, also offline, and runs no others", async () => {
  const site = await serve(undefined, "shell.html");
  const context = await scene.profile("shell");
  try {
    const app = await context.newPage();
    await app.goto(site.url);
    const parts = await app.evaluate(() => kithFiles.map((file) => file.split("-")[1] ?? ""));
    expect(parts.length).toBeGreaterThan(0);
    await app.evaluate(async () => void (await navigator.serviceWorker.ready));
    await site.close();
    await app.goto(site.url);
    for (const name of parts) {
      const exported = await app.evaluate(async (part) => Object.keys((await kithPart(part)) as object), name);
      // What parts share (build/split.ts) is of use to them alone.
      if (!["common", "shown", "carried"].includes(name)) expect(exported).not.toEqual([]);
    }
  } finally {
    await site.close();
    await context.close();
  }
});

test("a part that was changed on its way does not run", async () => {
  const site = await serve(undefined, "shell.html", (part) => `${part};globalThis.planted=1`);
  const context = await scene.profile("planted");
  try {
    const app = await context.newPage();
    await app.goto(site.url);
    const said = await app.evaluate(async () => {
      const answers = await Promise.all(kithFiles.map((file) => kithPart(file.split("-")[1] ?? "").then(() => "ran", (error: unknown) => String(error))));
      return { answers, planted: "planted" in globalThis };
    });
    expect(said.planted).toBe(false);
    for (const answer of said.answers) expect(answer).toContain("not of this version");
  } finally {
    await site.close();
    await context.close();
  }
});

test("the service worker keeps no page but the one it was built with", async () => {
  const site = await serve((html) => `${html}<!-- changed -->`);
  const context = await scene.profile("deceived");
  try {
    const app = await context.newPage();
    await app.goto(site.url);
    // It began (its cache is there), saw that the page is another, and gave up.
    await app.waitForFunction(async () => {
      const [names, registrations] = await Promise.all([caches.keys(), navigator.serviceWorker.getRegistrations()]);
      return names.length === 1 && registrations.length === 0;
    });
    expect(await app.evaluate(async () => (await caches.match("./")) === undefined)).toBe(true);
  } finally {
    await site.close();
    await context.close();
  }
});

describe("a page of the same build", () => {
  let site: Site;
  let file: string;

  beforeAll(async () => {
    file = await buildPage("frame", scene.folder);
    site = await openSite(() => file);
  });

  afterAll(() => site.close());

  // app.md §1.4: Chromium has no OPFS in a page from the disk.
  test.each([
    { from: "the disk", opfs: false, url: () => pathToFileURL(file).href },
    { from: "a host", opfs: true, url: () => site.url },
  ])("starts its worker from a blob, opened from $from", async ({ url, opfs }) => {
    const complaints = listen(page);
    await page.goto(url());
    await page.waitForFunction(() => document.querySelector("main")?.textContent !== "");
    const told: unknown = JSON.parse((await page.locator("main").textContent()) ?? "");
    // The SHA-256 of "kith", as sha256sum says.
    const digest = "5a09c9bca17cc3a1a1c72fd3605355366694bf8a807be49ef61fcad94ded619a";
    expect(told).toEqual({ digest, indexedDB: true, opfs });
    expect(await page.locator("main").evaluate((main) => getComputedStyle(main).color)).toBe("rgb(1, 2, 3)");
    expect(complaints).toEqual([]);
  });

  test("refuses what is not its own", async () => {
    await page.goto(site.url);
    expect(await page.evaluate(refusals)).toEqual({
      inlineScript: "require-trusted-types-for",
      inlineStyle: "style-src-elem",
      image: "img-src",
      innerHTML: "require-trusted-types-for",
      foreignWorker: "require-trusted-types-for",
      secondPolicy: "trusted-types",
    });
  });
});

// Runs in the page: what the policy says to each attempt.
async function refusals(): Promise<Record<string, string>> {
  const attempt = (act: () => void): Promise<string> =>
    new Promise((resolve) => {
      const end = (word: string): void => {
        document.removeEventListener("securitypolicyviolation", hear);
        clearTimeout(late);
        resolve(word);
      };
      const hear = (event: SecurityPolicyViolationEvent): void => end(event.effectiveDirective);
      const late = setTimeout(() => end("allowed"), 5_000);
      document.addEventListener("securitypolicyviolation", hear);
      try {
        act();
      } catch {
        // What counts is the violation that the browser reports.
      }
    });
  const append = (tag: string, text: string): void => {
    const element = document.createElement(tag);
    element.append(text);
    document.head.append(element);
  };
  const policies = (globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): unknown } }).trustedTypes;
  return {
    inlineScript: await attempt(() => append("script", "document.title = 'broken'")),
    inlineStyle: await attempt(() => append("style", "main { color: red }")),
    image: await attempt(() => void document.body.append(Object.assign(new Image(), { src: "https://elsewhere.invalid/pixel.png" }))),
    innerHTML: await attempt(() => Reflect.set(document.body, "innerHTML", "<b>broken</b>")),
    foreignWorker: await attempt(() => void new Worker("/sw.js")),
    secondPolicy: await attempt(() => void policies.createPolicy("other", {})),
  };
}

type Change = (text: string) => string;
const same: Change = (text) => text;

async function hashOf(name: string): Promise<string> {
  return createHash("sha256").update(await readFile(new URL(name, builtFile))).digest("hex");
}

/** serve hands out the built app, with its front page or its parts changed. */
function serve(changePage = same, front = "index.html", changePart = same): Promise<Site> {
  const dist = fileURLToPath(new URL(".", builtFile));
  return openSite((path) => join(dist, path || front), (path, content) => {
    const change = (path || front) === front ? changePage : path.startsWith("part-") ? changePart : undefined;
    return change === undefined ? content : change(content.toString());
  });
}

// What the page complains of from here on.
function listen(from: Page): string[] {
  const complaints: string[] = [];
  from.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  from.on("pageerror", (error) => complaints.push(String(error)));
  return complaints;
}

test("a photo is a JPEG whose EXIF the browser understands", async () => {
  await page.goto("about:blank");
  const shot = { width: 400, height: 300, seed: 7, latitude: 48.20849, longitude: -16.37208, camera: "canary-camera" };
  const photo = await takePhoto(page, { ...shot, orientation: 6 });
  // Held sideways: only who reads the segment sees a portrait.
  expect(await measure(page, photo)).toEqual({ width: 300, height: 400 });
  expect(await measure(page, await takePhoto(page, shot))).toEqual({ width: 400, height: 300 });
  expect(photo.includes("canary-camera\0")).toBe(true);
  expect(photo.equals(await takePhoto(page, { ...shot, orientation: 6, seed: 8 }))).toBe(false);
  expect(photo.equals(await takePhoto(page, { ...shot, orientation: 6 }))).toBe(true);
});

function measure(in_: Page, photo: Buffer): Promise<{ width: number; height: number }> {
  return in_.evaluate(async (coded) => {
    const raw = Uint8Array.from(atob(coded), (c) => c.charCodeAt(0));
    const { width, height } = await createImageBitmap(new Blob([raw], { type: "image/jpeg" }));
    return { width, height };
  }, photo.toString("base64"));
}

test("the raw search finds each form of a needle, names included, and nothing else", async () => {
  const folder = join(scene.folder, "haystack", "deep");
  await mkdir(folder, { recursive: true });
  const canary = "Kanarienvogel-7f3a";
  const photo = await takePhoto(page, { width: 64, height: 64, seed: 3, latitude: 1, longitude: 2, camera: "c" });
  const straw = Buffer.alloc(5000, 0x2e);
  const utf16 = Buffer.from(canary, "utf16le");
  const hay: Record<string, Buffer> = {
    utf8: Buffer.from(canary),
    utf16le: utf16,
    utf16be: Buffer.from(utf16).swap16(),
    base64: Buffer.from(Buffer.from(`a${canary}b`).toString("base64")),
    base64two: Buffer.from(Buffer.from(`ab${canary}bc`).toString("base64url")),
    hex: Buffer.from(Buffer.from(canary).toString("hex")),
    photo: photo.subarray(photo.length / 2),
  };
  for (const [name, content] of Object.entries(hay)) {
    await writeFile(join(folder, name), Buffer.concat([straw, content, straw]));
  }
  await writeFile(join(folder, `name ${canary}`), straw);
  await writeFile(join(folder, "clean"), straw);

  const needles = [text(canary), bytes("photo", photo)];
  const hits = await rawSearch([join(scene.folder, "haystack")], needles);
  const found = hits.map(({ file }) => file.slice(folder.length + 1)).sort();
  expect(found).toEqual([...Object.keys(hay), `name ${canary}`].sort());
  expect(hits.find(({ file }) => file.endsWith("utf8"))?.at).toBe(straw.length);
  await expect(rawSearch([join(scene.folder, "nowhere")], needles)).rejects.toThrow("no file in it");
});

test("the raw search finds a text that a page has stored in its profile", async () => {
  const canary = "Zaunkönig-51c9e0";
  const context = await scene.profile("stored");
  const stored = await context.newPage();
  await stored.goto(builtFile);
  await stored.evaluate((value) => localStorage.setItem("canary", value), canary);
  await context.close();
  const hits = await rawSearch([scene.profileFolder("stored")], [text(canary)]);
  expect(hits.length).toBeGreaterThan(0);
});

test("axe finds a picture without words, under the page's own policy", async () => {
  await page.goto(builtFile);
  const before = await axe(page);
  await page.evaluate(() => void document.body.append(Object.assign(new Image(), { src: "data:," })));
  const rules = (await axe(page)).map(({ rule }) => rule);
  expect(rules).toContain("image-alt");
  expect(before.map(({ rule }) => rule)).not.toContain("image-alt");
});
