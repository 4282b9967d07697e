/** Two people without pods, in browsers of different makes, who share by a relay: each one's page answers the other's sealed requests. */

import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Host, openScene, type Scene } from "../e2e/harness.ts";
import { album, Phone, witness, words } from "../e2e/people.ts";
import { takePhoto } from "../e2e/photo.ts";
import { type Relay, startRelay } from "../e2e/relays.ts";
import { firefox, inEngine, missing, stopDisplay, webkit } from "./engines.ts";

const lacking = [...missing(firefox), ...missing(webkit)];

describe.skipIf(lacking.length > 0)(lacking.length > 0 ? `needs ${lacking.join(", ")}` : "over a relay", () => {
  let scene: Scene;
  /** Where the app comes from; nobody has a pod there. */
  let app: Host;
  let relay: Relay;
  let ana: Phone;
  let ben: Phone;

  beforeAll(async () => {
    scene = await openScene();
    app = await scene.host("app");
    relay = await startRelay(join(scene.folder, "relay"), { queues: "work" });
    ana = await Phone.open(inEngine(scene, firefox), "Ana", app.url);
    ben = await Phone.open(inEngine(scene, webkit), "Ben", app.url);
  });

  beforeEach(() => witness(() => [ana, ben]));

  afterAll(async () => {
    await Promise.all([ana, ben].map((each?: Phone) => each?.context.close().catch(() => undefined)));
    await scene.close();
    await relay.kill9();
    await stopDisplay();
  });

  test("they choose the relay and become friends", async () => {
    for (const phone of [ana, ben]) {
      await phone.start();
      await phone.relay(relay.url);
    }
    await ben.accept(await ana.invite(), "Ana");
    await ana.hasFriend("Ben");
  });

  test("each answers for its posts, with pictures", async () => {
    for (const [from, to] of [[ana, ben], [ben, ana]] as const) {
      const said = `From ${from.name} to ${to.name}`;
      const photo = await takePhoto(from.page, { width: 800, height: 600, seed: 3, latitude: 1, longitude: 2, camera: "c" });
      await from.post({ text: said, to: "all", pictures: [{ file: await album(scene, `${from.name}.jpg`, photo), alt: "A hill" }] });
      await to.sees(said);
      const picture = to.article(said).getByRole("img", { name: "A hill" });
      await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true);
    }
  });

  test("who is closed is called asleep, and what they wrote comes when they are back", async () => {
    await ben.post({ text: "Written before sleep", to: "all" });
    await ben.context.close();
    await ana.findsAsleep(["Ben"]);
    ben = await Phone.open(inEngine(scene, webkit), "Ben", app.url);
    await ana.visit(words.nav.feed);
    await ana.article("Written before sleep").waitFor();
    await ben.remove("Written before sleep");
    await ana.misses("Written before sleep");
  });
});
