/** The owner looks after their pod from the phone: what it has to tell, backups at a WebDAV server (another
 * Kith's drive), computers that open it as a drive, and photos that were dropped into its folder. */

import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { apart, lookAt } from "./look.ts";
import { type Host, openScene, type Person, type Scene } from "./harness.ts";
import { Phone, witness, words } from "./people.ts";
import { takePhoto } from "./photo.ts";
import { podFiles, podFolder, podPosts, postNamed } from "./pods.ts";
import { enHome as w } from "../src/ui/words/en/home.ts";

const binary = process.env["KITH_BINARY"] ?? fileURLToPath(new URL("../../bin/kith", import.meta.url));
/** How long something may take that a machine does when it comes to it, in milliseconds. */
const patience = { timeout: 90_000, interval: 250 };

let scene: Scene;
let host: Host;
let cloud: Host;
let person: Person;
let ana: Phone;
/** An app password of Ana's pod. */
let shelf: string;

beforeAll(async () => {
  scene = await openScene();
  cloud = await scene.host("cloud");
  host = await scene.host("home", { fetches: new URL(cloud.url).host });
  person = await host.person("ana");
  ana = await Phone.open(scene, "Ana", host.url);
  await ana.start();
  await ana.connect(person.pair);
  shelf = (await appPassword(host, "ana")).password;
});

/** Makes an app password on the machine of the pod. */
async function appPassword({ folder, url }: Host, name: string): Promise<{ readonly user: string; readonly password: string }> {
  const { stdout } = await promisify(execFile)(binary, ["passwords", "add", name, "--label", "Shelf", "--data", folder, "--url", url]);
  return JSON.parse(stdout) as { readonly user: string; readonly password: string };
}

beforeEach(() => witness(() => [ana]));

afterAll(() => scene.close());

/** A screen, as `lookAt` looks at it. */
const look = (page: Page, name: string): Promise<void> => lookAt(page, `home ${name}`, apart);

/** Opens one of the rows of the screen about the pod. */
async function open(row: string, title: string): Promise<void> {
  await ana.go(words.self.pod);
  await ana.page.getByRole("main").getByRole("link", { name: row }).click();
  await ana.heading(title).waitFor();
}

const dialog = () => ana.page.getByRole("dialog");
const press = (name: string): Promise<void> => dialog().getByRole("button", { name, exact: true }).click();

describe("what the pod has to tell", () => {
  const files = Array.from({ length: 12 }, (_, n) => `note ${n}.txt`);
  const folder = (): string => join(podFolder(host, "ana"), "notes");
  /** The files that the phone has fetched. */
  const fetched = new Set<string>();

  /** The status of each file at the pod's drive. */
  const statuses = (): Promise<readonly number[]> => Promise.all(files.map(async (name) => {
    const headers = { Authorization: `Basic ${btoa(`ana:${shelf}`)}` };
    return (await fetch(`${person.pod}.dav/notes/${encodeURIComponent(name)}`, { headers })).status;
  }));

  /** Puts files into the folder, waits until they are the pod's and the phone's, and takes them away at once. */
  async function lose(): Promise<void> {
    ana.page.on("response", (answer) => {
      const name = /\/\.replica\/notes\/([^/]+)$/.exec(answer.url())?.[1];
      if (name !== undefined && answer.status() === 200 && answer.request().method() === "GET") fetched.add(name);
    });
    await mkdir(folder(), { recursive: true });
    await Promise.all(files.map((name) => writeFile(join(folder(), name), `This is ${name}.`)));
    await expect.poll(statuses, patience).toEqual(files.map(() => 200));
    // What no device has, nobody brings back.
    await expect.poll(() => fetched.size, patience).toBe(files.length);
    await rm(folder(), { recursive: true });
  }

  async function told(): Promise<void> {
    await expect.poll(async () => {
      await open(words.pod.told, w.trouble.title);
      await ana.page.getByText(w.trouble.none).or(ana.page.getByRole("region")).first().waitFor();
      return ana.page.getByRole("region", { name: w.trouble.is["deletions"] ?? "" }).count();
    }, patience).toBe(1);
  }

  test("nothing, when all is well", async () => {
    await open(words.pod.told, w.trouble.title);
    await ana.page.getByText(w.trouble.none).waitFor();
    await look(ana.page, "told nothing");
  });

  test("that many files disappeared at once; brought back, they are there again", async () => {
    await lose();
    await told();
    await ana.page.getByText(w.trouble.which(0)).first().click();
    await ana.page.getByText("note 3.txt").waitFor();
    await look(ana.page, "told");
    await ana.page.goto(host.url);
    await ana.page.reload();
    const line = ana.page.locator(".notice").filter({ hasText: words.standing.told });
    await line.waitFor();
    await look(ana.page, "told on the feed");
    await line.getByRole("link").click();
    await ana.button(w.trouble.bring).dblclick();
    await ana.told(w.trouble.brought);
    await ana.page.getByText(w.trouble.none).waitFor();
    await expect.poll(statuses, patience).toEqual(files.map(() => 200));
  });

  test("deleting what disappeared says whom it reaches, and is done when one says yes", async () => {
    await rm(folder(), { recursive: true });
    await told();
    await ana.button(w.trouble.remove).click();
    await dialog().getByText(w.trouble.removeText).waitFor();
    await look(ana.page, "told to delete");
    await press(w.trouble.remove);
    await ana.told(w.trouble.removed);
    await ana.page.getByText(w.trouble.none).waitFor();
    await expect.poll(statuses, patience).toEqual(files.map(() => 404));
  });
});

describe("backups", () => {
  const place = (): string => `${cloud.url}/me/.dav/kith`;

  test("none yet: one is added at a WebDAV server, and runs", async () => {
    const { password, user } = await appPassword(cloud, "me");
    await open(words.pod.backups, w.backups.title);
    await ana.page.getByText(w.backups.none).waitFor();
    await look(ana.page, "backups none");
    await ana.button(w.backups.add).click();
    const field = (label: string) => dialog().getByRole("textbox", { name: label });
    await field(w.backups.place).fill("http://192.0.2.1/kith");
    await press(w.backups.add);
    await dialog().getByText(w.backups.refused).waitFor();
    await look(ana.page, "backups refused");
    await field(w.backups.place).fill(place());
    await field(w.backups.user).fill(user);
    await dialog().getByLabel(w.backups.password, { exact: true }).fill("a guess");
    await press(w.backups.add);
    await dialog().getByText(w.backups.why["stranger"] ?? "").waitFor(patience);
    await look(ana.page, "backups stranger");
    await dialog().getByLabel(w.backups.password, { exact: true }).fill(password);
    await press(w.backups.add);
    await ana.told(w.backups.waiting);
    const card = ana.page.getByRole("region", { name: place().slice("http://".length) });
    await card.getByText(w.backups.holds("").slice(0, -1)).waitFor({ timeout: patience.timeout });
    await look(ana.page, "backups");
    // What lies there says nothing to whoever runs the place.
    const kept = await podFiles(cloud, "me");
    const objects = [...kept].filter(([path]) => path.startsWith("/kith/"));
    expect(objects.length).toBeGreaterThan(3);
    expect(objects.some(([, bytes]) => bytes.includes("social/posts") || bytes.includes("acl:"))).toBe(false);
  });

  test("a run that fails says why in the language of the app", async () => {
    await cloud.stop();
    await open(words.pod.backups, w.backups.title);
    await ana.button(w.backups.now).click();
    await ana.page.getByText(w.backups.failed(w.backups.why["unreached"] ?? "")).waitFor(patience);
    expect(await ana.page.getByText("connection refused").count()).toBe(0);
    await look(ana.page, "backups failed");
    await cloud.start();
  });

  test("another run is asked for, and the kit stands on the phone", async () => {
    await open(words.pod.backups, w.backups.title);
    await ana.button(w.backups.now).click();
    await ana.told(w.backups.asked);
    await expect.poll(() => ana.button(w.backups.now).isEnabled(), patience).toBe(true);
    await expect.poll(async () => {
      await ana.visit(words.nav.feed);
      await open(words.pod.backups, w.backups.title);
      await ana.page.getByText(w.backups.kitHint).waitFor();
      return ana.button(w.backups.kitShow).count();
    }, patience).toBe(1);
    await ana.button(w.backups.kitShow).click();
    const shown = await dialog().locator(".address").first().innerText();
    const { stdout } = await promisify(execFile)(binary, ["backup", "list", "ana", "--data", host.folder, "--url", host.url]);
    const { id } = JSON.parse(stdout) as { readonly id: string };
    const kit = await promisify(execFile)(binary, ["backup", "kit", "ana", id, "--data", host.folder, "--url", host.url]);
    expect(shown).toBe(kit.stdout.trim());
    await ana.page.keyboard.press("Escape");
  });

  test("a place is removed after it was said what that means", async () => {
    await open(words.pod.backups, w.backups.title);
    await ana.button(w.backups.removeOf(place().slice("http://".length))).click();
    await dialog().getByText(w.backups.removeText).waitFor();
    await look(ana.page, "backups remove");
    await press(w.backups.remove);
    await ana.page.getByText(w.backups.none).waitFor();
  });
});

describe("the pod as a drive", () => {
  const opens = async (password: string): Promise<number> => {
    const headers = { Authorization: `Basic ${btoa(`ana:${password}`)}`, Depth: "0" };
    return (await fetch(`${person.pod}.dav/`, { method: "PROPFIND", headers })).status;
  };

  test("a computer is let in by a password that is shown once, shut out, and let in again", async () => {
    await open(words.pod.drive, w.drive.title);
    await ana.page.getByRole("button", { name: w.drive.revokeOf("") }).click();
    await ana.page.getByText(w.drive.none).waitFor();
    await look(ana.page, "drive none");
    await ana.button(w.drive.add).click();
    await dialog().getByRole("textbox", { name: w.drive.name }).fill("Laptop");
    // A double click does not reach what lies below the sheet.
    await dialog().getByRole("button", { name: words.save }).dblclick();
    await dialog().getByText(w.drive.once).waitFor();
    await look(ana.page, "drive made");
    const [address, , secret = ""] = await dialog().locator(".address").allInnerTexts();
    expect(address).toBe(`${person.pod}.dav/`);
    await press(w.drive.done);
    expect(await opens(secret)).toBe(207);
    const row = ana.page.getByRole("listitem").filter({ hasText: "Laptop" });
    await row.waitFor();
    expect(await ana.page.getByText(secret).count()).toBe(0);
    await look(ana.page, "drive");
    await ana.context.setOffline(true);
    await row.getByRole("button").click();
    await ana.refused(w.undone);
    await ana.context.setOffline(false);
    await row.getByRole("button").click();
    await row.waitFor({ state: "hidden" });
    expect(await opens(secret)).toBe(401);
    await ana.button(words.undo).click();
    await row.waitFor();
    expect(await opens(secret)).toBe(207);
  });
});

describe("photos in the pod's folder", () => {
  test("several are chosen, posted without what the camera wrote, and put away", async () => {
    const inbox = join(podFolder(host, "ana"), "inbox-photos");
    await mkdir(inbox, { recursive: true });
    for (const [n, camera] of ["canary-camera-11", "canary-camera-12", "canary-camera-13"].entries()) {
      await writeFile(join(inbox, `IMG ${n}.jpg`), await takePhoto(ana.page, { width: 640, height: 480, seed: 40 + n, latitude: 48, longitude: 11, camera }));
    }
    await writeFile(join(inbox, "IMG 3.heic"), "no picture");
    await ana.visit(words.nav.new);
    await ana.page.getByRole("textbox", { name: words.compose.placeholder }).fill("From the shelf");
    await ana.button(words.compose.inbox(4)).click({ timeout: patience.timeout });
    await ana.heading(w.inbox.title).waitFor();
    const choose = (n: number) => ana.page.getByRole("checkbox", { name: w.inbox.choose(`IMG ${n}.jpg`) });
    await choose(0).check();
    await choose(2).check();
    await ana.page.getByRole("checkbox", { name: `${w.inbox.choose("IMG 3.heic")} ${w.inbox.unreadable}`, disabled: true }).waitFor();
    await ana.page.getByText(words.errors["picture-unreadable"]).waitFor();
    await look(ana.page, "inbox");
    await ana.button(w.inbox.take(2)).dblclick();
    await expect.poll(() => ana.page.getByRole("textbox", { name: words.compose.alt }).count(), patience).toBe(2);
    expect(await ana.page.getByRole("textbox", { name: words.compose.placeholder }).inputValue()).toBe("From the shelf");
    await ana.button(words.compose.inbox(2)).waitFor();
    await look(ana.page, "inbox chosen");
    await ana.send();
    await ana.release();
    await ana.told(words.compose.putAway);
    const names = async (): Promise<readonly string[]> => [...(await podFiles(host, "ana")).keys()].filter((path) => path.startsWith("/inbox-photos/") && path.endsWith(".jpg")).sort();
    await expect.poll(names, patience).toEqual(["/inbox-photos/IMG 1.jpg", "/inbox-photos/posted/IMG 0.jpg", "/inbox-photos/posted/IMG 2.jpg"]);
    await expect.poll(async () => [...(await podPosts(host, "ana")).values()], patience).toEqual(["From the shelf"]);
    const post = await postNamed(host, "ana", "From the shelf");
    const posted = [...(await podFiles(host, "ana"))].filter(([path]) => path.startsWith(`/social/posts/${post}/`));
    expect(posted.length).toBeGreaterThanOrEqual(5);
    expect(posted.filter(([, bytes]) => bytes.includes("canary-camera") || bytes.includes("Exif")).map(([path]) => path)).toEqual([]);
    // The original is as it was.
    expect((await podFiles(host, "ana")).get("/inbox-photos/posted/IMG 0.jpg")?.includes("canary-camera-11")).toBe(true);
  });
});

describe("what the pod wants deleted on the phone", () => {
  test("every post at once is asked about, each with its picture, and kept", async () => {
    await ana.post({ text: "The only other one", to: "me" });
    const texts = ["From the shelf", "The only other one"];
    const posts = async (): Promise<readonly string[]> => [...(await podPosts(host, "ana")).values()].sort();
    await expect.poll(posts, patience).toEqual(texts);
    const { password } = await appPassword(host, "ana");
    // The phone hears of both at once, or it would do as the first asks.
    await ana.context.setOffline(true);
    for (const text of texts) {
      const headers = { Authorization: `Basic ${btoa(`ana:${password}`)}` };
      const folder = `${person.pod}.dav/social/posts/${await postNamed(host, "ana", text)}/`;
      expect((await fetch(folder, { method: "DELETE", headers })).status).toBe(204);
    }
    await ana.context.setOffline(false);
    await ana.go(words.self.pod);
    await ana.page.getByText(words.pod.askHint).waitFor(patience);
    await ana.page.getByText(words.pod.askWhich, { exact: true }).click();
    await ana.page.getByRole("listitem").filter({ hasText: "The only other one" }).waitFor();
    const picture = ana.page.getByRole("listitem").filter({ hasText: "From the shelf" }).locator("img");
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth), patience).toBeGreaterThan(0);
    await look(ana.page, "asked to delete");
    await ana.button(words.pod.askNo).click();
    await expect.poll(posts, patience).toEqual(texts);
  });
});
