import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import type { ContactId, PostRef } from "../../src/core/kith.ts";
import { binary, Host } from "./host.ts";
import { Relay } from "./relay.ts";
import { Device, picture, until } from "./world.ts";

const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
});

async function relay(): Promise<Relay> {
  const made = await Relay.open();
  open.push(made);
  return made;
}

/** pod is a pod that is reached by these relays and, as the phones are, by nothing else. */
async function pod(...relays: readonly (Relay | Host)[]): Promise<Host> {
  const hosts = relays.map(({ url }) => new URL(url).host).join(",");
  const host = await Host.open("--reach", relays.filter((each) => each instanceof Relay).map(({ url }) => url).join(","), "--fetch", hosts);
  open.push(host);
  return host;
}

async function phone(name: string) {
  const device = new Device(`${name}'s phone`);
  open.push(device);
  const kith = await device.kith();
  await kith.start(name);
  return { device, kith };
}

type One = Awaited<ReturnType<typeof phone>>;

/** outside lets a phone reach no pod by its address. */
function outside({ device }: One, ...hosts: readonly Host[]): void {
  device.before = (_method, url) => {
    if (hosts.some((host) => url.startsWith(`${host.url}/`))) throw new TypeError("there is no way to that address");
  };
}

/** paired connects somebody to a pod of their own. It tells its relays of a new person a moment after the link was printed. */
async function paired({ kith }: One, host: Host): Promise<void> {
  const { pair } = await host.person("ana");
  await until(() => kith.connectPod(pair).then(() => true, () => false), "the pod is paired");
}

const texts = async ({ kith }: One): Promise<readonly string[]> => (await kith.feed({ limit: 50 })).posts.map(({ text }) => text);

describe("a pod that is reached by relays alone", () => {
  test("pairs, follows and is followed, and answers a friend while the phone sleeps", async () => {
    const [one, two] = [await relay(), await relay()];
    const host = await pod(one, two);
    const [ana, ben] = [await phone("Ana"), await phone("Ben")];
    for (const each of [ana, ben]) outside(each, host);
    await paired(ana, host);
    await ana.kith.syncNow();
    expect(ana.kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    expect((await ana.kith.relays()).list().map(({ url }) => url).sort()).toEqual([one.url, two.url].sort());
    await ana.kith.post({ text: "from behind the router", pictures: [picture("a large one", 700_000)], audience: { kind: "all" } });
    await (await ben.kith.relays()).add(two.url);
    const { link } = await ana.kith.createInvite();
    expect(link).not.toContain(new URL(host.url).host);
    const toAna = await ben.kith.acceptInvite(link);
    await ana.kith.syncNow();
    const [toBen] = ana.kith.friends();
    expect(toBen).toMatchObject({ name: "Ben", isNew: true, reachable: true });
    const { ref } = (await ana.kith.feed({ limit: 1 })).posts[0] ?? {};
    await ana.kith.setAudience(ref as PostRef, { kind: "all" });
    await ana.kith.syncNow();
    expect(ana.kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    await ana.device.close();
    await ben.kith.refresh(toAna);
    expect(await texts(ben)).toEqual(["from behind the router"]);
    const [post] = (await ben.kith.feed({ limit: 1 })).posts;
    expect((await ben.kith.picture(post?.ref as PostRef, 0, "full")).bytes).toHaveLength(700_000);
    await ben.kith.post({ text: "hello to the shelf", pictures: [], audience: { kind: "all" } });
    const awake = await ana.device.kith();
    await awake.refresh(toBen?.cid as ContactId);
    await until(async () => (await awake.feed({ limit: 5 })).posts.some(({ text }) => text === "hello to the shelf"), "Ana reads Ben");
  });

  test("lets another device in, which reads and posts; one that was removed is shut out", async () => {
    const [one, two] = [await relay(), await relay()];
    const host = await pod(one, two);
    const ana = await phone("Ana");
    outside(ana, host);
    await paired(ana, host);
    await ana.kith.syncNow();
    await ana.kith.post({ text: "from the phone", pictures: [], audience: { kind: "me" } });
    await ana.kith.syncNow();
    const laptop = new Device("Ana's laptop");
    open.push(laptop);
    laptop.before = ana.device.before;
    const kith = await laptop.kith();
    const { link } = await ana.kith.linkDevice();
    const joined = kith.joinDevice(link, "Laptop");
    await until(async () => (await ana.kith.syncNow(), ana.kith.devices().some(({ name }) => name === "Laptop")), "the phone lets the laptop in");
    await joined;
    await kith.syncNow();
    expect((await kith.feed({ limit: 5 })).posts.map(({ text }) => text)).toEqual(["from the phone"]);
    await kith.post({ text: "from the laptop", pictures: [], audience: { kind: "me" } });
    await kith.syncNow();
    await ana.kith.syncNow();
    expect(await texts(ana)).toEqual(["from the laptop", "from the phone"]);
    expect((await kith.relays()).list()).toHaveLength(2);
    const secret = async (): Promise<unknown> => (JSON.parse(Buffer.from((await ana.device.store?.bytes("/settings/relays")) ?? "").toString()) as { readonly secret: string }).secret;
    const known = await secret();
    await ana.kith.removeDevice(kith.devices().find(({ self }) => self)?.kid ?? "");
    await until(async () => (await secret()) !== known, "what the laptop knows is replaced");
    await ana.kith.syncNow();
    await ana.kith.post({ text: "not for the laptop", pictures: [], audience: { kind: "me" } });
    await ana.kith.syncNow();
    expect(ana.kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    await kith.syncNow();
    expect((await kith.feed({ limit: 5 })).posts.map(({ text }) => text)).not.toContain("not for the laptop");
  });

  test("takes over the relays that the phone had, and friends who knew those find their way", async () => {
    const [mine, shelf] = [await relay(), await relay()];
    const host = await pod(shelf);
    const [ana, ben] = [await phone("Ana"), await phone("Ben")];
    for (const each of [ana, ben]) outside(each, host);
    await (await ana.kith.relays()).add(mine.url);
    await (await ben.kith.relays()).add(mine.url);
    const toAna = await ben.kith.acceptInvite((await ana.kith.createInvite()).link);
    await paired(ana, host);
    await ana.kith.syncNow();
    const relays = await ana.kith.relays();
    await until(() => relays.list().length === 2, "both relays are the person's");
    expect(relays.list().map(({ url }) => url).sort()).toEqual([mine.url, shelf.url].sort());
    await ana.kith.post({ text: "with a pod", pictures: [], audience: { kind: "all" } });
    await ana.kith.syncNow();
    expect(ana.kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    await ben.kith.refresh(toAna);
    expect(await texts(ben)).toEqual(["with a pod"]);
  });

  test("is looked after like one with an address, and what it does not do at once it does not do later", async () => {
    const cloud = await Host.open();
    open.push(cloud);
    const host = await pod(await relay(), cloud);
    const ana = await phone("Ana");
    outside(ana, host);
    await paired(ana, host);
    await ana.kith.syncNow();
    const home = await ana.kith.home();
    expect([await home.troubles(), await home.backups(), home.driveAt()]).toEqual([[], [], "machine"]);
    const { stdout } = await promisify(execFile)(binary, ["passwords", "add", "me", "--label", "Shelf", "--data", cloud.folder, "--url", cloud.url]);
    const { user, password } = JSON.parse(stdout) as { readonly user: string; readonly password: string };
    const place = `${cloud.url}/me/.dav/kith`;
    expect(await home.addBackup("http://192.0.2.1/kith", user, password)).toBe("");
    expect(await home.addBackup(place, user, "a guess")).toBe("stranger");
    expect(await home.addBackup(cloud.url, user, password)).toBe("no-folder");
    expect(await home.backups()).toEqual([]);
    expect(await home.addBackup(place, user, password)).toBe(undefined);
    await until(async () => (await home.backups()).some(({ done, waiting }) => done !== undefined && !waiting), "the backup is made");
    await home.backUpNow();
    const [made] = await home.backups();
    await home.removeBackup(made?.id ?? "");
    expect(await home.backups()).toEqual([]);
    const { id, secret, url, user: me } = await home.addPassword("Laptop");
    const opens = async (): Promise<number> => (await fetch(url, { method: "PROPFIND", headers: { Authorization: `Basic ${btoa(`${me}:${secret}`)}`, Depth: "0" } })).status;
    expect(await opens()).toBe(207);
    const back = await home.revokePassword(id);
    expect([await opens(), await home.passwords()]).toEqual([401, []]);
    await back();
    expect([await opens(), (await home.passwords()).map((each) => each.id)]).toEqual([207, [id]]);
    expect(await (await ana.kith.apps()).elsewhere()).toMatchObject({ on: false });
    expect((await (await ana.kith.apps()).admitted()).map(({ name }) => name)).toEqual(["Laptop"]);
    await host.stop();
    ana.device.hold = 1;
    await expect(home.decideDeletions(true, { count: 1, seen: "what was seen" })).rejects.toMatchObject({ code: "pod-unreachable" });
    await expect(home.troubles()).rejects.toMatchObject({ code: "pod-unreachable" });
    expect(ana.kith.outbox().filter(({ what }) => what !== "other")).toEqual([]);
  });
});
