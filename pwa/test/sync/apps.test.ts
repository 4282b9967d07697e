import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Apps, Asked } from "../../src/core/kith.ts";
import { Host, type Person } from "./host.ts";
import { Device } from "./world.ts";

// Ana has a pod at this host; Ben has one at another; nobody is on the third device.
let host: Host;
let away: Host;
let person: Person;
let ana: Device;
let ben: Device;
let nobody: Device;
let client: string;
let apps: Apps;

const back = "https://albums.example/back?at=start";

beforeAll(async () => {
  [host, away] = await Promise.all([Host.open(), Host.open()]);
  person = await host.person("ana");
  [ana, ben, nobody] = [new Device("phone"), new Device("phone"), new Device("web")];
  for (const [device, pair] of [[ana, person.pair], [ben, (await away.person("ben")).pair]] as const) {
    const kith = await device.kith();
    await kith.start(device === ana ? "Ana" : "Ben");
    await kith.connectPod(pair);
    await kith.syncNow();
  }
  apps = await (await ana.kith()).apps();
  client = await register({ client_name: "Albums\u202e" });
});

afterAll(async () => {
  await Promise.all([ana, ben, nobody].map((device) => device.close()));
  await Promise.all([host, away].map((each) => each.close()));
});

async function register(more: object): Promise<string> {
  const body = JSON.stringify({ redirect_uris: [back], grant_types: ["authorization_code"], token_endpoint_auth_method: "none", ...more });
  const answer = await fetch(`${host.url}/register`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  return ((await answer.json()) as { client_id: string }).client_id;
}

/** An app asks; returns the id of its question. */
async function ask(by = client, state = "s1"): Promise<string> {
  const query = new URLSearchParams({
    response_type: "code", client_id: by, redirect_uri: back, scope: "openid webid", state,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256",
  });
  const answer = await fetch(`${host.url}/authorize?${query}`, { redirect: "manual" });
  const id = /#consent=(.+)$/.exec(answer.headers.get("Location") ?? "")?.[1];
  if (id === undefined) throw new Error(`ask: ${answer.status} ${await answer.text()}`);
  return id;
}

const asked = async (by?: string): Promise<Asked> => apps.asked(host.url, await ask(by));
const profile = async (): Promise<number> => (await fetch(`${person.pod}profile/card`)).status;

describe("what is asked", () => {
  test("is read without a proof, and a name cannot turn the words around it", async () => {
    const id = await ask();
    const read = await (await (await nobody.kith()).apps()).asked(host.url, id);
    expect(read).toMatchObject({ issuer: host.url, id, name: "Albums", described: false, back });
    expect(read.expires).toBeGreaterThan(Date.now());
  });

  test("may have no name", async () => {
    expect(await asked(await register({}))).not.toHaveProperty("name");
  });

  test("is not there under an id that nobody was given", async () => {
    await expect(apps.asked(host.url, "nobodyasked")).rejects.toMatchObject({ code: "not-there-any-more" });
  });

  test("is asked for at no other address, whatever the id", async () => {
    await expect(apps.asked(host.url, "../token?a#b")).rejects.toMatchObject({ name: "Failure" });
    expect(ana.requests.at(-1)).toBe(`GET ${host.url}/authorize/..%2Ftoken%3Fa%23b`);
  });
});

describe("a decision", () => {
  test("no needs nobody, and says so to the app", async () => {
    const open = await (await nobody.kith()).apps();
    const to = new URL(await open.deny(await asked()));
    expect([to.origin + to.pathname, to.searchParams.get("at"), to.searchParams.get("error"), to.searchParams.get("state")]).toEqual(["https://albums.example/back", "start", "access_denied", "s1"]);
    expect(await profile()).toBe(401);
  });

  test("yes makes public what has to be, and gives the app a code", async () => {
    expect((await apps.elsewhere()).on).toBe(false);
    const question = await asked();
    const to = new URL(await apps.allow(question));
    expect([to.searchParams.get("iss"), to.searchParams.get("state"), to.searchParams.get("code") === null]).toEqual([host.url, "s1", false]);
    expect(await apps.elsewhere()).toEqual({ on: true, named: false, webid: `${person.pod}profile/card#me`, issuer: host.url });
    expect(await profile()).toBe(200);
    for (const again of [() => apps.allow(question), () => apps.deny(question), () => apps.asked(host.url, question.id)]) {
      await expect(again()).rejects.toMatchObject({ code: "not-there-any-more" });
    }
  });

  test("yes is not for whom the host does not know", async () => {
    const question = await asked();
    await expect((await (await ben.kith()).apps()).allow(question)).rejects.toMatchObject({ code: "pod-refused" });
    expect(ben.requests.filter((line) => line.includes("/authorize/"))).toEqual([]);
    await expect((await (await nobody.kith()).apps()).allow(question)).rejects.toMatchObject({ code: "not-started" });
  });

  test.each([
    "https://albums.example.evil.example/back?code=1", "https://evil.example/back?code=1", "http://albums.example/back?code=1",
    "https://albums.example/other?code=1", "https://a:b@albums.example/back?code=1", "javascript:alert(1)", "nowhere",
  ])("leads nowhere but to where the app said: %s", async (redirect) => {
    const question = await asked();
    ana.answer = (method, url) => method === "POST" && url.includes("/authorize/") ? Response.json({ redirect }) : undefined;
    try {
      await expect(apps.deny(question)).rejects.toMatchObject({ code: "pod-refused" });
    } finally {
      ana.answer = () => undefined;
    }
  });

  test("of a question whose way back runs a script is not taken", async () => {
    const question = { ...(await asked()), back: "javascript:alert(1)" };
    ana.answer = (method, url) => method === "POST" && url.includes("/authorize/") ? Response.json({ redirect: "javascript:alert(1)" }) : undefined;
    try {
      await expect(apps.deny(question)).rejects.toMatchObject({ code: "pod-refused" });
    } finally {
      ana.answer = () => undefined;
    }
  });

  test("without a network is told as such", async () => {
    const question = await asked();
    ana.network = false;
    try {
      await expect(apps.allow(question)).rejects.toMatchObject({ code: "pod-unreachable" });
    } finally {
      ana.network = true;
    }
  });
});

describe("signing in elsewhere", () => {
  test("is turned off and on", async () => {
    await apps.setElsewhere({ on: false, named: false });
    expect([(await apps.elsewhere()).on, await profile()]).toEqual([false, 401]);
    await apps.setElsewhere({ on: true, named: false });
    expect([(await apps.elsewhere()).on, await profile()]).toEqual([true, 200]);
  });

  test("tells the owner's name only where they want it", async () => {
    const told = async (): Promise<boolean> => (await (await fetch(`${person.pod}profile/card`)).text()).includes("Ana");
    expect(await told()).toBe(false);
    await apps.setElsewhere({ on: true, named: true });
    expect([(await apps.elsewhere()).named, await told()]).toEqual([true, true]);
    await apps.setElsewhere({ on: true, named: false });
    expect([(await apps.elsewhere()).named, await told()]).toEqual([false, false]);
  });

  test("needs a pod", async () => {
    const device = new Device("new");
    try {
      const kith = await device.kith();
      await kith.start("Cleo");
      await expect((await kith.apps()).elsewhere()).rejects.toMatchObject({ code: "no-pod" });
    } finally {
      await device.close();
    }
  });

  test("a passkey is asked for with what the browser needs", async () => {
    const made = JSON.stringify(await apps.newPasskey());
    for (const part of ["challenge", "localhost", "rp", "user"]) expect(made).toContain(part);
    const shown = JSON.stringify(await (await (await nobody.kith()).apps()).passkeyFor(await asked()));
    expect(shown).toContain("challenge");
  });
});
