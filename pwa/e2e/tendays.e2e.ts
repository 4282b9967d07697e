/**
 * Ten days during which nobody is there: what a friend wrote waits at the relay, and is answered once when its owner comes
 * back. The relay is the one of `kith relay`, in the test program of its package, which lets a test move its clock
 * (relay/child_test.go); the pages' clocks are moved along with it. Neither person has a pod.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openScene, phone, type Scene } from "./harness.ts";
import { befriend, Phone, witness, words } from "./people.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const day = 24 * 3600_000;
const post = "Gone walking";
const said = "Tell us when you are back";

/** A relay whose clock can be moved. */
interface Relay {
  readonly url: string;
  /** pass moves its clock on by so many days and returns the time that it then is, in milliseconds since the epoch. */
  pass(days: number): Promise<number>;
  end(): Promise<void>;
}

async function startRelay(folder: string): Promise<Relay> {
  const program = join(folder, "relay.test");
  await promisify(execFile)("go", ["test", "-c", "-o", program, "./relay"], { cwd: root });
  const child: ChildProcess = spawn(program, [], { env: { ...process.env, KITH_TEST_RELAY: join(folder, "relay") }, stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  return {
    url: await line(),
    pass: async (days) => (child.stdin!.write(`${days * 24}h\n`), Date.parse(await line())),
    end: async () => void (child.stdin!.end(), await ended),
  };
}

let scene: Scene;
let relay: Relay;
let app: string;
let ana: Phone;
let ben: Phone;

beforeAll(async () => {
  scene = await openScene();
  relay = await startRelay(scene.folder);
  app = (await scene.host("home")).url;
  [ana, ben] = [await Phone.open(scene, "Ana", app), await Phone.open(scene, "Ben", app)];
  for (const each of [ana, ben]) {
    await each.start();
    await each.relay(relay.url);
  }
  await befriend(ana, ben);
});

beforeEach(() => witness(() => [ana, ben]));

afterAll(async () => {
  await relay?.end();
  await scene?.close();
});

/** later opens somebody's app so many days later than it is. */
function later(name: string, days: number): Promise<Phone> {
  const before = (ahead: number): void => {
    const { now } = Date;
    Date.now = () => now() + ahead;
  };
  return Phone.open(scene, name, app, phone, { content: `(${before})(${days * day})` });
}

/** comments counts what is said to the post, as somebody sees it. */
async function comments(who: Phone): Promise<number> {
  await who.enter(post);
  return who.said(said).count();
}

test("a comment waits ten days at the relay and is answered once, and its author hears of it", async () => {
  await ana.post({ text: post, to: "all" });
  await ben.sees(post);
  await ana.context.close();
  await ben.comment(post, said);
  await ben.go(words.standing.waiting);
  await ben.page.getByText(words.errors.waiting).first().waitFor();
  await ben.context.close();

  const then = await relay.pass(10);
  expect(then - Date.now()).toBeGreaterThan(9.99 * day);
  ana = await later("Ana", 10);
  expect(await ana.page.evaluate(() => Date.now()) - Date.now()).toBeGreaterThan(9.99 * day);
  await expect.poll(() => comments(ana)).toBe(1);

  // Its author asks again under the same name, because the answer may have been lost.
  ben = await later("Ben", 10);
  await ben.go(words.standing.waiting);
  await ben.page.getByText(words.waiting.none).waitFor();
  await expect.poll(async () => {
    await ben.ask();
    await ben.enter(post);
    return [await ben.said(said).count(), await ben.said(said).getByText(words.talk.arrived("Ana")).count()];
  }).toEqual([1, 0]);
  expect(await comments(ana)).toBe(1);
});
