/** Looking after one's own pod, against a real one. */

import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Folks } from "./folks.ts";
import { Host } from "./host.ts";
import { until } from "./world.ts";
import { generate, jwkOf } from "../../src/core/webid/key.ts";

let host: Host;
let folks: Folks;

beforeAll(async () => {
  host = await Host.open();
  folks = new Folks(host);
});

afterEach(() => folks.close());
afterAll(() => host.close());

test("what was posted is put away under its name, or the next one that is free, and stays as it was", async () => {
  const { kith, person } = await folks.someone("Ana");
  const folder = join(host.folder, "pods", person.name, "inbox-photos");
  const home = await kith.home();
  const drop = async (bytes: string): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "IMG 1.jpg"), bytes);
    await writeFile(join(folder, "notes.txt"), "no picture");
    await until(async () => {
      await kith.syncNow();
      return home.dropped().some(({ name }) => name === "IMG 1.jpg");
    }, "find what was dropped");
  };
  for (const bytes of ["the first", "the second"]) {
    await drop(bytes);
    const [photo, ...more] = home.dropped();
    expect([photo?.name, photo?.mediaType, photo?.bytes, more]).toEqual(["IMG 1.jpg", "image/jpeg", bytes.length, []]);
    expect(new TextDecoder().decode(await home.photo("/inbox-photos/IMG 1.jpg"))).toBe(bytes);
    await home.putAway(["/inbox-photos/IMG 1.jpg", "/inbox-photos/nothing.jpg", "/social/posts/x"]);
    expect(home.dropped()).toEqual([]);
    await kith.syncNow();
  }
  const posted = async (): Promise<readonly string[]> => (await readdir(join(folder, "posted"))).filter((name) => !name.endsWith(".acl")).sort();
  await until(async () => {
    await kith.syncNow();
    return (await posted()).length === 2;
  }, "put both away");
  expect(await posted()).toEqual(["IMG 1 2.jpg", "IMG 1.jpg"]);
});

test("a computer is let in, shut out, and let in again", async () => {
  const { kith } = await folks.someone("Ben");
  const home = await kith.home();
  const { id, label, secret, user, url } = await home.addPassword("Laptop");
  const opens = async (): Promise<number> => {
    const headers = { Authorization: `Basic ${btoa(`${user}:${secret}`)}`, Depth: "0" };
    return (await fetch(url, { method: "PROPFIND", headers })).status;
  };
  expect([label, await opens()]).toEqual(["Laptop", 207]);
  expect((await (await kith.apps()).admitted()).map(({ kind, name }) => [kind, name])).toEqual([["password", "Laptop"]]);
  const back = await home.revokePassword(id);
  expect([await opens(), await home.passwords()]).toEqual([401, []]);
  await back();
  expect([await opens(), (await home.passwords()).map((each) => [each.id, each.label])]).toEqual([207, [[id, "Laptop"]]]);
});

test("of what a pod says of itself, what can be read is shown, and what is nothing of the kind fails", async () => {
  const { device, kith } = await folks.someone("Cleo");
  const home = await kith.home();
  expect([await home.troubles(), await home.backups(), await home.kits()]).toEqual([[], [], []]);
  let said = "";
  device.answer = (_method, url) => (/\.(trouble|backups|passwords)$/.test(url) ? new Response(said) : undefined);
  said = JSON.stringify([1, null, { kind: "moon" }, { kind: "moon", text: "It is full.", since: "2026-01-02T03:04:05Z", paths: ["/a", 7], count: -1 }]);
  expect(await home.troubles()).toEqual([{ kind: "moon", text: "It is full.", count: 0, since: Date.UTC(2026, 0, 2, 3, 4, 5), paths: ["/a"], seen: "" }]);
  const full = { kind: "disk", why: "full", text: "It is nearly full.", place: "/disk", free: 7, count: 0, paths: [], seen: "" };
  said = JSON.stringify([{ ...full, until: "2026-01-02T03:04:05Z" }, { ...full, why: 7, place: {}, free: -1, until: "soon" }]);
  expect(await home.troubles()).toEqual([{ ...full, until: Date.UTC(2026, 0, 2, 3, 4, 5) }, { kind: "disk", text: "It is nearly full.", count: 0, paths: [], seen: "" }]);
  said = JSON.stringify([{ id: "x" }, { id: "x", place: "/disk", running: { done: 1, total: 0 }, waiting: "yes", error: "no route", why: "unreached" }]);
  expect(await home.backups()).toEqual([{ id: "x", place: "/disk", waiting: false, unconfirmed: false, damaged: false, error: "no route", why: "unreached" }]);
  for (const nothing of ["", "{}", '"[]"', "[", '[]},{"list":[]']) {
    said = nothing;
    await expect(home.troubles(), nothing).rejects.toMatchObject({ code: "pod-refused" });
  }
});

test("whoever keeps copies in another way says so to the pod", async () => {
  const { device, kith, person } = await folks.someone("Gil");
  const asked: string[] = [];
  device.answer = (method, url) => void asked.push(`${method} ${url.slice(person.pod.length)}`);
  await (await kith.home()).keepCopies();
  expect(asked).toContain("POST .trouble/unkept");
  await expect((async () => { device.answer = () => new Response("{}", { status: 503 }); await (await kith.home()).keepCopies(); })()).rejects.toThrow();
});

test("the key that the pod wants is named in the keys document, once, beside the one before", async () => {
  const { device, kith, person } = await folks.someone("Fay");
  interface Agree { readonly device: string; readonly jwk: { readonly x?: string }; readonly until: string }
  const payload = async (path: string): Promise<{ readonly serial: number; readonly agree: readonly Agree[]; readonly devices: readonly { readonly kid: string; readonly may: readonly string[] }[] }> => {
    const jws = Buffer.from((await device.store?.bytes(path)) ?? "").toString();
    return JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString());
  };
  const pod = (await payload("/profile/devices")).devices.find(({ may }) => !may.includes("post"))?.kid ?? "";
  const before = await payload("/profile/keys");
  const wanted = jwkOf((await generate("agree")).kid);
  const asked: string[] = [];
  device.answer = (method, url) => (url === `${person.pod}.keys` ? (asked.push(method), Response.json({ kid: pod, agree: wanted })) : undefined);
  device.pass(7 * 3_600_000);
  for (let n = 0; n < 3; n++) await kith.syncNow();
  const after = await payload("/profile/keys");
  expect([asked, after.serial]).toEqual([["POST"], before.serial + 1]);
  const [newest, ...others] = after.agree.filter((each) => each.device === pod).sort((a, b) => (a.until < b.until ? 1 : -1));
  expect(newest?.jwk.x).toBe(wanted.x);
  expect(others.map(({ jwk }) => jwk.x)).toEqual(before.agree.filter((each) => each.device === pod).map(({ jwk }) => jwk.x));
  expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
});

test("without a pod there is nothing to look after", async () => {
  const { kith } = await folks.someone("Dan", false);
  const home = await kith.home();
  expect(home.dropped()).toEqual([]);
  await expect(home.troubles()).rejects.toMatchObject({ code: "no-pod" });
});
