/** Three people, three browser profiles, three pods on the real binary: a post reaches whom it is for and nobody else. */

import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Ask, type Reply, signed, touches, unsigned } from "./asking.ts";
import { type Host, openScene, type Person, type Scene, screenshot } from "./harness.ts";
import { etagOf, jsonLD } from "../src/core/pod/tree.ts";
import { album, befriend, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";
import { podFiles, postNamed } from "./pods.ts";
import { bytes, type Needle, rawSearch, text as textual } from "./search.ts";

let scene: Scene;
let host: Host;
let ana: Phone;
let ben: Phone;
let cleo: Phone;
let pod: Person;
let photo: Buffer;
/** The hidden post's folder, and a name like it that nothing ever had. */
let folder: string;
let never: string;

const text = "Zaunkönig 5c1e, nobody else shall know";
const forAll = "Good morning to both of you";
const original = "IMG-canary-91d7f3.jpg";
const camera = "canary-camera-77b2";
const alt = "Circles on a blue evening";

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  const [first, second, third] = await Promise.all(["Ana", "Ben", "Cleo"].map((name) => Phone.open(scene, name, host.url)));
  [ana, ben, cleo] = [first!, second!, third!];
  photo = await takePhoto(ana.page, { width: 1200, height: 900, seed: 11, latitude: 48.20849, longitude: 16.37208, camera });
});

beforeEach(() => witness(() => [ana, ben, cleo]));

afterAll(() => scene.close());

test("three people start, connect their pods, and become friends", async () => {
  for (const phone of [ana, ben, cleo]) {
    const person = await host.person(phone.name.toLowerCase());
    if (phone === ana) pod = person;
    await phone.start();
    await phone.connect(person.pair);
  }
  await befriend(ana, ben);
  await befriend(ana, cleo);
  await screenshot(ana.page, "friends-list");
  await ana.post({ text: forAll, to: "all" });
  await Promise.all([ben.sees(forAll), cleo.sees(forAll)]);
});

test("a post to one friend is seen by that friend, and by the other in no way", async () => {
  const asCleo = await signed(cleo.page, pod);
  const before = await lists(asCleo);

  const file = await album(scene, original, photo);
  await ana.write({ text, to: [ben.name], pictures: [{ file, alt }] });
  await screenshot(ana.page, "friends-compose");
  await ana.send();
  await ana.told(words.compose.posted);
  await ben.sees(text);
  await ben.article(text).getByRole("img", { name: alt }).waitFor();
  await screenshot(ben.page, "friends-feed");

  await cleo.ask();
  await cleo.article(forAll).waitFor();
  expect(await cleo.page.getByRole("article").count()).toBe(1);
  expect(await lists(asCleo)).toEqual(before);
});

test("what the friend's app fetches and what the pod keeps has no EXIF", async () => {
  await ben.article(text).getByRole("button", { name: alt }).click();
  const viewer = ben.page.getByRole("dialog");
  await expect.poll(() => viewer.getByRole("img", { name: alt }).evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1200);
  await screenshot(ben.page, "friends-viewer");
  await viewer.getByRole("button", { name: words.close }).click();

  folder = await postNamed(host, pod.name, text);
  never = folder.replace(/[a-z2-7]{16}$/, "qqqqqqqqqqqqqqqq");
  const kept = await contents();
  expect([...kept.keys()].sort()).toEqual([".acl", "1-t.webp", "1.webp", "post.jsonld"]);
  const asBen = await signed(ben.page, pod);
  expect(photo.includes("Exif\0\0") && photo.includes(camera)).toBe(true);
  for (const name of ["1.webp", "1-t.webp"]) {
    // What is left beside the picture is the colour space of the canvas.
    expect(chunks(kept.get(name)!)).toEqual(["VP8X", "ICCP", "VP8 "]);
    expect(kept.get(name)!.includes(camera)).toBe(false);
    expect(await asBen({ method: "GET", url: url(folder, name) })).toMatchObject({ status: 200, body: kept.get(name)!.toString("base64url") });
  }
});

test("the other friend and a stranger get the answers of what never was", async () => {
  const names = ["", ".acl", ".meta", "post.jsonld", "post.jsonld.acl", "1.webp", "1-t.webp", "2.webp"];
  for (const [who, ask] of [["Cleo", await signed(cleo.page, pod)], ["a stranger", unsigned]] as const) {
    for (const name of names) {
      for (const touch of touches) {
        const there = await ask({ ...touch, url: url(folder, name) });
        const nowhere = await ask({ ...touch, url: url(never, name) });
        expect(called(there, never), `${who}: ${touch.method} ${name}`).toEqual(nowhere);
        if (touch.method !== "OPTIONS") expect(there.status, `${who}: ${touch.method} ${name}`).toBeGreaterThanOrEqual(400);
      }
    }
  }
  // The requests are such that a reader gets something.
  expect((await (await signed(ben.page, pod))({ method: "GET", url: url(folder, "1.webp") })).status).toBe(200);
});

test("the author widens it, and the other friend sees it", async () => {
  await ana.show(text, [cleo.name]);
  await cleo.sees(text);
  await cleo.article(text).getByRole("img", { name: alt }).waitFor();
  await screenshot(cleo.page, "friends-widened");
});

test("deleted, it is gone from every app and from every byte", async () => {
  const kept = await contents();
  const stored = (await etagOf(jsonLD, new Uint8Array(kept.get("post.jsonld")!))).slice(1, -1);
  const words: Record<string, string> = { text, name: folder.slice(11), hash: stored, file: original, camera };
  const pictures: Record<string, Uint8Array> = { picture: kept.get("1.webp")!, thumbnail: kept.get("1-t.webp")!, photo };
  const needles: Needle[] = [
    ...Object.entries(words).map(([name, value]) => ({ ...textual(value), name })),
    ...Object.entries(pictures).map(([name, value]) => bytes(name, value, 8, 48)),
  ];
  const foundIn = async (...folders: string[]): Promise<string[]> => [...new Set((await rawSearch(folders, needles)).map(({ needle }) => needle))].sort();
  const profiles = [ana, ben, cleo].map(({ name }) => scene.profileFolder(name));
  // What the author chose the photo from is outside; of it nothing but the picture went anywhere.
  expect(await foundIn(join(scene.folder, "album"))).toEqual(["camera", "file", "photo"]);
  expect(await foundIn(host.folder)).toEqual(["hash", "name", "picture", "text", "thumbnail"]);
  // What apps hold is sealed, each item under a key of its own, and nothing else of the browser knows of it.
  expect(await rawSearch(profiles, needles)).toEqual([]);

  await ana.remove(text);
  await Promise.all([ben.misses(text), cleo.misses(text)]);
  await ben.article(forAll).waitFor();
  for (const { context } of [ana, ben, cleo]) await context.close();
  expect(await rawSearch([host.folder, ...profiles], needles)).toEqual([]);
  expect(host.output()).not.toContain(folder);
});

/** lists returns all that names posts to whoever asks. */
function lists(ask: Ask): Promise<Reply[]> {
  const paths = ["social/feed", "social/feed?limit=100&inline=1", "social/posts/", "social/door", "social/", ""];
  return Promise.all(paths.map((path) => ask({ method: "GET", url: pod.pod + path })));
}

/** called returns the answer as it would be to a question for another name: some headers repeat what was asked for. */
function called({ headers, ...rest }: Reply, name: string): Reply {
  return { ...rest, headers: headers.map(([header, value]) => [header, value.replaceAll(folder, name)]) };
}

const url = (of: string, name: string): string => `${pod.pod}social/posts/${of}/${name}`;

/** contents returns the files of the post, as they lie in the pod's folder. */
async function contents(): Promise<Map<string, Buffer>> {
  const at = `/social/posts/${folder}/`;
  return new Map([...(await podFiles(host, pod.name))].flatMap(([path, content]) => (path.startsWith(at) ? [[path.slice(at.length), content]] : [])));
}

/** chunks returns the kinds of chunk in a WebP file (RFC 9649 §2.3): EXIF and XMP would each be one. */
function chunks(webp: Buffer): string[] {
  expect(webp.toString("latin1", 0, 4) + webp.toString("latin1", 8, 12)).toBe("RIFFWEBP");
  const kinds: string[] = [];
  for (let at = 12; at < webp.length; at += 8 + webp.readUInt32LE(at + 4) + (webp.readUInt32LE(at + 4) % 2)) kinds.push(webp.toString("latin1", at, at + 4));
  return kinds;
}
