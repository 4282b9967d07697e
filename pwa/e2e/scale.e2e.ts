/** The size that Kith is made for: 250 friends in 20 circles and 10,000 posts. */

import { cp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Page, Request } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AudienceId } from "../src/core/acl/group.ts";
import { type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { befriend, Phone, witness, words } from "./people.ts";
import { podFiles, podFolder, podPosts } from "./pods.ts";
import { layCircles, layFriends, layPosts } from "./village.ts";

let scene: Scene;
let host: Host;
let ava: Phone;
let rex: Phone;
let circles: AudienceId[];

/** From tap to the first screen, in milliseconds. */
const goal = 500;
const screenful = 20;

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  [ava, rex] = await Promise.all([Phone.open(scene, "Ava", host.url), Phone.open(scene, "Rex", host.url)]);
  for (const phone of [ava, rex]) {
    await phone.start();
    await phone.connect((await host.person(phone.name.toLowerCase())).pair);
  }
  await befriend(ava, rex);
  await rex.context.close();
  await host.stop();
  const known = [...(await podFiles(host, "ava")).keys()].flatMap((path) => /^\/contacts\/([^/]+)\/card$/.exec(path)?.[1] ?? []);
  const friends = await layFriends(podFolder(host, "ava"), 249);
  circles = await layCircles(podFolder(host, "ava"), 20, [...known, ...friends] as typeof friends);
  await host.start();
});

beforeEach(() => witness(() => [ava, rex]));

afterAll(() => scene.close());

test("posting to all of 250 friends writes the post, one small list of who may read it, and once who they are", async () => {
  await ava.visit(words.nav.friends);
  await ava.page.getByRole("list").getByRole("link", { name: "Friend 249" }).waitFor();
  await screenshot(ava.page, "scale-friends");
  const long = "2 KB ".repeat(400);
  for (const [text, besides] of [["To all of you", 2], [`Once more to all of you. ${long}`.trim(), 0]] as const) {
    const before = await stamps();
    const sent = await weighing(ava.page);
    await ava.post({ text, to: "all" });
    await expect.poll(async () => [...(await podPosts(host, "ava")).values()]).toContain(text);
    await ava.article(text).getByText(words.post.waiting).waitFor({ state: "hidden" });
    const written = [...(await stamps())].filter(([path, stamp]) => before.get(path) !== stamp).map(([path]) => path);
    const ofPost = written.filter((path) => path.startsWith("/social/posts/"));
    expect(ofPost.map((path) => path.split("/").at(-1)).sort()).toEqual([".acl", "post.jsonld"]);
    expect(written.filter((path) => path.startsWith("/social/audiences/"))).toHaveLength(besides);
    expect(written).toHaveLength(2 + besides);
    const acl = (await podFiles(host, "ava")).get(ofPost.find((path) => path.endsWith(".acl")) ?? "");
    console.log(`posting to 250 friends: ${written.length} files, access list of ${acl?.length} bytes`);
    expect(acl?.length).toBeLessThan(600);
    const bytes = await sent();
    console.log(`bytes that left the phone for it: ${bytes} (text of ${text.length})`);
    // The first post to a new set of people brings the list of them along.
    if (besides === 0) expect(bytes).toBeLessThan(20 * 1024);
  }
  await screenshot(ava.page, "scale-posted");
});

describe("with 10,000 posts", () => {
  beforeAll(async () => {
    await ava.context.close();
    const all = [...(await podFiles(host, "ava")).keys()].flatMap((path) => /^\/social\/audiences\/([a-z2-7]{20})$/.exec(path)?.[1] ?? []).find((id) => !circles.includes(id as AudienceId));
    await host.stop();
    await layPosts(podFolder(host, "ava"), { posts: 10_000, all: all as AudienceId, circles });
    // Without its index the pod counts anew, so that friends read all of it as if for the first time.
    await rm(join(host.folder, "index", "ava"), { recursive: true });
    const began = performance.now();
    await host.start();
    expect((await fetch(`${host.url}/ava/`)).status).toBe(401);
    console.log(`start of a pod with 10,000 posts and no index: ${Math.round(performance.now() - began)} ms`);
  });

  test("a friend's feed is there at once, the first time and with everything on the phone", async () => {
    const cold: Opening[] = [];
    for (const name of ["Rex again", "Rex once more", "Rex"]) {
      if (name !== "Rex") await cp(scene.profileFolder("Rex"), scene.profileFolder(name), { recursive: true });
      cold.push(await opening(name));
      await screenshot(rex.page, "scale-feed");
      await rex.page.getByText(words.feed.asking).filter({ visible: true }).first().waitFor({ state: "hidden" });
      await rex.context.close();
    }
    report("the first time", cold);
    const warm: Opening[] = [];
    for (let i = 0; i < 5; i++) {
      warm.push(await opening("Rex"));
      await rex.context.close();
    }
    report("with everything on the phone", warm);
    // What else the machine does only adds: the best of a few is what it takes.
    for (const openings of [cold, warm]) expect(Math.min(...openings.map(({ tap }) => tap))).toBeLessThanOrEqual(goal);
  });
});

/** Opening is how long it took from the tap on Feed, and from the start of the page, until the posts were painted. */
interface Opening {
  readonly tap: number;
  readonly page: number;
}

/** opening opens Rex's app anew, in the profile of that name, at his friends, taps Feed as soon as it can be tapped, and waits for the posts. */
async function opening(name: string): Promise<Opening> {
  rex = await Phone.open(scene, name, `${host.url}/#/friends`, undefined, clockwork);
  await rex.page.getByRole("navigation", { name: words.nav.label }).getByRole("link", { name: words.nav.feed, exact: true }).click();
  const painted = await rex.page.waitForFunction(() => performance.getEntriesByName("painted").at(0)?.startTime).then((found) => found.jsonValue());
  const tapped = await rex.page.evaluate(() => performance.getEntriesByName("tap").at(-1)?.startTime ?? NaN);
  return { tap: painted! - tapped, page: painted! };
}

// Runs in the page before the app does: marks taps on the way to the feed, and the moment when its first posts stand.
function clockwork(): void {
  addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest('a[href="#/"]') !== null) performance.mark("tap");
  }, true);
  const look = (): void => {
    const shown = [...document.querySelectorAll("main article")].filter((post) => post.getClientRects().length > 0);
    if (shown.length < 20) requestAnimationFrame(look);
    else requestAnimationFrame(() => setTimeout(() => performance.mark("painted")));
  };
  requestAnimationFrame(look);
}

function report(when: string, openings: readonly Opening[]): void {
  const of = (kind: keyof Opening): string => openings.map((each) => Math.round(each[kind])).join(", ");
  console.log(`${screenful} posts of 10,000, ${when}: ${of("tap")} ms from the tap, ${of("page")} ms from the start of the page`);
}

/** weighing waits until a page has asked nothing for a while, and counts the bytes of what it asks from then on, until the function it
 * returns is called: request lines, headers and bodies. */
async function weighing(page: Page): Promise<() => Promise<number>> {
  const asked: Request[] = [];
  let last = performance.now();
  const hear = (request: Request): void => {
    asked.push(request);
    last = performance.now();
  };
  page.on("request", hear);
  await expect.poll(() => performance.now() - last, { timeout: 60_000 }).toBeGreaterThan(1_500);
  asked.length = 0;
  return async () => {
    page.off("request", hear);
    const weights = await Promise.all(asked.map(async (request) => {
      const headers = Object.entries(await request.allHeaders()).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
      return request.method().length + request.url().length + 12 + headers + (request.postDataBuffer()?.length ?? 0);
    }));
    return weights.reduce((sum, each) => sum + each, 0);
  };
}

/** stamps returns size and time of change of every file of Ava's pod. */
async function stamps(): Promise<Map<string, string>> {
  const folder = podFolder(host, "ava");
  const paths = [...(await podFiles(host, "ava")).keys()];
  return new Map(await Promise.all(paths.map(async (path) => {
    const { size, mtimeMs, ino } = await stat(join(folder, path));
    return [path, `${size} ${mtimeMs} ${ino}`] as const;
  })));
}
