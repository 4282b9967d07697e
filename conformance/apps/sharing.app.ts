import {
  createAclFromFallbackAcl, createContainerAt, deleteAclFor, getAgentResourceAccess, getContainedResourceUrlAll, getFile,
  getResourceAcl, getResourceInfo, getResourceInfoWithAcl, getSolidDataset, hasAccessibleAcl, hasFallbackAcl, hasResourceAcl, overwriteFile,
  saveAclFor, saveFileInContainer, saveSolidDatasetAt, buildThing, createSolidDataset, setAgentDefaultAccess, setAgentResourceAccess,
  setGroupResourceAccess, setPublicDefaultAccess, setPublicResourceAccess, setThing, universalAccess,
  type AclDataset, type WithAccessibleAcl,
} from "@inrupt/solid-client";
import { expect } from "vitest";
import { refused } from "./harness/refused.ts";
import { onBoth } from "./harness/servers.ts";
import type { Actor } from "./harness/sessions.ts";

const rdfType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const vcard = "http://www.w3.org/2006/vcard/ns#";

const closed = { read: false, append: false, write: false, controlRead: false, controlWrite: false };
const reading = { ...closed, read: true };
const writing = { ...closed, read: true, append: true, write: true };
const all = { ...writing, controlRead: true, controlWrite: true };
const readOnly = { read: true, append: false, write: false, control: false };

/** note writes a small text file of that person's and returns its URL. */
async function note(who: Actor, path: string, text = "for you"): Promise<string> {
  const url = who.pod + path;
  await overwriteFile(url, new Blob([text]), { contentType: "text/plain", fetch: who.fetch });
  return url;
}

/** ownACL returns the access list of a resource, made from the one that it inherits when it has none yet. */
async function ownACL(who: Actor, url: string): Promise<{ resource: WithAccessibleAcl; acl: AclDataset }> {
  const resource = await getResourceInfoWithAcl(url, { fetch: who.fetch });
  if (!hasAccessibleAcl(resource)) throw new Error(`${url} shows no access list`);
  if (hasResourceAcl(resource)) return { resource, acl: getResourceAcl(resource) };
  if (!hasFallbackAcl(resource)) throw new Error(`${url} inherits no access list`);
  return { resource, acl: createAclFromFallbackAcl(resource) };
}

onBoth("sharing", (it) => {
  it("a resource without an access list of its own says who inherits what", async ({ alice, bob }) => {
    const url = await note(alice, "inherits.txt");
    expect(await universalAccess.getAgentAccess(url, alice.webid, { fetch: alice.fetch })).toEqual(all);
    expect(await universalAccess.getAgentAccess(url, bob.webid, { fetch: alice.fetch })).toEqual(closed);
    expect(await universalAccess.getPublicAccess(url, { fetch: alice.fetch })).toEqual(closed);
  });

  it("another person gets in by their WebID and is out at once", async ({ alice, bob }) => {
    const url = await note(alice, "shared.txt");
    await refused(getFile(url, { fetch: bob.fetch }), 403);
    expect(await universalAccess.setAgentAccess(url, bob.webid, { read: true }, { fetch: alice.fetch })).toEqual(reading);
    expect(await (await getFile(url, { fetch: bob.fetch })).text()).toBe("for you");
    await refused(overwriteFile(url, new Blob(["mine"]), { contentType: "text/plain", fetch: bob.fetch }), 403);
    expect(await universalAccess.setAgentAccess(url, bob.webid, { read: false }, { fetch: alice.fetch })).toEqual(closed);
    await refused(getFile(url, { fetch: bob.fetch }), 403);
    expect(await (await getFile(url, { fetch: alice.fetch })).text()).toBe("for you");
  });

  it("every agent with access is listed", async ({ alice, bob }) => {
    const url = await note(alice, "everyone.txt");
    await universalAccess.setAgentAccess(url, bob.webid, { read: true, append: true }, { fetch: alice.fetch });
    const listed = await universalAccess.getAgentAccessAll(url, { fetch: alice.fetch });
    expect(listed).toEqual({ [alice.webid]: all, [bob.webid]: { ...reading, append: true } });
  });

  it("who may write may replace, and still sees no access list", async ({ alice, bob }) => {
    const url = await note(alice, "ours.txt");
    await universalAccess.setAgentAccess(url, bob.webid, { read: true, write: true }, { fetch: alice.fetch });
    await overwriteFile(url, new Blob(["ours"]), { contentType: "text/plain", fetch: bob.fetch });
    expect(await (await getFile(url, { fetch: alice.fetch })).text()).toBe("ours");
    const mine = await getResourceInfo(url, { fetch: bob.fetch });
    expect((await bob.fetch(String(mine.internal_resourceInfo.aclUrl))).status).toBe(403);
    await universalAccess.setAgentAccess(url, bob.webid, { controlRead: true, controlWrite: true }, { fetch: bob.fetch }).catch(() => null);
    expect(await universalAccess.getAgentAccess(url, bob.webid, { fetch: alice.fetch })).toEqual(writing);
    expect(mine.internal_resourceInfo.permissions?.user).toEqual({ read: true, append: true, write: true, control: false });
  });

  it("who is given control gives access to others", async ({ alice, bob }) => {
    const url = await note(alice, "control.txt");
    const other = "https://carla.example/profile/card#me";
    await universalAccess.setAgentAccess(url, bob.webid, { ...all }, { fetch: alice.fetch });
    expect(await universalAccess.setAgentAccess(url, other, { read: true }, { fetch: bob.fetch })).toEqual(reading);
    expect(await universalAccess.getAgentAccess(url, other, { fetch: alice.fetch })).toEqual(reading);
  });

  it("a container that is shared shows its listing, and what is in it only by default access", async ({ alice, bob }) => {
    const inside = await note(alice, "album/one.txt");
    const album = `${alice.pod}album/`;
    await universalAccess.setAgentAccess(album, bob.webid, { read: true }, { fetch: alice.fetch });
    await getSolidDataset(album, { fetch: bob.fetch });
    await refused(getFile(inside, { fetch: bob.fetch }), 403);
    const { resource, acl } = await ownACL(alice, album);
    await saveAclFor(resource, setAgentDefaultAccess(acl, bob.webid, readOnly), { fetch: alice.fetch });
    expect(await (await getFile(inside, { fetch: bob.fetch })).text()).toBe("for you");
    expect(getContainedResourceUrlAll(await getSolidDataset(album, { fetch: bob.fetch }))).toEqual([inside]);
  });

  it("a listing leaves out what the reader may not read", async ({ alice, bob }) => {
    const open = await note(alice, "mixed/open.txt");
    const hidden = await note(alice, "mixed/hidden.txt");
    const mixed = `${alice.pod}mixed/`;
    const list = await ownACL(alice, mixed);
    const shared = setAgentDefaultAccess(setAgentResourceAccess(list.acl, bob.webid, readOnly), bob.webid, readOnly);
    await saveAclFor(list.resource, shared, { fetch: alice.fetch });
    await universalAccess.setAgentAccess(hidden, bob.webid, { read: false }, { fetch: alice.fetch });
    await refused(getFile(hidden, { fetch: bob.fetch }), 404);
    expect(getContainedResourceUrlAll(await getSolidDataset(mixed, { fetch: bob.fetch }))).toEqual([open]);
    expect(getContainedResourceUrlAll(await getSolidDataset(mixed, { fetch: alice.fetch })).sort()).toEqual([hidden, open].sort());
  });

  it("who may only append adds a file and sees nothing", async ({ alice, bob }) => {
    const drop = `${alice.pod}drop/`;
    await createContainerAt(drop, { fetch: alice.fetch });
    await universalAccess.setAgentAccess(drop, bob.webid, { append: true }, { fetch: alice.fetch });
    const saved = await saveFileInContainer(drop, new Blob(["hello"]), { slug: "hello.txt", contentType: "text/plain", fetch: bob.fetch });
    const [listed] = getContainedResourceUrlAll(await getSolidDataset(drop, { fetch: alice.fetch }));
    expect(listed).toBe(saved.internal_resourceInfo.sourceIri);
    expect(await (await getFile(String(listed), { fetch: alice.fetch })).text()).toBe("hello");
    await refused(getFile(String(listed), { fetch: bob.fetch }), 403);
    await refused(getSolidDataset(drop, { fetch: bob.fetch }), 403);
  });

  it("the public gets in where the owner allows that, and is out at once", async ({ server, alice }) => {
    await server.allowPublic(alice, "/public/");
    const url = await note(alice, "public/poster.txt");
    await refused(getFile(url), 401);
    expect(await universalAccess.setPublicAccess(url, { read: true }, { fetch: alice.fetch })).toEqual(reading);
    expect(await (await getFile(url)).text()).toBe("for you");
    expect((await getResourceInfo(url)).internal_resourceInfo.permissions?.public.read).toBe(true);
    expect(await universalAccess.getPublicAccess(url, { fetch: alice.fetch })).toEqual(reading);
    expect(await universalAccess.setPublicAccess(url, { read: false }, { fetch: alice.fetch })).toEqual(closed);
    await refused(getFile(url), 401);
  });

  it("a public container is read by anyone, signed in or not", async ({ server, alice, bob }) => {
    await server.allowPublic(alice, "/web/");
    const page = await note(alice, "web/page.txt");
    const { resource, acl } = await ownACL(alice, `${alice.pod}web/`);
    const open = setPublicDefaultAccess(setPublicResourceAccess(acl, readOnly), readOnly);
    await saveAclFor(resource, open, { fetch: alice.fetch });
    for (const reader of [fetch, bob.fetch]) {
      expect(getContainedResourceUrlAll(await getSolidDataset(`${alice.pod}web/`, { fetch: reader }))).toEqual([page]);
      expect(await (await getFile(page, { fetch: reader })).text()).toBe("for you");
    }
    await refused(overwriteFile(page, new Blob(["x"]), { contentType: "text/plain" }), 401);
  });

  it("nobody makes a resource public by accident", async ({ alice }) => {
    const url = await note(alice, "careful.txt");
    const told = await universalAccess.setPublicAccess(url, { read: true }, { fetch: alice.fetch }).catch(() => null);
    expect(told?.read ?? false).toBe(false);
    await refused(getFile(url), 401);
  });

  it("a group that only its owner can read gives its members access", async ({ alice, bob }) => {
    const group = `${alice.pod}groups/friends`;
    const members = buildThing({ name: "all" }).addUrl(rdfType, `${vcard}Group`).addUrl(`${vcard}hasMember`, bob.webid).build();
    const saved = await saveSolidDatasetAt(group, setThing(createSolidDataset(), members), { fetch: alice.fetch });
    const url = await note(alice, "grouped.txt");
    const { resource, acl } = await ownACL(alice, url);
    await saveAclFor(resource, setGroupResourceAccess(acl, `${group}#all`, readOnly), { fetch: alice.fetch });
    expect(await (await getFile(url, { fetch: bob.fetch })).text()).toBe("for you");
    await refused(getSolidDataset(group, { fetch: bob.fetch }), 403);
    const nobody = buildThing({ url: `${group}#all` }).addUrl(rdfType, `${vcard}Group`).build();
    await saveSolidDatasetAt(group, setThing(saved, nobody), { fetch: alice.fetch });
    await refused(getFile(url, { fetch: bob.fetch }), 403);
  });

  it("an access list that is deleted leaves what is inherited", async ({ alice, bob }) => {
    const url = await note(alice, "back.txt");
    await universalAccess.setAgentAccess(url, bob.webid, { read: true }, { fetch: alice.fetch });
    const { resource } = await ownACL(alice, url);
    await deleteAclFor(resource, { fetch: alice.fetch });
    await refused(getFile(url, { fetch: bob.fetch }), 403);
    expect(hasResourceAcl(await getResourceInfoWithAcl(url, { fetch: alice.fetch }))).toBe(false);
  });

  it("the owner cannot lock themself out", async ({ alice }) => {
    const { resource, acl } = await ownACL(alice, alice.pod);
    expect(getAgentResourceAccess(acl, alice.webid).control).toBe(true);
    const locked = setAgentResourceAccess(acl, alice.webid, { read: false, append: false, write: false, control: false });
    await saveAclFor(resource, locked, { fetch: alice.fetch }).catch(() => undefined);
    expect((await alice.fetch(alice.pod)).status).toBe(200);
    expect(await universalAccess.getAgentAccess(alice.pod, alice.webid, { fetch: alice.fetch })).toEqual(all);
  });
});
