/** The phone's store is the original: it fills a pod, and refills one that was emptied; nothing that happens to
 * the pod takes anything from the phone. And a friend who is removed is out at once. */

import { randomBytes } from "node:crypto";
import { get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { prover } from "./asking.ts";
import { type Host, openScene, type Person, type Scene, screenshot } from "./harness.ts";
import { album, befriend, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";
import { emptyPod, podFiles, podPosts, postNamed } from "./pods.ts";

let scene: Scene;
let host: Host;
let mia: Phone;
let noa: Phone;
let pod: Person;

const texts = ["The first snow", "The second cup", "The third try", "The fourth wall", "The fifth element"];

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  mia = await Phone.open(scene, "Mia", host.url);
});

beforeEach(() => witness(() => [mia, noa]));

afterAll(() => scene.close());

describe("the pod is a copy", () => {
  test("five posts made before there is a pod arrive when there is one", async () => {
    await mia.start();
    const photo = await takePhoto(mia.page, { width: 640, height: 480, seed: 5, latitude: 1, longitude: 2, camera: "c" });
    const file = await album(scene, "snow.jpg", photo);
    for (const [i, text] of texts.entries()) await mia.post({ text, to: "me", pictures: i === 0 ? [{ file, alt: "Snow" }] : [] });
    await mia.enter(texts[4]!);
    await mia.shows(words.post.mine);

    pod = await host.person("mia");
    await mia.connect(pod.pair);
    expect([...(await podPosts(host, "mia")).values()].sort()).toEqual([...texts].sort());
    const pictures = [...(await podFiles(host, "mia")).keys()].filter((path) => path.endsWith(".webp"));
    expect(pictures.map((path) => path.split("/").at(-1)).sort()).toEqual(["1-t.webp", "1.webp"]);
  });

  test("a pod that was emptied is refilled, and nothing is deleted on the phone", async () => {
    const before = await podFiles(host, "mia");
    await host.stop();
    await emptyPod(host, "mia");
    expect(await podFiles(host, "mia")).toEqual(new Map());
    await host.start();

    await mia.go(words.self.pod);
    await expect.poll(async () => [...(await podPosts(host, "mia")).values()].sort(), { timeout: 60_000 }).toEqual([...texts].sort());
    await mia.shows(words.pod.allThere);
    const after = await podFiles(host, "mia");
    // The lists of devices and keys are signed anew when they have to be; all else is as it was.
    for (const [path, content] of before) if (!path.startsWith("/profile/")) expect(after.get(path)?.equals(content), path).toBe(true);
    await mia.visit(words.nav.feed);
    for (const text of texts) await mia.article(text).waitFor();
    expect(await mia.page.getByText(words.feed.lost).count()).toBe(0);
  });

  test("without the pod everything works, and the app says how it stands", async () => {
    await host.stop();
    await mia.post({ text: "Written on the train", to: "me" });
    await mia.edit(texts[1]!, "The second cup was better");
    await mia.shows(words.post.waiting);
    await mia.remove(texts[2]!);
    await mia.go(words.standing.waiting);
    for (const what of [words.waiting.doing.post, words.waiting.doing.edit, words.waiting.doing.delete]) await mia.shows(what);
    await screenshot(mia.page, "phonefirst-waiting");
    await mia.go(words.self.pod);
    await mia.shows(words.errors["pod-unreachable"]);
    await screenshot(mia.page, "phonefirst-unreachable");

    await host.start();
    await mia.button(words.pod.again).click();
    await mia.shows(words.pod.allThere);
    const now = ["Written on the train", texts[0], "The second cup was better", texts[3], texts[4]];
    expect([...(await podPosts(host, "mia")).values()].sort()).toEqual(now.sort());
    await mia.go(words.standing.waiting);
    await mia.shows(words.waiting.none);
  });

  test("without a network the same, and it goes out by itself", async () => {
    await mia.context.setOffline(true);
    await mia.visit(words.nav.feed);
    await mia.shows(words.feed.offline);
    await mia.post({ text: "Written in the tunnel", to: "me" });
    await mia.article("Written in the tunnel").getByText(words.post.waiting).waitFor();
    await screenshot(mia.page, "phonefirst-offline");
    await mia.page.reload().catch(() => undefined);
    await mia.article("Written in the tunnel").getByText(words.post.waiting).waitFor();
    await mia.context.setOffline(false);
    await mia.article("Written in the tunnel").getByText(words.post.waiting).waitFor({ state: "hidden" });
    expect([...(await podPosts(host, "mia")).values()]).toContain("Written in the tunnel");
  });
});

describe("a friend who is removed", () => {
  const text = "A long film for Noa";
  let prove: Awaited<ReturnType<typeof prover>>;
  let film: string;
  const size = 64 << 20;

  test("downloads until then", async () => {
    noa = await Phone.open(scene, "Noa", host.url);
    await noa.start();
    await noa.connect((await host.person("noa")).pair);
    await befriend(mia, noa);
    await mia.post({ text, to: [noa.name] });
    await noa.sees(text);
    film = `${pod.pod}social/posts/${await postNamed(host, "mia", text)}/film.bin`;
    // The app posts no films yet: its owner's key puts one beside the text.
    const own = await prover(mia.page, pod);
    const put = await fetch(film, { method: "PUT", body: randomBytes(size), headers: { ...(await own("PUT", film)), "Content-Type": "application/octet-stream" } });
    expect(put.status).toBe(201);
    prove = await prover(noa.page, pod);
    expect((await fetch(film, { method: "HEAD", headers: await prove("HEAD", film) })).headers.get("Content-Length")).toBe(String(size));
  });

  test("is cut off in the middle of it, and refused from then on", async () => {
    const download = await begin(film, await prove("GET", film));
    expect(download.headers["content-length"]).toBe(String(size));
    const first = await new Promise<Buffer>((resolve) => download.once("data", resolve));
    download.pause();
    await mia.unfriend(noa.name);
    const removed = Date.now();
    await expect.poll(async () => (await fetch(film, { headers: await prove("GET", film) })).status, { timeout: 60_000, interval: 20 }).toBe(401);
    console.log(`refused ${Date.now() - removed} ms after the app said so`);
    const got = first.length + (await rest(download));
    console.log(`cut off after ${(got / (1 << 20)).toFixed(1)} of ${size >> 20} MB`);
    expect(got).toBeLessThan(size);
  });

  test("loses the copies, and the app says why", async () => {
    await noa.misses(text);
    await noa.visit(words.nav.friends);
    await noa.page.getByRole("list").getByRole("link", { name: mia.name }).click();
    await noa.shows(words.feed.refused(["Mia"]));
    await screenshot(noa.page, "phonefirst-refused");
    await mia.visit(words.nav.friends);
    await mia.shows(words.friends.none);
  });
});

function begin(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { headers }, resolve).once("error", reject));
}

/** rest returns how many more bytes come before the answer ends, whole or not. */
function rest(answer: IncomingMessage): Promise<number> {
  let count = 0;
  return new Promise((resolve) => {
    answer.on("data", (part: Buffer) => (count += part.length));
    answer.once("close", () => resolve(count));
    answer.once("error", () => undefined);
    answer.resume();
  });
}
