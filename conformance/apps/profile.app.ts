import {
  addUrl, asUrl, createSolidDataset, createThing, getContainedResourceUrlAll, getPodUrlAll, getProfileAll, getSolidDataset, getStringNoLocale, getThing,
  getUrl, getUrlAll, saveSolidDatasetAt, setStringNoLocale, setThing, setUrl, universalAccess, type ThingPersisted,
} from "@inrupt/solid-client";
import { expect } from "vitest";
import { onBoth } from "./harness/servers.ts";
import type { Actor } from "./harness/sessions.ts";

const solid = "http://www.w3.org/ns/solid/terms#";
const foafName = "http://xmlns.com/foaf/0.1/name";
const inboxOf = "http://www.w3.org/ns/ldp#inbox";

/** profile returns the document of somebody's WebID, and what it says of them, as that reader sees it. */
async function profile(who: Actor, reader = fetch): Promise<{ dataset: Awaited<ReturnType<typeof getSolidDataset>>; me: ThingPersisted; url: string }> {
  const dataset = await getSolidDataset(who.webid, { fetch: reader });
  const me = getThing(dataset, who.webid);
  if (me === null) throw new Error(`the profile does not speak of ${who.webid}`);
  return { dataset, me: me as ThingPersisted, url: who.webid.split("#")[0] ?? "" };
}

onBoth("profile", (it) => {
  it("the profile leads to the pod", async ({ alice }) => {
    expect(await getPodUrlAll(alice.webid)).toEqual([alice.pod]);
    expect(await getPodUrlAll(alice.webid, { fetch: alice.fetch })).toEqual([alice.pod]);
  });

  it("the profile names the issuer, byte for byte, to anyone", async ({ alice }) => {
    expect(getUrlAll((await profile(alice)).me, `${solid}oidcIssuer`)).toEqual([alice.issuer]);
    const configuration = await fetch(new URL("/.well-known/openid-configuration", alice.issuer));
    expect(await configuration.json()).toMatchObject({ issuer: alice.issuer });
  });

  it("the library finds the profile and its other documents", async ({ alice }) => {
    const { webIdProfile, altProfileAll } = await getProfileAll(alice.webid, { fetch: alice.fetch });
    expect(getThing(webIdProfile, alice.webid)).not.toBeNull();
    expect(altProfileAll).toEqual([]);
  });

  it("an app adds to the profile, and what it says stays true", async ({ alice }) => {
    const { dataset, me, url } = await profile(alice, alice.fetch);
    await saveSolidDatasetAt(url, setThing(dataset, setStringNoLocale(me, foafName, "Alice")), { fetch: alice.fetch });
    const after = await profile(alice, alice.fetch);
    expect([getStringNoLocale(after.me, foafName), getUrl(after.me, `${solid}oidcIssuer`)]).toEqual(["Alice", alice.issuer]);
    expect((await alice.fetch(alice.pod)).status).toBe(200);
  });

  it("an app makes a type index and names it in the profile", async ({ alice }) => {
    const index = `${alice.pod}settings/publicTypeIndex`;
    const registration = setUrl(createThing({ name: "notes" }), `${solid}forClass`, "https://schema.org/NoteDigitalDocument");
    await saveSolidDatasetAt(index, setThing(createSolidDataset(), setUrl(registration, `${solid}instance`, `${alice.pod}notes`)), { fetch: alice.fetch });
    const { dataset, me, url } = await profile(alice, alice.fetch);
    await saveSolidDatasetAt(url, setThing(dataset, addUrl(me, `${solid}publicTypeIndex`, index)), { fetch: alice.fetch });
    const named = getUrl((await profile(alice, alice.fetch)).me, `${solid}publicTypeIndex`);
    expect(named).toBe(index);
    const registered = getThing(await getSolidDataset(index, { fetch: alice.fetch }), `${index}#notes`);
    expect(registered === null ? null : getUrl(registered, `${solid}instance`)).toBe(`${alice.pod}notes`);
  });

  it("an app cannot name another issuer", async ({ alice }) => {
    const { dataset, me, url } = await profile(alice, alice.fetch);
    const added = saveSolidDatasetAt(url, setThing(dataset, addUrl(me, `${solid}oidcIssuer`, "https://evil.example")), { fetch: alice.fetch });
    await expect(added).rejects.toMatchObject({ statusCode: 409 });
    const whole = `<#me> <${solid}oidcIssuer> <https://evil.example>.`;
    expect((await alice.fetch(url, { method: "PUT", headers: { "content-type": "text/turtle" }, body: whole })).status).toBe(409);
    expect(getUrlAll((await profile(alice)).me, `${solid}oidcIssuer`)).toEqual([alice.issuer]);
  });

  it("who may append leaves a notification in the inbox, and reads none", async ({ alice, bob }) => {
    const inbox = getUrl((await profile(alice, alice.fetch)).me, inboxOf);
    if (inbox?.startsWith(alice.pod) !== true) throw new Error(`the profile names no inbox in the pod: ${inbox}`);
    await universalAccess.setAgentAccess(inbox, bob.webid, { append: true }, { fetch: alice.fetch });
    const body = JSON.stringify({ "@context": "https://www.w3.org/ns/activitystreams", "@id": "", "@type": "Announce", actor: bob.webid, object: bob.pod });
    const answer = await bob.fetch(inbox, { method: "POST", headers: { "content-type": "application/ld+json" }, body });
    expect(answer.status).toBe(201);
    expect((await bob.fetch(inbox)).status).toBe(403);
    const [left] = getContainedResourceUrlAll(await getSolidDataset(inbox, { fetch: alice.fetch }));
    expect(left).toBe(new URL(answer.headers.get("location") ?? "", inbox).href);
    const said = getThing(await getSolidDataset(String(left), { fetch: alice.fetch }), String(left));
    expect(said === null ? null : getUrl(said, "https://www.w3.org/ns/activitystreams#actor")).toBe(bob.webid);
    expect(said === null ? null : asUrl(said)).toBe(left);
  });
});
