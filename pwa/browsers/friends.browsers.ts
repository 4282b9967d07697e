/** Two friends with browsers of different makes, each with a pod on the real binary: what one posts the other sees, and what one
 * deletes is gone from the bytes of both browsers. Each browser takes both parts. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Host, openScene, type Scene, screenshot } from "../e2e/harness.ts";
import { album, befriend, Phone, witness, words } from "../e2e/people.ts";
import { takePhoto } from "../e2e/photo.ts";
import { bytes, rawSearch, text as textual } from "../e2e/search.ts";
import { type Engine, firefox, inEngine, missing, stopDisplay, webkit } from "./engines.ts";

afterAll(() => stopDisplay());

describe.each([{ first: firefox, second: webkit }, { first: webkit, second: firefox }])("$first.name and a friend in $second.name", ({ first, second }) => {
  const lacking = [...missing(first), ...missing(second)];
  describe.skipIf(lacking.length > 0)(lacking.length > 0 ? `needs ${lacking.join(", ")}` : "with pods", () => {
    let scene: Scene;
    let host: Host;
    let ana: Phone;
    let ben: Phone;
    let photo: Buffer;

    const text = "Zaunkönig 7a41, nobody else shall know";
    const kept = "Good morning from the garden";
    const alt = "Circles on a blue evening";
    const open = (engine: Engine, name: string): Promise<Phone> => Phone.open(inEngine(scene, engine), name, host.url);

    beforeAll(async () => {
      scene = await openScene();
      host = await scene.host("home");
      ana = await open(first, "Ana");
      ben = await open(second, "Ben");
    });

    beforeEach(() => witness(() => [ana, ben]));

    afterAll(async () => {
      await Promise.all([ana, ben].map((each?: Phone) => each?.context.close().catch(() => undefined)));
      await scene.close();
    });

    test("they start, connect their pods and become friends by a link", async () => {
      for (const phone of [ana, ben]) {
        await phone.start();
        await phone.connect((await host.person(phone.name.toLowerCase())).pair);
      }
      await befriend(ana, ben);
    });

    test("keys lie in a file that is written in place where the browser has one, and apart from all else where not", async () => {
      for (const [phone, { opfs }] of [[ana, first], [ben, second]] as const) {
        const elsewhere = await phone.page.evaluate(() => new Promise<number>((resolve, reject) => {
          const opening = indexedDB.open("kith");
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = () => {
            const count = opening.result.transaction("keys").objectStore("keys").count();
            count.onsuccess = () => (opening.result.close(), resolve(count.result));
          };
        }));
        expect(elsewhere > 0, phone.name).toBe(!opfs);
      }
    });

    test("a post with a photo is seen by the friend it is for, who answers it", async () => {
      photo = await takePhoto(ana.page, { width: 1200, height: 900, seed: 11, latitude: 48.2, longitude: 16.3, camera: "canary-camera-77b2" });
      const file = await album(scene, `${first.name}.jpg`, photo);
      await ana.post({ text: kept, to: "all" });
      await ana.post({ text, to: [ben.name], pictures: [{ file, alt }] });
      await ben.sees(text);
      const picture = ben.article(text).getByRole("img", { name: alt });
      await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true);
      await screenshot(ben.page, `browsers ${second.name} feed`);
      await ben.comment(text, "What a bird!");
      await ana.ask();
      await ana.enter(text);
      await ana.said("What a bird!").waitFor();
      await screenshot(ana.page, `browsers ${first.name} post`);
    });

    test("started anew while the pod is off, the app opens with all that it had", async () => {
      for (const { page } of [ana, ben]) await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
      await Promise.all([ana, ben].map(({ context }) => context.close()));
      await host.stop();
      ana = await open(first, "Ana");
      ben = await open(second, "Ben");
      for (const phone of [ana, ben]) {
        await phone.article(kept).waitFor();
        const picture = phone.article(text).getByRole("img", { name: alt });
        await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true);
      }
      await ana.post({ text: "Written in the tunnel", to: "all" });
      await ana.page.reload();
      await ana.article("Written in the tunnel").getByText(words.post.waiting).waitFor();
      await host.start();
      await ben.sees("Written in the tunnel");
    });

    test("deleted for everyone, it is gone from every byte of both browsers", async () => {
      const needles = [textual(text), textual("What a bird!"), bytes("photo", photo, 8, 48)];
      const folders = [ana, ben].map(({ name }) => scene.profileFolder(name));
      // The search finds what browsers do keep: where the app comes from.
      for (const folder of folders) expect(await rawSearch([folder], [textual(new URL(host.url).host)]), folder).not.toEqual([]);
      await ana.remove(text);
      await ben.misses(text);
      await ben.article(kept).waitFor();
      await Promise.all([ana, ben].map(({ context }) => context.close()));
      expect(await rawSearch([host.folder, ...folders], needles)).toEqual([]);
    });
  });
});
