/**
 * Two servers that know nothing of each other: people of one at the other, and a friend who has no
 * server at all.
 */

import { createContainerAt, getContainedResourceUrlAll, getFile, getPodUrlAll, getSolidDataset, overwriteFile, universalAccess } from "@inrupt/solid-client";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { admitGuest, dismissGuest, generate, guestFetch, guestFolder, type SolidFetch } from "../../pwa/src/core/index.ts";
import { onCSS } from "./harness/css.ts";
import { startKith, type Kith } from "./harness/kith.ts";
import { refused } from "./harness/refused.ts";
import { actor, signIn, type Actor } from "./harness/sessions.ts";

let kith: Kith;
let alice: Actor;
/** Dora and Emil have their pods and their issuer at Community Solid Server. */
let dora: Actor;
let emil: Actor;

beforeAll(async () => {
  const css = inject("css");
  kith = await startKith("foreign-kith", [new URL(css).host]);
  alice = await actor(kith, "alice");
  dora = await actor(onCSS(css), "dora");
  emil = await actor(onCSS(css), "emil");
});

afterAll(() => kith?.close());

async function note(who: Actor, path: string): Promise<string> {
  const url = who.pod + path;
  await overwriteFile(url, new Blob(["for you"]), { contentType: "text/plain", fetch: who.fetch });
  return url;
}

async function read(as: { readonly fetch: typeof fetch }, url: string): Promise<string> {
  return (await getFile(url, { fetch: as.fetch })).text();
}

describe("somebody with another issuer, at our server", () => {
  test("reads what is shared to their WebID, and is out at once", async () => {
    const url = await note(alice, "foreign/read.txt");
    await refused(read(dora, url), 403);
    await universalAccess.setAgentAccess(url, dora.webid, { read: true }, { fetch: alice.fetch });
    expect(await read(dora, url)).toBe("for you");
    await refused(read(emil, url), 403);
    await refused(read({ fetch }, url), 401);
    await refused(overwriteFile(url, new Blob(["mine"]), { contentType: "text/plain", fetch: dora.fetch }), 403);
    await universalAccess.setAgentAccess(url, dora.webid, { read: false }, { fetch: alice.fetch });
    await refused(read(dora, url), 403);
  });

  test("writes where they may write", async () => {
    const url = await note(alice, "foreign/written.txt");
    await universalAccess.setAgentAccess(url, dora.webid, { read: true, write: true }, { fetch: alice.fetch });
    await overwriteFile(url, new Blob(["by dora"]), { contentType: "text/plain", fetch: dora.fetch });
    expect(await read(alice, url)).toBe("by dora");
  });

  test("cannot sign in at our issuer with their credentials", async () => {
    await expect(signIn({ ...dora, issuer: alice.issuer })).rejects.toThrow();
  });

  test("is nobody when their WebID no longer names their issuer", async () => {
    const url = await note(alice, "foreign/profile.txt");
    const frida = await actor(onCSS(inject("css")), "frida");
    const profile = new URL(frida.webid.split("#")[0] ?? "").href;
    const without = (await (await frida.fetch(profile)).text()).replace(/[^;.]*oidcIssuer[^;.]*<[^>]*>\s*([;.])/, "$1");
    expect(without).not.toContain("oidcIssuer");
    await universalAccess.setAgentAccess(url, frida.webid, { read: true }, { fetch: alice.fetch });
    const answer = await frida.fetch(profile, { method: "PUT", headers: { "content-type": "text/turtle" }, body: without });
    expect(answer.ok).toBe(true);
    await refused(read(frida, url), 401);
  });
});

describe("somebody of our server, at another", () => {
  test("reads and writes what is shared to their WebID", async () => {
    const url = await note(dora, "shared/ours.txt");
    await refused(read(alice, url), 403);
    await universalAccess.setAgentAccess(url, alice.webid, { read: true, write: true }, { fetch: dora.fetch });
    expect(await read(alice, url)).toBe("for you");
    await overwriteFile(url, new Blob(["by alice"]), { contentType: "text/plain", fetch: alice.fetch });
    expect(await read(dora, url)).toBe("by alice");
    await universalAccess.setAgentAccess(url, alice.webid, { read: false, write: false }, { fetch: dora.fetch });
    await refused(read(alice, url), 403);
  });

  test("adds to a container there", async () => {
    const box = `${dora.pod}box/`;
    await createContainerAt(box, { fetch: dora.fetch });
    await universalAccess.setAgentAccess(box, alice.webid, { read: true, append: true }, { fetch: dora.fetch });
    const answer = await alice.fetch(box, { method: "POST", headers: { "content-type": "text/plain", slug: "hello.txt" }, body: "hello" });
    expect(answer.status).toBe(201);
    expect(getContainedResourceUrlAll(await getSolidDataset(box, { fetch: dora.fetch }))).toEqual([`${box}hello.txt`]);
  });

  test("is known there by a profile that says where the pod is and nothing of the person", async () => {
    expect(await getPodUrlAll(alice.webid)).toEqual([alice.pod]);
    const text = await (await fetch(alice.webid)).text();
    for (const word of ["foaf/0.1/name", "vcard/ns#fn", "hasPhoto", "foaf/0.1/img", "knows"]) expect(text).not.toContain(word);
  });

  test("is out of their own pod as soon as the credentials are revoked", async () => {
    const bob = await kith.person("bob");
    const session = await signIn(bob);
    expect((await session.fetch(bob.pod)).status).toBe(200);
    await kith.command("credentials", "revoke", bob.name, bob.credentials.id);
    expect((await session.fetch(bob.pod)).status).toBe(401);
    await expect(signIn(bob)).rejects.toThrow();
  });

  test("has credentials that are listed, without their secret", async () => {
    const { id, secret } = await kith.credentials("alice", "laptop script");
    const listed = await kith.command("credentials", "list", "alice");
    expect([listed.includes(id), listed.includes("laptop script"), listed.includes(secret)]).toEqual([true, true, false]);
  });
});

describe("a friend with only keys, at another server", () => {
  const chance = { now: () => Date.now(), random: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const plain: SolidFetch = (url, init) => fetch(url, init);

  test("gets in by the guest files and is out when the access list changes", async () => {
    const [keys, stranger] = [await generate("sign"), await generate("sign")];
    const url = await note(dora, "for-guests/hello.txt");
    const folder = guestFolder(`${dora.pod}guests/`, chance.random);
    const guest = await admitGuest(dora, folder, [keys.kid]);
    const friend = guestFetch(guest, keys, { ...chance, fetch: plain });
    expect((await friend(url)).status).toBe(403);
    await universalAccess.setAgentAccess(url, guest.webid, { read: true }, { fetch: dora.fetch });
    const answer = await friend(url);
    expect([answer.status, await answer.text()]).toEqual([200, "for you"]);
    expect((await plain(url)).status).toBe(401);
    expect((await guestFetch(guest, stranger, { ...chance, fetch: plain })(url)).status).toBe(401);
    await universalAccess.setAgentAccess(url, guest.webid, { read: false }, { fetch: dora.fetch });
    expect((await friend(url)).status).toBe(403);
  });

  test("leaves a message where they may append", async () => {
    const keys = await generate("sign");
    const inbox = `${dora.pod}from-guests/`;
    await createContainerAt(inbox, { fetch: dora.fetch });
    const guest = await admitGuest(dora, guestFolder(`${dora.pod}guests/`, chance.random), [keys.kid]);
    await universalAccess.setAgentAccess(inbox, guest.webid, { append: true }, { fetch: dora.fetch });
    const friend = guestFetch(guest, keys, { ...chance, fetch: plain });
    const answer = await friend(inbox, { method: "POST", headers: { "content-type": "text/plain", slug: "hello.txt" }, body: "hello" });
    expect(answer.status).toBe(201);
    expect(await read(dora, `${inbox}hello.txt`)).toBe("hello");
    expect((await friend(`${inbox}hello.txt`)).status).toBe(403);
  });

  test("cannot list the folder that vouches for them, and finds nothing after it is gone", async () => {
    const keys = await generate("sign");
    const folder = guestFolder(`${dora.pod}guests/`, chance.random);
    const guest = await admitGuest(dora, folder, [keys.kid]);
    expect([(await plain(folder)).status, (await plain(`${folder}card`)).status]).toEqual([401, 200]);
    await dismissGuest(dora, folder);
    expect((await plain(guest.webid)).ok).toBe(false);
    await refused(getSolidDataset(folder, { fetch: dora.fetch }), 404);
  });
});
