/** The built app as a file on the disk, without any host: it works with a pod all the same (its origin is null). */

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { builtFile, desktop, type Host, openScene, type Scene, screenshot } from "./harness.ts";
import { album, Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";

let scene: Scene;
let host: Host;
let fay: Phone;
let gil: Phone;

beforeAll(async () => {
  scene = await openScene();
  host = await scene.host("home");
  [fay, gil] = await Promise.all([Phone.open(scene, "Fay", builtFile, desktop), Phone.open(scene, "Gil", host.url)]);
});

beforeEach(() => witness(() => [fay, gil]));

afterAll(() => scene.close());

test("opened from a file, the app starts and connects to a pod", async () => {
  await fay.start();
  await fay.connectPasted((await host.person("fay")).pair);
  expect(await fay.page.evaluate(() => [origin, location.protocol])).toEqual(["null", "file:"]);
  await screenshot(fay.page, "file-pod");
});

test("friends of whom one has only the file read each other's posts", async () => {
  await gil.start();
  await gil.connect((await host.person("gil")).pair);
  await gil.accept(await fay.invite(), fay.name);
  await fay.hasFriend(gil.name);

  const photo = await takePhoto(gil.page, { width: 640, height: 480, seed: 21, latitude: 1, longitude: 2, camera: "c" });
  const file = await album(scene, "leaf.jpg", photo);
  await fay.post({ text: "From a file", to: "all", pictures: [{ file, alt: "A leaf" }] });
  await gil.sees("From a file");
  await gil.article("From a file").getByRole("img", { name: "A leaf" }).waitFor();
  await gil.post({ text: "From a host", to: "all" });
  await fay.sees("From a host");
  await screenshot(fay.page, "file-feed");
});

test("what it holds is there when the file is opened again, and it says what it cannot promise", async () => {
  await fay.page.reload();
  await fay.article("From a host").waitFor();
  await fay.article("From a file").waitFor();
  await fay.go(words.self.storage);
  await fay.shows(words.storage.traces);
});
