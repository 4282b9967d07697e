/** Every screen in each browser, on a phone in light and dark and on a desk in dark: nothing stands out of the page, and a picture is kept. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { desktop, type Host, openScene, phone, type Scene, type Screen, screenshot } from "../e2e/harness.ts";
import { album, befriend, Phone, witness, words } from "../e2e/people.ts";
import { takePhoto } from "../e2e/photo.ts";
import { firefox, inEngine, missing, stopDisplay, webkit } from "./engines.ts";

const screens = [
  "", "new", "friends", "circles", "invite", "add", "you", "you/pod", "you/posts", "you/relays", "you/waiting", "you/drafts", "you/devices",
  "you/backup", "you/backups", "you/trouble", "you/drive", "you/apps", "you/copies", "you/storage", "you/deleted", "you/about", "no/such/place",
];

const looks: Readonly<Record<string, Screen>> = { "phone light": phone, "phone dark": { ...phone, dark: true }, "desktop dark": { ...desktop, dark: true }, "desktop light": desktop };

afterAll(() => stopDisplay());

describe.each([firefox, webkit])("$name", (engine) => {
  const lacking = missing(engine);
  describe.skipIf(lacking.length > 0)(lacking.length > 0 ? `needs ${lacking.join(", ")}` : "shows", () => {
    let scene: Scene;
    let host: Host;
    let mia: Phone;
    let noa: Phone;
    const text = "Dahlias, at last, after all that rain. The long bed by the wall is in full bloom.";

    beforeAll(async () => {
      scene = await openScene();
      host = await scene.host("home");
      noa = await Phone.open(scene, "Noa", host.url);
      await noa.start();
      await noa.connect((await host.person("noa")).pair);
    });

    beforeEach(() => witness(() => [mia, noa]));

    afterAll(async () => {
      await mia?.context.close();
      await scene.close();
    });

    const open = (screen: Screen): Promise<Phone> => Phone.open(inEngine(scene, engine), "Mia", host.url, screen);

    test("the first screen", async () => {
      mia = await open(phone);
      await mia.page.getByRole("textbox", { name: words.welcome.question }).waitFor();
      await screenshot(mia.page, `browsers ${engine.name} welcome`);
      expect(await outside(mia)).toEqual([]);
      await mia.start();
      await mia.connect((await host.person("mia")).pair);
      await befriend(mia, noa);
      const photo = await takePhoto(mia.page, { width: 1200, height: 900, seed: 11, latitude: 1, longitude: 2, camera: "c" });
      await mia.post({ text, to: "all", pictures: [{ file: await album(scene, "bed.jpg", photo), alt: "The long bed" }] });
      await noa.sees(text);
      await noa.comment(text, "How lovely!");
      await mia.ask();
      await mia.context.close();
    });

    test.each(Object.keys(looks))("all others: %s", async (look) => {
      const screen = looks[look] as Screen;
      mia = await open(screen);
      await mia.article(text).getByRole("img").first().waitFor();
      expect(await mia.page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches)).toBe(screen.dark === true);
      for (const address of screens) {
        await mia.page.goto(`${host.url}/#/${address}`);
        await mia.page.getByRole("heading", { level: 1 }).filter({ visible: true }).first().waitFor();
        await screenshot(mia.page, `browsers ${engine.name} ${look} ${address.replaceAll("/", "-") || "feed"}`);
        expect(await outside(mia), address).toEqual([]);
      }
      await opened(mia, look);
      await mia.context.close();
    });

    /** What is only reached by hands: a post, its audience, a photo in full, what is being written. */
    async function opened(person: Phone, look: string): Promise<void> {
      const shoot = async (name: string): Promise<void> => {
        await screenshot(person.page, `browsers ${engine.name} ${look} ${name}`);
        expect(await outside(person), name).toEqual([]);
      };
      await person.enter(text);
      await person.said("How lovely!").waitFor();
      await shoot("post");
      await person.visit(words.nav.feed);
      await person.article(text).getByRole("button", { name: "The long bed" }).click();
      await person.page.getByRole("dialog").getByRole("img", { name: "The long bed" }).waitFor();
      await shoot("viewer");
      await person.page.getByRole("dialog").getByRole("button", { name: words.close }).click();
      await person.page.getByRole("dialog").waitFor({ state: "hidden" });
      await person.visit(words.nav.new);
      await person.page.getByRole("textbox", { name: words.compose.placeholder }).fill(`${text} ${text} ${text}`);
      await shoot("writing");
      await person.page.getByRole("main").getByRole("button", { name: `${words.audience.title}:` }).click();
      await person.page.getByRole("dialog", { name: words.audience.title }).waitFor();
      await shoot("audience");
      await person.page.getByRole("dialog").getByRole("button", { name: words.audience.use }).click();
      await person.page.getByRole("dialog").waitFor({ state: "hidden" });
      await person.button(words.compose.discard).click();
    }
  });
});

/** outside returns what stands out of the page sideways, and lines of text that are cut off in their fields. */
function outside(person: Phone): Promise<readonly string[]> {
  return person.page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const seen = [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility({ visibilityProperty: true }));
    const out = seen.filter((each) => {
      const { left, right, width: own } = each.getBoundingClientRect();
      return own > 1 && (left < -1 || right > width + 1) && each.closest("svg, .unseen, .strip") === null;
    });
    const page = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
    return [...page, ...out.map((each) => `${each.tagName} ${each.className}: ${(each.textContent ?? "").slice(0, 40)}`)];
  });
}
