import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { aboutRecord, endRecord, readAll, rowRecord, settingRecord } from "../../src/core/backup/content.ts";
import { chunksOf, proofOf, readHead, Writer } from "../../src/core/backup/file.ts";
import { openKit, readCode } from "../../src/core/backup/kit.ts";
import type { BackupCourse, Kith } from "../../src/core/kith.ts";
import { befriend, Folks, type One, sync, to } from "../sync/folks.ts";
import { Host } from "../sync/host.ts";
import { Device, picture } from "../sync/world.ts";

let host: Host;
let folks: Folks;
let restored: readonly Device[] = [];

beforeAll(async () => {
  host = await Host.open();
  folks = new Folks(host);
});
afterAll(() => host.close());
afterEach(async () => {
  await folks.close();
  await Promise.all(restored.map((device) => device.close()));
  restored = [];
});

const quiet: BackupCourse = { signal: new AbortController().signal, progress: () => undefined };
const me = { kind: "me" } as const;

/** backedUp makes a kit, puts it away, and returns it with a backup of now. */
async function backedUp(kith: Kith): Promise<{ readonly code: string; readonly file: Blob }> {
  const backups = await kith.backups();
  const code = await backups.makeKit();
  await backups.putAway();
  return { code, file: await written(kith) };
}

async function written(kith: Kith): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const backups = await kith.backups();
  await backups.write(async (bytes) => void parts.push(bytes), quiet);
  await backups.kept();
  return new Blob(parts);
}

async function empty(name: string): Promise<{ readonly device: Device; readonly kith: Kith }> {
  const device = new Device(name);
  restored = [...restored, device];
  return { device, kith: await device.kith() };
}

const texts = async ({ kith }: Pick<One, "kith">, author?: "me"): Promise<readonly string[]> => (await kith.feed({ limit: 100, ...(author !== undefined && { author }) })).posts.map(({ text }) => text).sort();

/** stands is all that a pod holds, by path. */
async function stands({ device }: { readonly device: Device }): Promise<ReadonlyMap<string, string>> {
  return new Map([...(device.store?.rows("/") ?? [])].map(({ path, etag }) => [path, etag]));
}

describe("a restored phone with a pod", () => {
  test("has everything, brings nothing back that was deleted or changed since, and friends read on without doing anything", async () => {
    const [ana, ben] = [await folks.someone("Ana"), await folks.someone("Ben")];
    const [, anaToBen] = await befriend(ana, ben);
    const cid = ana.kith.friends()[0]?.cid;
    if (cid === undefined) throw new Error("no friend");
    await ana.kith.addCircle("Family", [cid]);
    const photo = picture("a dog", 300_000);
    for (const text of ["first", "second", "third"]) await ana.kith.post({ text, pictures: text === "first" ? [photo] : [], audience: to(cid) });
    await sync(ana, ben);
    const { code, file } = await backedUp(ana.kith);
    const [third, second] = (await ana.kith.feed({ limit: 2 })).posts;
    if (third === undefined || second === undefined) throw new Error("no posts");
    await ana.kith.remove(third.ref);
    await ana.kith.edit(second.ref, "second, mended");
    await ana.kith.post({ text: "fourth", pictures: [], audience: to(cid) });
    await sync(ana, ben);
    const before = await stands(ana);

    const anew = await empty("new phone");
    await anew.kith.restore(file, code, { shutOut: true }, quiet);
    expect(anew.kith.me()).toMatchObject({ name: "Ana", label: ana.kith.me()?.label });
    expect(await texts(anew)).toEqual(["first", "second", "third"]);
    await anew.kith.syncNow();
    expect(anew.kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
    expect(await texts(anew)).toEqual(["first", "fourth", "second, mended"]);
    expect(anew.kith.friends()).toMatchObject([{ name: "Ben" }]);
    expect(anew.kith.circles()).toMatchObject([{ name: "Family", members: [cid] }]);
    const [first] = (await anew.kith.feed({ limit: 9 })).posts.filter(({ text }) => text === "first");
    if (first === undefined) throw new Error("no first post");
    expect((await anew.kith.picture(first.ref, 0, "full")).bytes).toEqual(photo.full);
    const after = await stands(anew);
    const lists = ["/profile/devices", "/profile/keys"];
    expect([...after].filter(([path]) => !lists.includes(path))).toEqual([...before].filter(([path]) => !lists.includes(path)));

    await anew.kith.post({ text: "from the new phone", pictures: [], audience: to(cid) });
    await anew.kith.syncNow();
    await ben.kith.syncNow();
    expect((await ben.kith.feed({ limit: 9, author: anaToBen })).posts.map(({ text }) => text)).toEqual(["from the new phone", "fourth", "second, mended", "first"]);
    expect(anew.kith.devices().map(({ name }) => name)).toEqual(["My pod", "new phone"]);
    await ana.kith.syncNow();
    expect(ana.kith.pod()).toMatchObject({ kind: "refused" });
    await ana.kith.post({ text: "from the lost phone", pictures: [], audience: to(cid) });
    await sync(ana, ben);
    expect((await ben.kith.feed({ limit: 9, author: anaToBen })).posts.map(({ text }) => text)).not.toContain("from the lost phone");
  });

  test("stays beside the old one where that is not lost, and can shut it out later", async () => {
    const ana = await folks.someone("Ana");
    await ana.kith.post({ text: "here", pictures: [], audience: me });
    await ana.kith.syncNow();
    const { code, file } = await backedUp(ana.kith);
    const anew = await empty("tablet");
    await anew.kith.restore(file, code, { shutOut: false }, quiet);
    await anew.kith.syncNow();
    await ana.kith.syncNow();
    expect(ana.kith.pod()).toMatchObject({ kind: "connected" });
    expect(ana.kith.devices().map(({ name }) => name).sort()).toEqual(["Ana's phone", "My pod", "tablet"]);
    await ana.kith.post({ text: "from the old one", pictures: [], audience: me });
    await ana.kith.syncNow();
    await anew.kith.syncNow();
    expect(await texts(anew)).toEqual(["from the old one", "here"]);
    const old = anew.kith.devices().find(({ name }) => name === "Ana's phone");
    await anew.kith.removeDevice(old?.kid ?? "");
    await anew.kith.syncNow();
    await ana.kith.syncNow();
    expect(ana.kith.pod()).toMatchObject({ kind: "refused" });
  });

  test("lets in no device that was removed since the backup", async () => {
    const ana = await folks.someone("Ana");
    const tablet = await folks.another(ana, "tablet");
    const { code, file } = await backedUp(ana.kith);
    await ana.kith.removeDevice(ana.kith.devices().find(({ name }) => name === "tablet")?.kid ?? "");
    await ana.kith.syncNow();
    await tablet.kith.syncNow();
    expect(tablet.kith.pod()).toMatchObject({ kind: "refused" });
    for (const shutOut of [false, true]) {
      const anew = await empty(`phone after, ${shutOut}`);
      anew.device.ahead = shutOut ? 120_000 : 0;
      await anew.kith.restore(file, code, { shutOut }, quiet);
      await anew.kith.syncNow();
      expect(anew.kith.pod()).toMatchObject({ kind: "connected" });
      expect(anew.kith.devices().map(({ name }) => name)).not.toContain("tablet");
      await tablet.kith.syncNow();
      expect(tablet.kith.pod()).toMatchObject({ kind: "refused" });
    }
  });

  test("from one file twice is the person each time", async () => {
    const ana = await folks.someone("Ana");
    const { code, file } = await backedUp(ana.kith);
    const first = await empty("first try");
    await first.kith.restore(file, code, { shutOut: true }, quiet);
    await first.kith.syncNow();
    expect(first.kith.pod()).toMatchObject({ kind: "connected" });
    const second = await empty("second try");
    second.device.ahead = 120_000;
    await second.kith.restore(file, code, { shutOut: true }, quiet);
    await second.kith.syncNow();
    expect(second.kith.pod()).toMatchObject({ kind: "connected" });
    expect(second.kith.devices().map(({ name }) => name)).toEqual(["My pod", "second try"]);
  });
});

test("from a backup older than what a pod remembers, what the pod lacks is asked about and not brought there", async () => {
  const ana = await folks.someone("Ana");
  await ana.kith.post({ text: "stays", pictures: [], audience: me });
  const ref = await ana.kith.post({ text: "goes", pictures: [], audience: me });
  await ana.kith.syncNow();
  const { code, file } = await backedUp(ana.kith);
  await ana.kith.remove(ref);
  await ana.kith.syncNow();
  await ana.device.close();
  // A pod that does not know any more what was deleted there.
  await host.stop();
  await rm(join(host.folder, "index"), { recursive: true });
  await host.start();
  const anew = await empty("new phone");
  anew.device.ahead = 81 * 86_400_000;
  await anew.kith.restore(file, code, { shutOut: true }, quiet);
  await anew.kith.syncNow();
  expect(anew.kith.pod()).toMatchObject({ askDeletions: 1, waiting: 0 });
  expect(await texts(anew)).toEqual(["goes", "stays"]);
  await anew.kith.confirmDeletions(true);
  await anew.kith.syncNow();
  expect(await texts(anew)).toEqual(["stays"]);
});

/** forged is what somebody can make who has seen one backup of a person, who knows what is in it and has no device of theirs: another name in it, sealed to the same kit. */
async function forged(file: Blob, code: string): Promise<Blob> {
  const head = await readHead(file);
  const kit = await openKit(head.lock, await readCode(code));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const writer = await Writer.open(async (bytes) => void parts.push(bytes), head.lock);
  await readAll(chunksOf(file, head, kit), (about) => writer.write(aboutRecord({ ...about, name: "Mallory" })), async (entry) => {
    if ("set" in entry) return writer.write(settingRecord(entry.set, entry.value));
    const { size = 0 } = entry.put;
    return writer.write(rowRecord({ ...entry.put, size, here: true, used: 0 }, entry.bytes ?? undefined));
  });
  await writer.write(endRecord());
  await writer.end(() => proofOf(file));
  return new Blob(parts);
}

describe("a file that is not good", () => {
  test("changes nothing, and the browser can still begin or restore", async () => {
    const ana = await folks.someone("Ana", false);
    for (let i = 0; i < 5; i++) await ana.kith.post({ text: `post ${i}`, pictures: [picture("x", 90_000)], audience: me });
    const { code, file } = await backedUp(ana.kith);
    const anew = await empty("new phone");
    const refused = async (bad: Blob, kit: string): Promise<unknown> => anew.kith.restore(bad, kit, { shutOut: true }, quiet).then(() => "taken", (error: { why?: string }) => error.why);
    const bytes = new Uint8Array(await file.arrayBuffer());
    expect(await refused(file.slice(0, file.size - 1), code)).toBe("damaged");
    expect(await refused(new Blob([bytes.map((byte, i) => (i === 200_000 ? byte ^ 4 : byte))]), code)).toBe("damaged");
    expect(await refused(new Blob([bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 4 : byte))]), code)).toBe("damaged");
    expect(await refused(await forged(file, code), code)).toBe("damaged");
    expect(await refused(file, "AAAA-AAAA")).toBe("no-kit");
    expect(await refused(new Blob(["PK"]), code)).toBe("no-backup");
    const stopping = new AbortController();
    const course = { signal: stopping.signal, progress: (done: number, total: number) => { if (done > 0.7 * total) stopping.abort(); } };
    await expect(anew.kith.restore(file, code, { shutOut: true }, course)).rejects.toMatchObject({ why: "stopped" });
    expect(anew.kith.me()).toBeUndefined();
    expect([...(anew.device.store?.rows("") ?? [])]).toEqual([]);
    await anew.kith.restore(file, code, { shutOut: true }, quiet);
    expect(await texts(anew)).toEqual(["post 0", "post 1", "post 2", "post 3", "post 4"]);
    await expect(anew.kith.restore(file, code, { shutOut: true }, quiet)).rejects.toMatchObject({ code: "already-started" });
  });

  test("of a kit before does not open later files, and the kit before is needed to make another once it was put away", async () => {
    const ana = await folks.someone("Ana", false);
    const { code, file } = await backedUp(ana.kith);
    const backups = await ana.kith.backups();
    expect(await backups.kit()).toMatchObject({ put: true, needsOld: true });
    expect(ana.device.store?.get("recovery")).toBeUndefined();
    await expect(backups.makeKit()).rejects.toMatchObject({ why: "no-kit" });
    await backups.check(code.toLowerCase().replaceAll("-", " "));
    await expect(backups.check(code.slice(1))).rejects.toMatchObject({ why: "no-kit" });
    const fresh = await backups.makeKit(code);
    await expect(backups.check(code)).rejects.toMatchObject({ why: "other-kit" });
    await backups.check(fresh);
    expect(await backups.kit()).toMatchObject({ put: false, needsOld: false });
    await backups.putAway();
    const later = await written(ana.kith);
    const anew = await empty("new phone");
    await expect(anew.kith.restore(later, code, { shutOut: true }, quiet)).rejects.toMatchObject({ why: "other-kit" });
    await expect(anew.kith.restore(file, fresh, { shutOut: true }, quiet)).rejects.toMatchObject({ why: "other-kit" });
    await anew.kith.restore(later, fresh, { shutOut: true }, quiet);
    expect(anew.kith.me()?.label).toBe(ana.kith.me()?.label);
    expect(await (await anew.kith.backups()).kit()).toMatchObject({ put: true });
  });
});

test("what was deleted is in no later backup, and no backup for seven days is told", async () => {
  const ana = await folks.someone("Ana", false);
  expect(ana.kith.backedUp()).toEqual({ due: false });
  ana.device.ahead = 8 * 86_400_000;
  expect(ana.kith.backedUp()).toEqual({ due: true });
  const ref = await ana.kith.post({ text: "canary", pictures: [], audience: me });
  const { code } = await backedUp(ana.kith);
  expect(ana.kith.backedUp()).toMatchObject({ due: false });
  await ana.kith.remove(ref);
  const later = await written(ana.kith);
  const anew = await empty("new phone");
  anew.device.ahead = ana.device.ahead;
  await anew.kith.restore(later, code, { shutOut: true }, quiet);
  expect(await texts(anew)).toEqual([]);
  ana.device.ahead += 8 * 86_400_000;
  expect(ana.kith.backedUp()).toMatchObject({ due: true });
});
