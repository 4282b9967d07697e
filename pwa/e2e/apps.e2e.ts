/** Signing in at another app with one's pod: the app asks, the person says yes or no here, and the app can do what
 * was allowed until it is removed. The other app uses Inrupt's library as that is published. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CDPSession, Page } from "playwright-core";
import { asApp, openApp, type OtherApp, outcome, signIn } from "./app.ts";
import { lookAt } from "./look.ts";
import { type Host, openScene, type Person, type Scene } from "./harness.ts";
import { Phone, witness, words } from "./people.ts";
import { podFiles } from "./pods.ts";
import { enElsewhere } from "../src/ui/words/en/elsewhere.ts";

const { apps: own, consent } = enElsewhere;

let scene: Scene;
let host: Host;
let person: Person;
let ana: Phone;
let app: OtherApp;
/** A tab of Ana's browser in which the other app is open. */
let tab: Page;
const others: Phone[] = [];

beforeAll(async () => {
  scene = await openScene();
  app = await openApp(scene);
  host = await scene.host("home", { fetches: app.host });
  person = await host.person("ana");
  ana = await Phone.open(scene, "Ana", host.url);
  await ana.start();
  await ana.connect(person.pair);
  tab = await ana.context.newPage();
});

beforeEach(() => witness(() => [ana, ...others]));

afterAll(async () => {
  await scene.close();
  await app.close();
});

/** A screen, as `lookAt` looks at it. */
const look = (page: Page, name: string): Promise<void> => lookAt(page, `apps ${name}`);

const title = (page: Page, name: string) => page.getByRole("heading", { level: 1, name, exact: true });
const asks = (page: Page, name = "Albums") => title(page, consent.title(name));
const press = (page: Page, name: string): Promise<void> => page.getByRole("button", { name, exact: true }).click();
const anonymous = async (url: string): Promise<{ status: number; body: string }> => {
  const answer = await fetch(url, { headers: { Accept: "text/turtle" } });
  return { status: answer.status, body: await answer.text() };
};

/** The address of the screen that answers what an app asked at that address. */
async function askedAgain(authorize: string): Promise<string> {
  const answer = await fetch(authorize, { redirect: "manual" });
  return new URL(answer.headers.get("Location") ?? "", host.url).href;
}

/** Brings the app to the tab in which Ana uses it, which another tab may have taken over. */
async function home(): Promise<void> {
  await ana.page.bringToFront();
  const here = ana.button(words.trouble.here);
  await here.or(ana.page.getByRole("navigation", { name: words.nav.label })).first().waitFor();
  if (await here.isVisible()) await here.click();
  await ana.page.getByRole("navigation", { name: words.nav.label }).waitFor();
}

describe("another app asks", () => {
  let authorize: string;

  test("and is shown for what it is before anything is public", async () => {
    expect((await anonymous(person.webid)).status).toBe(401);
    authorize = await signIn(tab, app, person.issuer);
    await asks(tab).waitFor();
    // The id of what is asked has left the address bar.
    expect(new URL(tab.url()).hash).toBe("#/");
    const facts = await tab.locator("dl").innerText();
    for (const said of ["Albums", app.host, "Ana", person.pod.replace(/^http:\/\/|\/$/g, "")]) expect(facts).toContain(said);
    await tab.getByText(consent.unchecked).waitFor();
    await tab.getByText(consent.local).waitFor();
    await look(tab, "consent");
    expect((await anonymous(person.webid)).status).toBe(401);
  });

  test("is told no, by keyboard alone", async () => {
    expect(await tab.evaluate(() => document.activeElement?.tagName)).toBe("H1");
    await tab.keyboard.press("Tab");
    expect(await tab.evaluate(() => document.activeElement?.textContent)).toBe(consent.deny);
    await tab.keyboard.press("Enter");
    expect(await outcome(tab, app)).toEqual({ refused: "access_denied" });
    expect((await anonymous(person.webid)).status).toBe(401);
  });

  test("is let in, writes and reads", async () => {
    await signIn(tab, app, person.issuer);
    await asks(tab).waitFor();
    await press(tab, consent.allow);
    expect(await outcome(tab, app)).toEqual({ webid: person.webid });
    const note = `${person.pod}albums/note.txt`;
    expect((await asApp(tab, "PUT", note, "written elsewhere")).status).toBe(201);
    expect(await asApp(tab, "GET", note)).toEqual({ status: 200, body: "written elsewhere" });
    expect(String((await podFiles(host, "ana")).get("/albums/note.txt"))).toBe("written elsewhere");
    expect((await anonymous(note)).status).toBe(401);
  });

  test("by then everyone can look up who vouches, and nothing else", async () => {
    const { status, body } = await anonymous(person.webid);
    expect(status).toBe(200);
    expect(body).toContain(person.issuer);
    expect(body).not.toContain("Ana");
    expect((await anonymous(person.pod)).status).toBe(401);
  });

  test("an answer counts once, and a question that ran out is told so", async () => {
    const link = await askedAgain(authorize);
    await tab.goto(link);
    await asks(tab).waitFor();
    await press(tab, consent.deny);
    await tab.waitForURL((url) => url.origin === app.origin);
    for (const dead of [link, `${host.url}/#consent=nobodyasked`]) {
      await tab.goto(dead);
      await title(tab, consent.over).waitFor();
    }
    await look(tab, "over");
    await press(tab, consent.home);
    await title(tab, words.feed.title).waitFor();
  });

  test("leaving by the back button or the address bar answers nothing", async () => {
    const link = await askedAgain(authorize);
    await tab.goto(`${host.url}/#/friends`);
    await title(tab, words.friends.title).waitFor();
    await tab.goto(link);
    await asks(tab).waitFor();
    await tab.goBack();
    await title(tab, words.friends.title).waitFor();
    await tab.goto(link);
    await asks(tab).waitFor();
    await press(tab, consent.deny);
    await tab.waitForURL((url) => url.origin === app.origin);
  });

  test("while the host does not answer, nothing is allowed, and one can try again", async () => {
    const link = await askedAgain(authorize);
    await tab.goto(host.url);
    await tab.evaluate(async () => void (await navigator.serviceWorker.ready));
    await ana.context.setOffline(true);
    await tab.goto(link);
    await title(tab, consent.unreached(new URL(host.url).host)).waitFor();
    await look(tab, "unreached");
    await ana.context.setOffline(false);
    await press(tab, consent.again);
    await asks(tab).waitFor();
  });
});

describe("under You", () => {
  test("an app that was let in stands there, and is cut off at once", async () => {
    await signIn(tab, app, person.issuer);
    await asks(tab).waitFor();
    await press(tab, consent.allow);
    expect((await outcome(tab, app)).webid).toBe(person.webid);
    expect((await asApp(tab, "GET", `${person.pod}albums/note.txt`)).status).toBe(200);

    await home();
    await ana.go(words.self.apps);
    const rows = ana.page.getByRole("region", { name: own.app }).getByRole("listitem");
    await rows.first().waitFor();
    expect(await rows.filter({ hasText: "Albums" }).filter({ hasText: app.host }).count()).toBe(await rows.count());
    await look(ana.page, "list");
    for (let left = await rows.count(); left > 0; left -= 1) {
      await rows.first().getByRole("button").click();
      await ana.page.getByRole("dialog").getByRole("button", { name: own.remove, exact: true }).click();
      await expect.poll(() => rows.count()).toBe(left - 1);
    }
    expect((await asApp(tab, "GET", `${person.pod}albums/note.txt`)).status).toBe(401);
    expect((await asApp(tab, "PUT", `${person.pod}albums/note.txt`, "too late")).status).toBe(401);
  });

  test("an app with a document about itself is known by its address", async () => {
    await signIn(tab, app, person.issuer, app.document);
    await asks(tab, "Albums by document").waitFor();
    expect(await tab.getByText(consent.unchecked).count()).toBe(0);
    await press(tab, consent.allow);
    expect((await outcome(tab, app)).webid).toBe(person.webid);
    expect((await asApp(tab, "GET", `${person.pod}albums/note.txt`)).status).toBe(200);
    await home();
    await ana.go(words.self.apps);
    const row = ana.page.getByRole("region", { name: own.app }).getByRole("listitem");
    await row.getByText("Albums by document").waitFor();
    await row.getByText(app.host, { exact: true }).waitFor();
  });

  test("signing in elsewhere is turned off, and nothing is public any more", async () => {
    await home();
    await ana.go(words.self.apps);
    const toggle = ana.page.getByRole("switch", { name: own.switch });
    expect(await toggle.isChecked()).toBe(true);
    await ana.page.getByText(person.webid, { exact: true }).waitFor();
    await toggle.click();
    await ana.page.getByRole("dialog").getByText(own.turnOffText(1)).waitFor();
    await ana.page.getByRole("dialog").getByRole("button", { name: own.turnOff }).click();
    await ana.told(own.turnedOff);
    expect(await toggle.isChecked()).toBe(false);
    expect((await anonymous(person.webid)).status).toBe(401);
    expect((await asApp(tab, "GET", `${person.pod}albums/note.txt`)).status).toBe(401);
    await look(ana.page, "off");
    await toggle.click();
    await ana.told(own.turnedOn);
    expect((await anonymous(person.webid)).status).toBe(200);
    expect((await asApp(tab, "GET", `${person.pod}albums/note.txt`)).status).toBe(401);
  });

  test("one's name is told where one wants it", async () => {
    const named = ana.page.getByRole("switch", { name: own.named });
    await named.click();
    await ana.told(own.named1);
    expect((await anonymous(person.webid)).body).toContain("Ana");
    await named.click();
    await ana.told(own.unnamed);
    expect((await anonymous(person.webid)).body).not.toContain("Ana");
  });
});

describe("a passkey", () => {
  /** A place for passkeys in the page's browser, as phones and laptops have one (WebAuthn 3 §11, for tests). It
   * lasts until another debugging session of the page ends, as that of axe does. */
  async function authenticator(page: Page): Promise<{ readonly debug: CDPSession; readonly authenticatorId: string }> {
    const debug = await page.context().newCDPSession(page);
    await debug.send("WebAuthn.enable");
    const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } as const;
    return { debug, ...(await debug.send("WebAuthn.addVirtualAuthenticator", { options })) };
  }

  test("lets an app in from a browser in which nobody uses Kith, until it is removed", async () => {
    await home();
    await ana.go(words.self.apps);
    const mine = await authenticator(ana.page);
    await ana.button(own.add).click();
    await ana.page.getByRole("textbox", { name: own.addName }).fill("Laptop");
    await ana.button(words.save).click();
    await ana.told(own.added);
    const row = ana.page.getByRole("region", { name: own.passkey }).getByRole("listitem").filter({ hasText: "Laptop" });
    await row.waitFor();
    const { credentials } = await mine.debug.send("WebAuthn.getCredentials", { authenticatorId: mine.authenticatorId });
    expect(credentials.map(({ rpId, isResidentCredential }) => [rpId, isResidentCredential])).toEqual([["localhost", true]]);
    await look(ana.page, "passkey");

    // Another browser with the same passkey, as it travels between one's devices.
    const library = await Phone.open(scene, "Library", app.origin);
    others.push(library);
    await signIn(library.page, app, person.issuer);
    await asks(library.page).waitFor();
    await library.page.getByText(consent.nobody(new URL(host.url).host)).waitFor();
    await look(library.page, "consent by passkey");
    const theirs = await authenticator(library.page);
    for (const credential of credentials) await theirs.debug.send("WebAuthn.addCredential", { authenticatorId: theirs.authenticatorId, credential });
    await press(library.page, consent.allowPasskey);
    expect(await outcome(library.page, app)).toEqual({ webid: person.webid });
    expect((await asApp(library.page, "GET", `${person.pod}albums/note.txt`)).status).toBe(200);

    await row.getByRole("button").click();
    await ana.page.getByRole("dialog").getByRole("button", { name: own.remove, exact: true }).click();
    await row.waitFor({ state: "hidden" });
    await signIn(library.page, app, person.issuer);
    await asks(library.page).waitFor();
    await press(library.page, consent.allowPasskey);
    await library.refused(consent.unknownPasskey);
    expect(new URL(library.page.url()).origin).toBe(host.url);
  });

  test("is what is missing for whoever shows none", async () => {
    const stranger = await Phone.open(scene, "Stranger", app.origin);
    others.push(stranger);
    await signIn(stranger.page, app, person.issuer);
    await asks(stranger.page).waitFor();
    const { debug, authenticatorId } = await authenticator(stranger.page);
    await debug.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    await press(stranger.page, consent.allowPasskey);
    await stranger.refused(consent.notShown);
    await asks(stranger.page).waitFor();
  });
});

test("whose pod is at another host is told where to go", async () => {
  const away = await scene.host("away");
  const ben = await Phone.open(scene, "Ben", host.url);
  others.push(ben);
  await ben.start();
  await ben.connectPasted((await away.person("ben")).pair);
  const page = await ben.context.newPage();
  await signIn(page, app, host.url);
  await asks(page).waitFor();
  const [theirs, here] = [new URL(away.url).host, new URL(host.url).host];
  await page.getByText(consent.otherPod(`${theirs}/ben`, here)).waitFor();
  await page.getByText(consent.otherPodHint(theirs)).waitFor();
  await look(page, "consent of another host");
});
