/** Two pages that are connected directly: both ask and are answered over one channel, without any server but for the introduction. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { utf8 } from "../src/core/bytes.ts";
import { openScene, type Scene } from "./harness.ts";
import type { Tools } from "./direct/main.ts";
import { openPages, type Site } from "./site.ts";

declare const tools: Tools;

let scene: Scene;
let site: Site;
let one: Page;
let other: Page;
const offers: string[] = [];

const b64u = (text: string): string => Buffer.from(text).toString("base64url");

beforeAll(async () => {
  scene = await openScene();
  site = await openPages(scene.folder, "direct");
  [one, other] = await Promise.all(["one", "other"].map(async (name) => {
    const page = await (await scene.profile(name)).newPage();
    await page.goto(`${site.url}direct`);
    return page;
  })) as [Page, Page];
  for (const [page, to] of [[one, other], [other, one]] as const) {
    await page.exposeFunction("carry", async (offer: string) => {
      offers.push(offer);
      return to.evaluate((given) => tools.answer(given), offer);
    });
  }
});

afterAll(async () => {
  await scene.close();
  await site.close();
});

test("two browsers connect by one exchange of descriptions that name no server", async () => {
  const start = Date.now();
  expect(await one.evaluate(() => tools.connect())).toBe(true);
  console.log(`connected in ${Date.now() - start} ms, offer of ${offers[0]?.length} characters`);
  expect(offers[0]).toMatch(/a=candidate:\S+ 1 udp .* typ host/i);
  expect(offers[0]).not.toMatch(/typ (srflx|relay)/);
  expect(offers[0]?.length).toBeLessThan(4096);
});

test("both ask and are answered, whatever the length", async () => {
  for (const page of [one, other]) {
    const answer = await page.evaluate((message) => tools.ask(message), b64u("question"));
    expect(Buffer.from(answer ?? "", "base64url")).toEqual(Buffer.from(utf8("answer question")));
    for (const length of [1, 1024, 16_384, 16_385, 1 << 20]) expect(await page.evaluate((size) => tools.echo(size), length)).toBe(true);
  }
});

test("many ask at once, in both directions", async () => {
  const all = await Promise.all([one, other].map((page) => page.evaluate(() => Promise.all(Array.from({ length: 6 }, (_, i) => tools.echo(100_000 + i))))));
  expect(all.flat()).toEqual(Array.from({ length: 12 }, () => true));
});

test("what gets no answer is known at once", async () => {
  const start = Date.now();
  expect(await one.evaluate((message) => tools.ask(message), b64u("\0 not for you"))).toBeUndefined();
  expect(Date.now() - start).toBeLessThan(5_000);
});

test("10 MB come over in answers of 512 KiB", async () => {
  const start = Date.now();
  for (let i = 0; i < 20; i++) expect(await one.evaluate(() => tools.echo(512 << 10))).toBe(true);
  console.log(`10 MB there and back in ${Date.now() - start} ms`);
});

test("a friend who is forgotten is connected no more, and is told so", async () => {
  await one.evaluate(() => tools.forget());
  expect(await one.evaluate((message) => tools.ask(message), b64u("question"))).toBeUndefined();
  await expect.poll(() => other.evaluate((message) => tools.ask(message), b64u("question")), { timeout: 60_000 }).toBeUndefined();
  expect(await one.evaluate(() => tools.connect())).toBe(false);
});
