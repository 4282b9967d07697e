/** A friend's phone and a pod that was built for direct connections: the real binary, real browsers. `make webrtc` runs this. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Tools } from "./direct/main.ts";
import { type Host, openScene, type Scene } from "./harness.ts";
import { Phone, witness, words } from "./people.ts";
import { type Relay, startRelay } from "./relays.ts";
import type { SDK } from "./sdk/main.ts";
import { openPages, type Site } from "./site.ts";

declare const sdk: SDK;
declare const tools: Tools;

const patience = { timeout: 60_000 };

let scene: Scene;
let site: Site;

beforeAll(async () => {
  scene = await openScene();
  site = await openPages(scene.folder, "sdk", "direct");
});

afterAll(async () => {
  await scene.close();
  await site.close();
});

describe("a friend who is reached by relays", () => {
  let shelf: Host;
  let relay: Relay;
  let ana: Phone;
  let ben: Page;

  beforeAll(async () => {
    relay = await startRelay(join(scene.folder, "relay"));
    shelf = await scene.host("shelf", { reach: [relay.url] });
    ana = await Phone.open(scene, "Ana", shelf.url);
    await ana.start();
    await ana.connect((await shelf.person("ana")).pair);
    const context = await scene.profile("Ben");
    // Ben is elsewhere: he does not reach the pod by its address.
    await context.route(`${shelf.url}/**`, (route) => route.abort());
    ben = await context.newPage();
    await ben.goto(`${site.url}sdk`);
    await ben.evaluate((url) => sdk.start("Ben", url), relay.url);
    const link = await ana.invite();
    await ben.evaluate((invite) => sdk.kith().acceptInvite(invite), link);
    await ana.hasFriend("Ben");
    await ben.evaluate(() => sdk.allow(true));
    return () => relay.kill9();
  });

  beforeEach(() => witness(() => [ana]));

  const texts = (): Promise<readonly string[]> => ben.evaluate(() => sdk.texts());
  const counted = (): Promise<SDK["direct"]> => ben.evaluate(() => ({ ...sdk.direct }));

  /** record waits until the pod has the friend's record with that permission. */
  async function record(direct: boolean): Promise<void> {
    const contacts = join(shelf.folder, "pods", "ana", "contacts");
    await expect.poll(async () => {
      const [cid] = (await readdir(contacts)).filter((name) => !name.startsWith("."));
      return JSON.parse(await readFile(join(contacts, cid ?? "", "card"), "utf8"))["kith:direct"];
    }, patience).toBe(direct);
  }

  /** allow turns the switch in the friend's screen. */
  async function allow(on: boolean): Promise<void> {
    await ana.visit(words.nav.friends);
    await ana.page.getByRole("list").getByRole("link", { name: "Ben" }).click();
    await ana.page.getByRole("link", { name: words.friend.about("").trim() }).click();
    const row = ana.page.getByRole("switch", { name: words.friend.direct });
    await (on ? row.check() : row.uncheck());
    await record(on);
  }

  test("makes no connection with a pod whose owner has not allowed it", async () => {
    await ana.post({ text: "From the shelf", to: "all" });
    await expect.poll(texts, patience).toContain("From the shelf");
    await record(false);
    expect((await counted()).opened).toBe(0);
  });

  test("connects to the pod while the owner's phone is closed, and needs no relay then", async () => {
    await allow(true);
    await ana.context.close();
    // Who could not be reached directly is left alone for ten minutes.
    await ben.evaluate(() => sdk.pass(11 * 60_000));
    await expect.poll(async () => {
      await texts();
      return (await counted()).opened;
    }, patience).toBe(1);
    await relay.kill9();
    ana = await Phone.open(scene, "Ana", shelf.url);
    await ana.post({ text: "Without any relay", to: "all" });
    await expect.poll(texts, patience).toContain("Without any relay");
    await ben.evaluate(() => sdk.comment("Without any relay", "seen straight from you"));
    await ana.enter("Without any relay");
    await expect.poll(() => ana.said("seen straight from you").isVisible(), patience).toBe(true);
  });

  test("is left alone once the owner takes it back", async () => {
    await allow(false);
    await expect.poll(async () => (await counted()).ended, patience).toBeGreaterThan(0);
    const { opened } = await counted();
    await ana.post({ text: "Not now", to: "all" });
    expect(await texts()).not.toContain("Not now");
    expect((await counted()).opened).toBe(opened);
  });
});

/**
 * The corpus is played by conformance/corpus_webrtc_test.go, which has its pod and its people; here is the browser through whose
 * connection each of its messages goes.
 *
 *     GET /offer → the page's offer      POST /answer ← the pod's, sealed as the answer to a friend      POST /ask → a message, 200 or 204
 */
test("all of the corpus is answered by the pod to a page as by HTTPS", async () => {
  const page = await (await scene.profile("asking")).newPage();
  await page.goto(`${site.url}direct`);
  const [offered, answered] = [promised<string>(), promised<string>()];
  await page.exposeFunction("carry", (offer: string) => (offered.resolve(offer), answered.promise));
  let connected: Promise<boolean> | undefined;
  const door = createServer((request, response) => {
    const said = {
      // An offer does not wait for long, so it is made when somebody is there to take it.
      offer: () => ((connected ??= page.evaluate(() => tools.connect())), offered.promise),
      answer: async () => (answered.resolve((await read(request)).toString()), (await connected) ? "open" : undefined),
      ask: async () => asked(page, await read(request)),
    };
    const act = said[(request.url ?? "").slice(1) as keyof typeof said];
    act().then((body) => response.writeHead(body === undefined ? 204 : 200).end(body), (error: unknown) => response.writeHead(500).end(String(error)));
  });
  await once(door.listen(0, "127.0.0.1"), "listening");
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const env = { ...process.env, KITH_PAGE: `http://127.0.0.1:${(door.address() as AddressInfo).port}/` };
  const played: Promise<{ readonly stdout: string }> = promisify(execFile)("go", ["test", "-tags", "webrtc", "-count=1", "-v", "./conformance", "-run", "^TestCorpusThroughAPage$"], { cwd: root, env, maxBuffer: 1 << 26 });
  const { stdout } = await played.catch((error: { readonly stdout: string }) => error).finally(() => door.close());
  expect(stdout).toContain("--- PASS: TestCorpusThroughAPage");
  console.log(/corpus: .*/.exec(stdout)?.[0]);
}, 600_000);

function promised<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** asked brings a message over the page's connection; undefined when it gets no answer. */
async function asked(page: Page, message: Buffer): Promise<Buffer | undefined> {
  const answer = await page.evaluate((written) => tools.ask(written), message.toString("base64url"));
  return answer === undefined ? undefined : Buffer.from(answer, "base64url");
}
