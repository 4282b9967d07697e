/** Three people, three browser profiles, three pods on the real binary: a post reaches whom it is for and nobody else. */

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { album, befriend, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";

let scene: Scene;
let host: Host;
let ana: Phone;
let ben: Phone;
let cleo: Phone;

const text = "Zaunkönig 5c1e, nobody else shall know";
const original = "IMG-canary-91d7f3.jpg";
const alt = "Circles on a blue evening";

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  const [first, second, third] = await Promise.all(["Ana", "Ben", "Cleo"].map((name) => Phone.open(scene, name, host.url)));
  [ana, ben, cleo] = [first!, second!, third!];
});

beforeEach(() => witness(() => [ana, ben, cleo]));

afterAll(() => scene.close());

test("three people start, connect their pods, and become friends", async () => {
  for (const phone of [ana, ben, cleo]) {
    const { pair } = await host.person(phone.name.toLowerCase());
    await phone.start();
    await phone.connect(pair);
  }
  await screenshot(ana.page, "friends-pod");
  await befriend(ana, ben);
  await befriend(ana, cleo);
  await screenshot(ana.page, "friends-list");
});

test("a post to one friend is seen by that friend", async () => {
  const shot = { width: 1200, height: 900, seed: 11, latitude: 48.20849, longitude: 16.37208, camera: "canary-camera-77b2" };
  const file = await album(scene, original, await takePhoto(ana.page, shot));
  await ana.write({ text, to: [ben.name], pictures: [{ file, alt }] });
  await screenshot(ana.page, "friends-compose");
  await ana.send();
  await ana.told(words.compose.posted);
  await ben.sees(text);
  await screenshot(ben.page, "friends-feed");
  expect(await ben.article(text).getByRole("img", { name: alt }).count()).toBe(1);
});
