/** People as the tests play them: each has a phone with the app open, and does what a person can do there. */

import { writeFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { onTestFailed } from "vitest";
import { enPlaces } from "../src/ui/words/en/places.ts";
import { enRelays } from "../src/ui/words/en/relays.ts";
import { enTalk } from "../src/ui/words/en/talk.ts";
import { en } from "../src/ui/words/en/words.ts";
import { type Scene, screenshot, type Screen } from "./harness.ts";

/** The words on the screens: the browsers of the tests ask for English. */
export const words = { ...en, ...enPlaces, ...enRelays, ...enTalk, post: { ...en.post, ...enTalk.post } };

/** How long a person waits for something to appear, in milliseconds. */
const patience = 90_000;
/** How long they look before they ask once more. */
const glance = 2_000;

/** Choice is who may see a post, as it is picked on the sheet. */
export type Choice = "all" | "me" | readonly string[];

/** Picture is a photo on the phone's disk and what its author says is in it. */
export interface Picture {
  readonly file: string;
  readonly alt: string;
}

/** Wording is a post to be written. */
export interface Wording {
  readonly text: string;
  readonly to: Choice;
  readonly pictures?: readonly Picture[];
}

/** Phone is one browser profile with the app open in one tab. */
export class Phone {
  readonly name: string;
  readonly context: BrowserContext;
  readonly page: Page;
  /** What was refused, failed or complained of on this phone, for whoever asks why a test failed. */
  readonly trouble: string[] = [];

  private constructor(name: string, context: BrowserContext, page: Page) {
    this.name = name;
    this.context = context;
    this.page = page;
    page.on("response", (answer) => {
      if (answer.status() < 400) return;
      const line = `${answer.status()} ${answer.request().method()} ${answer.url()}`;
      void answer.text().then((body) => this.trouble.push(`${line} ${body}`), () => this.trouble.push(line));
    });
    page.on("pageerror", (error) => this.trouble.push(String(error.stack)));
    page.on("console", (message) => {
      if (message.type() === "error") this.trouble.push(message.text());
    });
  }

  /** open opens the app in the profile of that name; `before` runs in the page before the app does. */
  static async open(scene: Scene, name: string, address: string, screen?: Screen, before?: (() => void) | { readonly content: string }): Promise<Phone> {
    const context = await scene.profile(name, screen);
    context.setDefaultTimeout(patience);
    if (before !== undefined) await context.addInitScript(before);
    const page = await context.newPage();
    await page.goto(address);
    return new Phone(name, context, page);
  }

  /** start answers the one question of the first screen. */
  async start(called = this.name): Promise<void> {
    await this.page.getByRole("textbox", { name: words.welcome.question }).fill(called);
    await this.button(words.welcome.start).click();
    await this.page.getByRole("navigation", { name: words.nav.label }).waitFor();
  }

  /** follow opens a link that came in a message. */
  async follow(link: string): Promise<void> {
    await this.page.goto(link);
  }

  /** connect opens a pairing link and waits until everything is at the pod. */
  async connect(link: string): Promise<void> {
    await this.follow(link);
    await this.button(words.pod.connect).click();
    await this.told(words.pod.connected1);
    await this.shows(words.pod.allThere);
  }

  /** connectPasted connects by a pairing link that is pasted, as where links open in another place. */
  async connectPasted(link: string): Promise<void> {
    await this.go(words.self.pod);
    await this.page.getByRole("textbox", { name: words.pod.paste }).fill(link);
    await this.button(words.add.open).click();
    await this.button(words.pod.connect).click();
    await this.told(words.pod.connected1);
    await this.shows(words.pod.allThere);
  }

  /** relay adds a relay by its address and waits until it is connected. */
  async relay(address: string): Promise<void> {
    await this.go(words.self.relays);
    await this.page.getByRole("textbox", { name: /relay|another/i }).fill(address);
    await this.button(words.relays.add).click();
    await this.told(words.relays.added);
    await this.page.getByRole("listitem").filter({ hasText: new URL(address).host }).getByText(words.relays.is.connected).waitFor();
  }

  /** invite makes an invite and returns the link that is shown. */
  async invite(): Promise<string> {
    await this.visit(words.nav.friends);
    await this.page.getByRole("link", { name: words.friends.invite }).click();
    await this.heading(words.invite.title).waitFor();
    return (await this.page.getByText(/#i=/).textContent()) ?? "";
  }

  /** accept opens an invite link and becomes the friend of its maker. */
  async accept(link: string, from: string): Promise<void> {
    await this.follow(link);
    await this.#agree(from);
  }

  /** acceptPasted is `accept` for a link that is pasted. */
  async acceptPasted(link: string, from: string): Promise<void> {
    await this.paste(link);
    await this.#agree(from);
  }

  /** paste pastes a link where invites are accepted, and goes on. */
  async paste(link: string): Promise<void> {
    await this.visit(words.nav.friends);
    await this.page.getByRole("link", { name: words.friends.accept }).click();
    await this.page.getByRole("textbox", { name: words.add.paste }).fill(link);
    await this.button(words.add.open).click();
  }

  async #agree(from: string): Promise<void> {
    await this.shows(words.add.from(from));
    await this.button(words.add.accept).click();
    await this.told(words.add.done(from));
    await this.heading(from).waitFor();
  }

  /** hasFriend waits until the list of friends names somebody. */
  async hasFriend(name: string): Promise<void> {
    await this.visit(words.nav.friends);
    await this.page.getByRole("list").getByRole("link", { name }).waitFor();
  }

  /** write fills in a new post, up to the button that sends it. */
  async write({ text, to, pictures = [] }: Wording): Promise<void> {
    await this.visit(words.nav.new);
    await this.page.getByRole("textbox", { name: words.compose.placeholder }).fill(text);
    for (const { file, alt } of pictures) await this.#addPicture(file, alt);
    await this.#chip(this.page.getByRole("main")).click();
    await this.#pick(to);
  }

  async #addPicture(file: string, alt: string): Promise<void> {
    const described = this.page.getByRole("textbox", { name: words.compose.alt });
    const before = await described.count();
    await this.page.getByLabel(words.compose.photos).setInputFiles(file);
    await described.nth(before).fill(alt);
  }

  /** post writes a post, sends it and waits until it stands in the feed. */
  async post(wording: Wording): Promise<void> {
    await this.write(wording);
    await this.send();
    await this.release();
    await this.article(wording.text).waitFor();
  }

  /** send taps the composer's button. */
  async send(): Promise<void> {
    await this.button(words.compose.post).click();
    await this.heading(words.feed.title).waitFor();
  }

  /** release ends the pause in which a finished post can be taken back, as when the page is about to go. */
  async release(): Promise<void> {
    await this.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
  }

  /** show changes who can see a post, through its chip. */
  async show(text: string, to: Choice): Promise<void> {
    await this.visit(words.nav.feed);
    await this.#chip(this.article(text)).click();
    await this.page.getByRole("dialog").getByRole("button", { name: words.audience.change }).click();
    await this.#pick(to);
  }

  /** enter opens a post on its own screen. */
  async enter(text: string): Promise<void> {
    await this.visit(words.nav.feed);
    await this.article(text).getByRole("link", { name: words.post.open("") }).click();
    await this.heading(words.post.title).waitFor();
  }

  /** edit replaces the text of an own post. */
  async edit(text: string, by: string): Promise<void> {
    await this.enter(text);
    await this.button(words.post.edit).click();
    await this.page.getByRole("dialog").getByRole("textbox", { name: words.post.editTitle }).fill(by);
    await this.page.getByRole("dialog").getByRole("button", { name: words.save }).click();
    await this.article(by).waitFor();
  }

  /** remove deletes an own post for everyone. */
  async remove(text: string): Promise<void> {
    await this.enter(text);
    await this.button(words.post.remove).click();
    await this.page.getByRole("dialog").getByRole("button", { name: words.post.remove }).click();
    await this.told(words.post.removed.slice(0, -1));
    await this.article(text).waitFor({ state: "hidden" });
  }

  /** comment says something to a post. */
  async comment(text: string, said: string): Promise<void> {
    await this.enter(text);
    await this.page.getByRole("textbox", { name: words.talk.write }).fill(said);
    await this.button(words.talk.send).click();
    await this.said(said).waitFor();
  }

  /** said is what somebody said to the post whose screen is open. */
  said(text: string): Locator {
    return this.page.getByRole("region", { name: words.talk.title }).getByRole("listitem").filter({ hasText: text });
  }

  /** sees waits until the feed shows a post with that text, and asks friends for what is new meanwhile. */
  async sees(text: string): Promise<void> {
    await this.#asks(() => this.article(text).waitFor({ timeout: glance }), `see "${text}"`);
  }

  /** sees waits until the feed shows no such post any more, and asks friends for what is new meanwhile. */
  async misses(text: string): Promise<void> {
    await this.#asks(() => this.article(text).waitFor({ state: "detached", timeout: glance }), `miss "${text}"`);
  }

  /** findsAsleep waits until the feed says that these sleep, and asks them meanwhile: one who was being asked already may have answered
   * just before, and then is not asked anew. */
  async findsAsleep(names: readonly string[]): Promise<void> {
    await this.#asks(() => this.page.getByText(words.feed.asleep(names)).filter({ visible: true }).first().waitFor({ timeout: glance }), `find ${names.join(", ")} asleep`);
  }

  async #asks(look: () => Promise<void>, what: string): Promise<void> {
    await this.visit(words.nav.feed);
    const end = Date.now() + patience;
    for (;;) {
      await this.ask();
      if (await look().then(() => true, () => false)) return;
      if (Date.now() > end) throw new Error(`${what}: ${this.name} waited ${patience} ms`);
    }
  }

  /** ask taps the feed's button for what is new and waits until friends have been asked. */
  async ask(): Promise<void> {
    await this.visit(words.nav.feed);
    await this.button(words.feed.refresh).click();
    await this.page.getByText(words.feed.asking).first().waitFor({ state: "hidden" });
  }

  /** unfriend removes a friend. */
  async unfriend(name: string): Promise<void> {
    await this.visit(words.nav.friends);
    await this.page.getByRole("list").getByRole("link", { name }).click();
    await this.page.getByRole("link", { name: words.friend.about("").trim() }).click();
    await this.button(words.friend.remove).click();
    await this.page.getByRole("dialog").getByRole("button", { name: words.friend.removeYes }).click();
    await this.told(words.friend.removed(name));
  }

  /** visit goes to one of the four places. */
  async visit(place: string): Promise<void> {
    await this.page.getByRole("navigation", { name: words.nav.label }).getByRole("link", { name: place, exact: true }).click();
    if (place !== words.nav.new) await this.heading(place).waitFor();
  }

  /** go opens one of the rows under You. */
  async go(row: string): Promise<void> {
    await this.visit(words.nav.you);
    await this.page.getByRole("main").getByRole("link", { name: row }).click();
    await this.heading(row).waitFor();
  }

  /** told waits until the app says a sentence. */
  async told(sentence: string): Promise<void> {
    await this.page.getByRole("status").filter({ hasText: sentence }).first().waitFor();
  }

  /** refused waits until the app says in a sentence what failed, and puts the sentence away. */
  async refused(sentence: string): Promise<void> {
    const toast = this.page.getByRole("region", { name: words.said }).filter({ hasText: sentence });
    await toast.getByRole("button", { name: words.close }).click();
    await toast.waitFor({ state: "hidden" });
  }

  /** shows waits until the screen shows a text. */
  async shows(text: string): Promise<void> {
    await this.page.getByText(text).filter({ visible: true }).first().waitFor();
  }

  /** article is the post with that text. */
  article(text: string): Locator {
    return this.page.getByRole("article").filter({ hasText: text });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  heading(name: string): Locator {
    return this.page.getByRole("heading", { level: 1, name, exact: true });
  }

  #chip(within: Locator): Locator {
    return within.getByRole("button", { name: `${words.audience.title}:` });
  }

  async #pick(to: Choice): Promise<void> {
    const sheet = this.page.getByRole("dialog", { name: words.audience.title });
    const kind = { all: words.audience.all(0), me: words.audience.me, some: words.audience.some };
    await sheet.getByRole("radio", { name: typeof to === "string" ? kind[to] : kind.some }).check();
    for (const name of typeof to === "string" ? [] : to) await sheet.getByRole("checkbox", { name }).check();
    await sheet.getByRole("button", { name: words.audience.use }).click();
    await sheet.waitFor({ state: "hidden" });
  }
}

/** befriend makes two people friends: one invites, the link is carried over, the other accepts. */
export async function befriend(host: Phone, guest: Phone): Promise<void> {
  await guest.accept(await host.invite(), host.name);
  await host.hasFriend(guest.name);
}

/** album puts a photo on the phone's disk, outside of its browser profile, and returns its path. */
export async function album(scene: Scene, name: string, photo: Uint8Array): Promise<string> {
  const folder = join(scene.folder, "album");
  await mkdir(folder, { recursive: true });
  const file = join(folder, name);
  await writeFile(file, photo);
  return file;
}

/** witness keeps what everybody sees when the test that runs fails. */
export function witness(phones: () => readonly (Phone | undefined)[]): void {
  onTestFailed(async ({ task }) => {
    for (const phone of phones()) {
      if (phone === undefined || phone.page.isClosed()) continue;
      console.log(`${phone.name}:`, phone.trouble.slice(-20).join("\n"));
      await screenshot(phone.page, `failed ${task.name.slice(0, 40)} ${phone.name}`);
    }
  });
}
