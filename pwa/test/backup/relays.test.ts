/** People without pods, reached through relays alone: the one whose phone is lost comes back from a backup, and the other's phone has to be told. */

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { BackupCourse, ContactId } from "../../src/core/kith.ts";
import { Relay } from "../sync/relay.ts";
import { Device, until } from "../sync/world.ts";

// The machine may be busy with other things; what hangs ends here.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const patience = 120_000;

let relays: readonly Relay[] = [];
let devices: readonly Device[] = [];
let [ana, ben, anew]: [Device, Device, Device] = [undefined as never, undefined as never, undefined as never];
let toAna: ContactId;

beforeAll(async () => {
  relays = [await Relay.open(), await Relay.open()];
  devices = [ana, ben, anew] = [new Device("Ana's phone"), new Device("Ben's phone"), new Device("Ana's new phone")];
  for (const [n, device] of [ana, ben].entries()) {
    const kith = await device.kith();
    await kith.start(["Ana", "Ben"][n] ?? "");
    await (await kith.relays()).add(relays[n]?.url ?? "");
  }
  const { link } = await (await ana.kith()).createInvite();
  toAna = await (await ben.kith()).acceptInvite(link);
  for (const device of [ana, ben]) device.wake();
});
afterAll(async () => {
  for (const device of devices) await device.close();
  for (const relay of relays) await relay.close();
});

const quiet: BackupCourse = { signal: new AbortController().signal, progress: () => undefined };
const texts = async (device: Device): Promise<readonly string[]> => (await (await device.kith()).feed({ limit: 50 })).posts.map(({ text }) => text);

/** reads waits until Ben, who asks as his app does by itself, has a post of that text. */
async function reads(text: string): Promise<void> {
  const his = await ben.kith();
  await until(async () => {
    await his.refresh(toAna);
    return (await texts(ben)).includes(text);
  }, `read ${text}`, patience);
}

test("a friend who knows the lost phone alone hears of the new one from itself, and reads on; the lost one is heard no more", async () => {
  const hers = await ana.kith();
  await hers.post({ text: "before", pictures: [], audience: { kind: "all" } });
  await reads("before");
  const backups = await hers.backups();
  const code = await backups.makeKit();
  await backups.putAway();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await backups.write(async (bytes) => void parts.push(bytes), quiet);
  await hers.post({ text: "after the backup", pictures: [], audience: { kind: "all" } });
  await reads("after the backup");
  await ana.close();

  const restored = await anew.kith();
  await restored.restore(new Blob(parts), code, { shutOut: true }, quiet);
  expect(await texts(anew)).toEqual(["before"]);
  anew.wake();
  await restored.post({ text: "from the new phone", pictures: [], audience: { kind: "all" } });
  await reads("from the new phone");
  expect(await texts(ben)).toContain("before");

  const old = await ana.kith();
  await old.post({ text: "from the lost phone", pictures: [], audience: { kind: "all" } });
  await restored.post({ text: "and on", pictures: [], audience: { kind: "all" } });
  await reads("and on");
  expect(await texts(ben)).not.toContain("from the lost phone");
  await (await (await ben.kith()).talk()).comment((await (await ben.kith()).feed({ limit: 1 })).posts[0]?.ref as never, "good to see you");
  await until(async () => {
    const [post] = (await restored.feed({ limit: 1 })).posts;
    return post !== undefined && (await (await restored.talk()).of(post.ref)).replies.length === 1;
  }, "hear a comment", patience);
});
