/** The store in a real browser: what is erased is gone from the profile, what is acknowledged survives. */

import { readdir, readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openScene, type Scene } from "./harness.ts";
import { type Needle, rawSearch, text } from "./search.ts";
import { buildPage, openSite, type Site } from "./site.ts";
import type { Tools } from "./store/main.ts";

declare const tools: Tools;

let scene: Scene;
let site: Site;
let hosted: string;
let file: string;

beforeAll(async () => {
  scene = await openScene();
  const built = await buildPage("store", scene.folder);
  file = pathToFileURL(built).href;
  site = await openSite(() => built);
  hosted = site.url;
});

afterAll(async () => {
  await scene.close();
  await site.close();
});

async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(() => tools.open());
  return page;
}

const madeKeys = (page: Page): Promise<readonly string[]> => page.evaluate(() => tools.keys);

/** held returns which of these keys, in hexadecimal, are somewhere in the profile. */
async function held(profile: string, keys: readonly string[]): Promise<string[]> {
  const needles: Needle[] = keys.map((key) => ({ name: key, forms: [Buffer.from(key, "hex"), ...text(key).forms] }));
  const hits = await rawSearch([scene.profileFolder(profile)], needles);
  return keys.filter((key) => hits.some(({ needle }) => needle === key));
}

const canaries = ["Ein Zeisig am See, 7c1f", "zeisig-2c9e", "stieglitz-55d0"] as const;

async function canariesFound(profile: string): Promise<number> {
  return (await rawSearch([scene.profileFolder(profile)], canaries.map(text))).length;
}

describe.each([
  { from: "a host", profile: "hosted", erases: true, url: () => hosted },
  { from: "the disk", profile: "disk", erases: false, url: () => file },
])("opened from $from", ({ profile, erases, url }) => {
  test("it keeps what was written over a restart, unreadable, and erases it with its keys", async () => {
    let context = await scene.profile(profile);
    let page = await openPage(context, url());
    expect(await page.evaluate(() => tools.store().erases)).toBe(erases);
    await page.evaluate(() => tools.put("/stays", "This stays."));
    const before = (await madeKeys(page)).length;
    await page.evaluate(([body, path, name]) => tools.store().apply([...tools.writes(`/posts/${path}`, body), { set: name, value: body }]), canaries);
    const made = (await madeKeys(page)).slice(before);
    // A page of rows, a page of settings, a body.
    expect(made).toHaveLength(3);
    expect(await held(profile, made)).toEqual(made);
    await context.close();
    expect(await held(profile, made)).toEqual(made);
    expect(await canariesFound(profile)).toBe(0);

    context = await scene.profile(profile);
    page = await openPage(context, url());
    expect(await page.evaluate(([, path]) => tools.text(`/posts/${path}`), canaries)).toBe(canaries[0]);
    await page.evaluate(([, path, name]) => tools.store().apply([{ erase: `/posts/${path}` }, { unset: name }]), canaries);
    // Without OPFS the browser removes a key's file when it sees fit, at the latest when the store is opened the next time.
    if (erases) expect(await held(profile, made)).toEqual([]);
    await context.close();
    expect(await canariesFound(profile)).toBe(0);
    if (erases) expect(await held(profile, made)).toEqual([]);

    context = await scene.profile(profile);
    page = await openPage(context, url());
    expect(await page.evaluate(() => [...tools.store().rows("")].map(({ path }) => path))).toEqual(["/stays"]);
    expect(await page.evaluate(() => tools.text("/stays"))).toBe("This stays.");
    await context.close();
    expect(await canariesFound(profile)).toBe(0);
    expect(await held(profile, made)).toEqual([]);
  });

  test("a killed browser has lost nothing that was acknowledged", async () => {
    const name = `${profile}-killed`;
    for (const least of [5, 20, 60]) {
      const context = await scene.profile(name);
      const page = await context.newPage();
      let acknowledged = -1;
      const enough = new Promise<void>((resolve) => {
        page.on("console", (message) => {
          acknowledged = Number(message.text());
          if (acknowledged >= least) resolve();
        });
      });
      await page.goto(url());
      const writing = page.evaluate(() => tools.writeForEver()).catch(() => undefined);
      await enough;
      const closed = new Promise((resolve) => context.once("close", resolve));
      for (const id of await browserIds(name)) process.kill(id, "SIGKILL");
      await Promise.all([closed, writing]);

      const again = await scene.profile(name);
      const found = await (await openPage(again, url())).evaluate(() => tools.written());
      expect(found.count).toBeGreaterThanOrEqual(acknowledged);
      const last = [2, 1, 0].map((back) => found.count - back).filter((i) => i >= 0);
      expect(found.rows).toEqual(last.map((i) => [`/n/${String(i).padStart(6, "0")}`, `text ${i}`]));
      await again.close();
    }
  });

  test("one tab has it, until another takes it over", async () => {
    const context = await scene.profile(`${profile}-tabs`);
    const first = await openPage(context, url());
    await first.evaluate(() => tools.put("/x", "from the first tab"));
    const second = await context.newPage();
    await second.goto(url());
    expect(await second.evaluate(() => tools.open().catch((error: Error) => error.name))).toBe("TakenError");
    const writing = first.evaluate(() => tools.put("/y", "just before"));
    const told = first.evaluate(() => tools.store().closed.then(() => "closed"));
    await second.evaluate(() => tools.open({ takeOver: true }));
    // The lock is free only once the first tab has closed its store.
    expect(await told).toBe("closed");
    await writing;
    expect(await second.evaluate(() => Promise.all([tools.text("/x"), tools.text("/y")]))).toEqual(["from the first tab", "just before"]);
    expect(await first.evaluate(() => tools.put("/z", "too late").catch((error: { code: string }) => error.code))).toBe("storage-unavailable");
    await first.evaluate(() => tools.open({ takeOver: true }));
    expect(await first.evaluate(() => tools.text("/y"))).toBe("just before");
    await first.reload();
    await first.evaluate(() => tools.open());
    expect(await first.evaluate(() => tools.text("/y"))).toBe("just before");
    await context.close();
  });
});

test("private keys survive a restart, work, and cannot be exported", async () => {
  let context = await scene.profile("keys");
  let page = await context.newPage();
  await page.goto(hosted);
  const names = await page.evaluate(() => tools.makeKeys());
  expect(names).toHaveLength(2);
  await context.close();
  context = await scene.profile("keys");
  page = await context.newPage();
  await page.goto(hosted);
  expect(await page.evaluate(() => tools.useKeys())).toEqual(names.map((name) => ({ name, works: true, exportable: false })));
  await page.evaluate((name) => tools.removeKey(name), names[0]!);
  expect((await page.evaluate(() => tools.useKeys())).map(({ name }) => name)).toEqual([names[1]]);
  await context.close();
});

test("a full disk is said so, and leaves everything as it was", async () => {
  const context = await scene.profile("full");
  const page = await context.newPage();
  await page.goto(hosted);
  // Before the database is open: Chromium remembers for a while how much room there was.
  const debug = await context.newCDPSession(page);
  const origin = new URL(hosted).origin;
  await debug.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1_000_000 });
  await page.evaluate(() => tools.open());
  await page.evaluate(() => tools.put("/x", "before"));
  const keys = await held("full", await madeKeys(page));
  expect(keys.length).toBeGreaterThan(0);
  const big = (): Promise<unknown> => page.evaluate(() => tools.putBytes(["/x", "/y"], 1_000_000).catch((error: { code: string }) => error.code));
  expect(await big()).toBe("storage-full");
  expect(await page.evaluate(() => tools.text("/x"))).toBe("before");
  expect(await page.evaluate(() => [...tools.store().rows("")].length)).toBe(1);
  expect(await held("full", await madeKeys(page))).toEqual(keys);
  await page.evaluate(() => tools.put("/x", "after"));
  expect(await page.evaluate(() => tools.text("/x"))).toBe("after");
  await context.close();
});

test("ten thousand rows open quickly, and a post is written quickly", async () => {
  const context = await scene.profile("many");
  const page = await openPage(context, hosted);
  const { put, open, rows } = await page.evaluate(() => tools.measure(10_000));
  console.log(`put of 2 KB: ${put.toFixed(1)} ms; open with ${rows} rows: ${open.toFixed(0)} ms (medians)`);
  expect(rows).toBe(10_000);
  // The machine that tests may be busy: what is asked here is a fraction of what a quiet one does.
  expect(open).toBeLessThan(1000);
  expect(put).toBeLessThan(100);
  await context.close();
});

/** browserIds returns the process ids of the browser that runs on a profile, its children left out. */
async function browserIds(profile: string): Promise<number[]> {
  const wanted = `--user-data-dir=${scene.profileFolder(profile)}`;
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  const found = ids.filter((_, i) => {
    const words = lines[i]?.split("\0") ?? [];
    return words.includes(wanted) && !words.some((word) => word.startsWith("--type="));
  });
  if (found.length === 0) throw new Error(`kill browser: none runs on ${profile}`);
  return found;
}
