/**
 * Signing in by redirects, as an app with people in front of it does: the app registers itself, sends the
 * person to their issuer, the person says yes on their phone, and the app gets tokens that it can renew.
 */

import { EVENTS, InMemoryStorage, Session, getSessionFromStorage, refreshTokens } from "@inrupt/solid-client-authn-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Asked, Kith as App } from "../../pwa/src/core/index.ts";
import { Device } from "../../pwa/test/sync/world.ts";
import { startKith, type Kith } from "./harness/kith.ts";
import { startReceiver, type Receiver } from "./harness/receiver.ts";
import type { Person } from "./harness/server.ts";

const back = "http://localhost:9/back";

/** An app that publishes a document about itself, whose address is its client ID. */
const published = new Map<string, object>();

type Tokens = Parameters<typeof refreshTokens>[0];

let kith: Kith;
let alice: Omit<Person, "credentials">;
let phone: Device;
let app: App;
let web: Receiver;
let clientId: string;

beforeAll(async () => {
  web = await startReceiver(published);
  clientId = `${web.url}client`;
  published.set("/client", {
    "@context": ["https://www.w3.org/ns/solid/oidc-context.jsonld"],
    client_id: clientId, client_name: "Lists", redirect_uris: [back], application_type: "native", token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], scope: "openid webid offline_access",
  });
  kith = await startKith("redirect-kith", [new URL(web.url).host]);
  const told = JSON.parse(await kith.command("person", "add", "alice")) as Omit<Person, "credentials"> & { readonly pair: string };
  alice = told;
  phone = new Device("phone");
  app = await phone.kith();
  await app.start("Alice");
  await app.connectPod(told.pair);
});

afterAll(async () => {
  await phone?.close();
  await kith?.close();
  await web?.close();
});

/** asking begins to sign in, and returns what the phone is shown. */
async function asking(session: Session, client: { readonly clientName: string } | { readonly clientId: string } = { clientName: "Notes" }): Promise<Asked> {
  let sent = "";
  await session.login({ oidcIssuer: alice.issuer, redirectUrl: back, handleRedirect: (url) => void (sent = url), ...client });
  const answer = await fetch(sent, { redirect: "manual" });
  const id = /#consent=(.+)$/.exec(answer.headers.get("location") ?? "")?.[1];
  if (id === undefined) throw new Error(`authorize: ${answer.status} ${answer.headers.get("location")} ${await answer.text()}`);
  return (await app.apps()).asked(alice.issuer, decodeURIComponent(id));
}

/** signedIn goes the whole way as an app that registers itself. */
async function signedIn(storage = new InMemoryStorage()): Promise<Session> {
  const session = new Session({ keepAlive: false, storage });
  const asked = await asking(session);
  await session.handleIncomingRedirect(await (await app.apps()).allow(asked));
  return session;
}

/** tokensOf goes the whole way as the app that publishes a document, and returns what it got. */
async function tokensOf(): Promise<{ session: Session; tokens: Tokens }> {
  const session = new Session({ keepAlive: false });
  const tokens = new Promise<Tokens>((resolve) => session.events.on(EVENTS.NEW_TOKENS, (set) => resolve(set as Tokens)));
  const asked = await asking(session, { clientId });
  await session.handleIncomingRedirect(await (await app.apps()).allow(asked));
  return { session, tokens: await tokens };
}

async function status(as: { readonly fetch: typeof fetch }): Promise<number> {
  return (await as.fetch(alice.pod)).status;
}

describe("an app that signs in by redirects", () => {
  test("is shown to the person by the name it gives, and by where it leads back to", async () => {
    const asked = await asking(new Session({ keepAlive: false }));
    expect(asked).toMatchObject({ name: "Notes", back, described: false });
  });

  test("gets in when the person says yes", async () => {
    const session = await signedIn();
    expect(session.info).toMatchObject({ isLoggedIn: true, webId: alice.webid });
    expect(await status(session)).toBe(200);
    const written = await session.fetch(`${alice.pod}notes/one`, { method: "PUT", headers: { "content-type": "text/turtle" }, body: "<#a> a <#B>." });
    expect(written.status).toBe(201);
  });

  test("gets nothing when the person says no", async () => {
    const session = new Session({ keepAlive: false });
    const asked = await asking(session);
    const answer = new URL(await (await app.apps()).deny(asked));
    expect([answer.origin + answer.pathname, answer.searchParams.get("error"), answer.searchParams.has("code")]).toEqual([back, "access_denied", false]);
    await session.handleIncomingRedirect(answer.href).catch(() => undefined);
    expect(session.info.isLoggedIn).toBe(false);
  });

  test("is answered only once", async () => {
    const session = new Session({ keepAlive: false });
    const asked = await asking(session);
    const apps = await app.apps();
    const answer = await apps.allow(asked);
    await expect(apps.allow(asked)).rejects.toThrow();
    await session.handleIncomingRedirect(answer);
    expect(session.info.isLoggedIn).toBe(true);
  });

  test("is shown by its document, when it publishes one", async () => {
    const asked = await asking(new Session({ keepAlive: false }), { clientId });
    expect(asked).toMatchObject({ name: "Lists", back, described: true, host: new URL(web.url).host });
  });

  test("goes on later, from what it stored", async () => {
    const storage = new InMemoryStorage();
    const { info } = await signedIn(storage);
    for (const time of ["once", "twice"]) {
      const again = await getSessionFromStorage(info.sessionId, { storage, refreshSession: true });
      expect([time, again?.info.webId, again === undefined ? 0 : await status(again)]).toEqual([time, alice.webid, 200]);
    }
  });

  test("renews its tokens, and goes on with them", async () => {
    const { tokens } = await tokensOf();
    const renewed = await refreshTokens(tokens);
    expect(renewed.refreshToken).not.toBe(tokens.refreshToken);
    expect(renewed.webId).toBe(alice.webid);
    expect(await status(await Session.fromTokens(renewed, crypto.randomUUID()))).toBe(200);
  });

  test("is out with everything when a token for renewing is used twice", async () => {
    const { session, tokens } = await tokensOf();
    const renewed = await refreshTokens(tokens);
    await expect(refreshTokens(tokens)).rejects.toThrow();
    await expect(refreshTokens(renewed)).rejects.toThrow();
    const statuses = [await status(session), await status(await Session.fromTokens(renewed, crypto.randomUUID()))];
    expect(statuses).toEqual([401, 401]);
  });

  test("is listed on the phone, and out as soon as it is removed there", async () => {
    const { session, tokens } = await tokensOf();
    const apps = await app.apps();
    const listed = (await apps.admitted()).filter((each) => each.kind === "app");
    expect(listed.map((each) => each.name)).toContain("Lists");
    const later = await Session.fromTokens(tokens, crypto.randomUUID());
    expect([await status(session), await status(later)]).toEqual([200, 200]);
    for (const each of listed) await apps.removeAdmitted(each.id);
    expect([await status(session), await status(later)]).toEqual([401, 401]);
    await expect(refreshTokens(tokens)).rejects.toThrow();
  });

  test("may do what the owner may with resources, and nothing that only the phone may", async () => {
    const session = await signedIn();
    expect(await status(session)).toBe(200);
    for (const path of [".replica", ".grants", ".elsewhere", ".passkeys", ".invites/", ".pair/links"]) {
      expect([path, (await session.fetch(alice.pod + path)).status]).toEqual([path, 403]);
    }
  });
});
