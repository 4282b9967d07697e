import { getResourceInfo, isContainer } from "@inrupt/solid-client";
import { Session } from "@inrupt/solid-client-authn-node";
import { expect } from "vitest";
import { onBoth } from "./harness/servers.ts";
import { signIn } from "./harness/sessions.ts";

onBoth("signin", (it) => {
  it("client credentials open a session that reaches the pod", async ({ alice }) => {
    const answer = await alice.fetch(alice.pod);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("wac-allow")).toMatch(/user="[^"]*\bread\b[^"]*"/);
  });

  it("without signing in the pod is closed", async ({ alice }) => {
    const answer = await fetch(`${alice.pod}profile/`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).not.toBeNull();
  });

  it("a wrong secret opens no session", async ({ alice }) => {
    const session = new Session({ keepAlive: false });
    const login = session.login({ oidcIssuer: alice.issuer, clientId: alice.credentials.id, clientSecret: "wrong", clientName: "apps" });
    await expect(login).rejects.toThrow();
    expect(session.info.isLoggedIn).toBe(false);
  });

  it("a session that proves no key gets nowhere", async ({ alice }) => {
    const { id, secret } = alice.credentials;
    const session = new Session({ keepAlive: false });
    await session.login({ oidcIssuer: alice.issuer, clientId: id, clientSecret: secret, clientName: "apps", tokenType: "Bearer" }).catch(() => undefined);
    expect((await session.fetch(`${alice.pod}profile/`)).status).toBe(401);
  });

  it("after signing out the same session is a stranger", async ({ alice }) => {
    const session = await signIn(alice);
    const inside = await session.fetch(alice.pod);
    await session.logout();
    const outside = await session.fetch(`${alice.pod}profile/`);
    expect([inside.status, outside.status]).toEqual([200, 401]);
  });

  it("two sessions of one person work side by side", async ({ alice }) => {
    const sessions = await Promise.all([signIn(alice), signIn(alice)]);
    const answers = await Promise.all(sessions.map((session) => session.fetch(alice.pod)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
  });

  it("the pod's root is a storage", async ({ alice }) => {
    const info = await getResourceInfo(alice.pod, { fetch: alice.fetch });
    expect(isContainer(info)).toBe(true);
    const link = (await alice.fetch(alice.pod, { method: "HEAD" })).headers.get("link") ?? "";
    expect(link).toMatch(/<http:\/\/www\.w3\.org\/ns\/pim\/space#Storage>;\s*rel="type"/);
    expect(link).toContain('rel="http://www.w3.org/ns/solid/terms#storageDescription"');
  });
});
