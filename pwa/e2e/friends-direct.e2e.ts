/** Two people without pods, each in a browser, who met over relays and then need none. */

import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openScene, type Scene } from "./harness.ts";
import { type Relay, startRelay } from "./relays.ts";
import type { SDK } from "./sdk/main.ts";
import { openPages, type Site } from "./site.ts";

declare const sdk: SDK;

let scene: Scene;
let site: Site;
let relays: readonly Relay[] = [];
let ana: Page;
let ben: Page;

beforeAll(async () => {
  scene = await openScene();
  site = await openPages(scene.folder, "sdk");
  relays = await Promise.all(["ana", "ben"].map((name) => startRelay(join(scene.folder, `relay-${name}`))));
  [ana, ben] = await Promise.all(["Ana", "Ben"].map(async (name, i) => {
    const page = await (await scene.profile(name)).newPage();
    await page.goto(`${site.url}sdk`);
    await page.evaluate(([who, relay]) => sdk.start(who, relay), [name, relays[i]?.url ?? ""] as const);
    return page;
  })) as [Page, Page];
});

afterAll(async () => {
  await scene.close();
  await Promise.all(relays.map((relay) => relay.kill9()));
  await site.close();
});

const direct = (page: Page): Promise<SDK["direct"]> => page.evaluate(() => ({ ...sdk.direct }));
const texts = (page: Page): Promise<readonly string[]> => page.evaluate(() => sdk.texts());
const post = (page: Page, text: string): Promise<unknown> => page.evaluate((words) => sdk.kith().post({ text: words, pictures: [], audience: { kind: "all" } }), text);
const allow = (page: Page, on: boolean): Promise<void> => page.evaluate((yes) => sdk.allow(yes), on);

test("friends who do not allow it share over relays, and make no connection", async () => {
  const link = await ana.evaluate(async () => (await sdk.kith().createInvite()).link);
  await ben.evaluate((invite) => sdk.kith().acceptInvite(invite), link);
  await post(ana, "over a relay");
  expect(await texts(ben)).toEqual(["over a relay"]);
  await allow(ben, true);
  await post(ana, "still over a relay");
  expect(await texts(ben)).toContain("still over a relay");
  await expect.poll(async () => (await direct(ben)).ended, { timeout: 60_000 }).toBe(1);
  expect(await direct(ben)).toEqual({ offers: 1, opened: 0, ended: 1 });
  expect(await direct(ana)).toEqual({ offers: 0, opened: 0, ended: 0 });
});

test("when both allow it, they go on when all relays are gone", async () => {
  await allow(ana, true);
  await post(ben, "is anybody there?");
  expect(await texts(ana)).toContain("is anybody there?");
  await expect.poll(async () => [(await direct(ana)).opened, (await direct(ben)).opened], { timeout: 60_000 }).toEqual([1, 1]);
  await Promise.all(relays.map((relay) => relay.kill9()));
  await post(ana, "without any relay");
  await post(ben, "me too");
  // What was under way at a relay when it died is asked again.
  await expect.poll(() => texts(ben), { timeout: 60_000 }).toContain("without any relay");
  await expect.poll(() => texts(ana), { timeout: 60_000 }).toContain("me too");
});

test("what is not allowed any more ends", async () => {
  await allow(ana, false);
  await expect.poll(async () => (await direct(ben)).ended, { timeout: 60_000 }).toBe(2);
  await post(ben, "not now");
  expect(await texts(ana)).not.toContain("not now");
});
