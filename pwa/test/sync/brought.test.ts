/** Lists of a person that somebody brings to one of the devices, who may be anybody: one that comes without its keys document, and old ones that did not come to hold. The relay is the real one. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import type { Kith } from "../../src/core/kith.ts";
import { devices as devicesPath, keys as keysPath } from "../../src/core/pod/paths.ts";
import { changeLists, ownLists } from "../../src/core/pod/profile.ts";
import { jose, Tree } from "../../src/core/pod/tree.ts";
import { type Parted, partedOf, partedSetting } from "../../src/core/sync/others.ts";
import { part } from "../../src/core/sync/parting.ts";
import { Replicas } from "../../src/core/sync/replicas.ts";
import { Session } from "../../src/core/sync/session.ts";
import { makeAgreementKey } from "../../src/core/webid/person.ts";
import { firstDeviceList, nextDeviceList, readDeviceList } from "../../src/core/webid/devices.ts";
import { type Did, generate, type Signer } from "../../src/core/webid/key.ts";
import { can, type Device as Listed, type DeviceList } from "../../src/core/webid/list.ts";
import { signerOf } from "../../src/core/webid/records.ts";
import type { Write } from "../../src/core/store/store.ts";
import { Relay } from "./relay.ts";
import { Device, meet, until } from "./world.ts";

let relay: Relay;
const devices: Device[] = [];

beforeEach(async () => {
  relay = await Relay.open();
});
afterEach(async () => {
  await Promise.all(devices.splice(0).map((each) => each.close()));
  await relay.close();
});

async function device(name: string): Promise<readonly [Device, Kith]> {
  const made = new Device(name);
  devices.push(made);
  made.hold = 2;
  return [made, await made.kith()];
}

const kidOf = (kith: Kith, name: string): Did => kith.devices().find((each) => each.name === name)?.kid as Did;
const textsOf = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 10 })).posts.map(({ text }) => text).sort();

function treeOf(of: Device, kid: Did): Tree {
  if (of.store === undefined) throw new Error("the device has no store yet");
  return new Tree(of.store, of.env(), kid);
}

/** sign has a device sign a keys document with another key of its own, as each does that renews its key. */
async function sign(of: Device, kid: Did): Promise<string> {
  const tree = treeOf(of, kid);
  const agree = await makeAgreementKey(tree.env.keys, kid, tree.env.now());
  const { keys } = await changeLists(tree, tree.env.keys, { devices: (now) => now, agree: [agree] });
  await tree.act("other", (batch) => batch.putText(keysPath, jose, keys.text));
  return keys.text;
}

/** bring brings a device a list, as somebody does whom it does not know; it has no network meanwhile. */
async function bring(to: Device, list: string): Promise<void> {
  to.network = false;
  await to.kith();
  if (to.store === undefined) throw new Error("the device has no store yet");
  const session = await Session.open(to.env(), to.store, () => undefined, () => Promise.reject(new Error("nobody is asked")));
  await new Replicas(session).unlisted({ method: "PUT", path: "/.replica/profile/devices", headers: new Headers(), body: utf8(list) });
  await to.close();
  to.network = true;
}

test("a device that is brought the list alone, where the signer of the newest keys document was removed, goes on with the others", async () => {
  const [[first, p], [second, laptop], [third, tablet]] = [await device("phone"), await device("laptop"), await device("tablet")];
  let phone = p;
  await phone.start("Ana");
  await (await phone.relays()).add(relay.url);
  await laptop.joinDevice((await phone.linkDevice()).link, "laptop");
  await meet(laptop, phone);
  await tablet.joinDevice((await phone.linkDevice()).link, "tablet");
  await until(async () => (await meet(tablet, laptop, phone), [phone, laptop, tablet].every((each) => each.devices().length === 3)), "all know all");
  const [own, his] = [kidOf(phone, "phone"), kidOf(laptop, "laptop")];
  const signed = await sign(third, kidOf(tablet, "tablet"));
  const has = async (of: Device, kid: Did): Promise<boolean> => (await treeOf(of, kid).text(keysPath)) === signed;
  await until(async () => (await meet(tablet, laptop, phone), (await has(first, own)) && has(second, his)), "all have what the tablet signed");
  await first.close();
  await laptop.removeDevice(kidOf(laptop, "tablet"));
  await bring(first, (await treeOf(second, his).text(devicesPath)) ?? "");
  await laptop.post({ text: "from the laptop", pictures: [], audience: { kind: "me" } });
  phone = await first.kith();
  expect(phone.devices().map(({ name }) => name)).toEqual(["phone", "laptop"]);
  await phone.post({ text: "from the phone", pictures: [], audience: { kind: "me" } });
  const both = ["from the laptop", "from the phone"];
  await until(async () => (await meet(phone, laptop), [await textsOf(phone), await textsOf(laptop)].every((texts) => texts.join() === both.join())), "both have both posts");
  for (const [of, kid] of [[first, own], [second, his]] as const) {
    const lists = await ownLists(treeOf(of, kid));
    expect(can(lists.devices, lists.keys.signer, "admin")).toBe(true);
  }
}, 120_000);

test("a list that its signer gave up again is news until that one answers, and is none when it is brought once more", async () => {
  const [[first, p], [second, laptop], [, tablet]] = [await device("phone"), await device("laptop"), await device("tablet")];
  let phone = p;
  await phone.start("Ana");
  await (await phone.relays()).add(relay.url);
  await laptop.joinDevice((await phone.linkDevice()).link, "laptop");
  await until(async () => (await meet(laptop, phone), laptop.devices().length === 2), "the laptop is in");
  const his = kidOf(laptop, "laptop");
  const before = await readDeviceList((await treeOf(second, his).text(devicesPath)) ?? "");
  const given = await nextDeviceList(before, await signerOf(second.env().keys, his), before.devices.filter(({ kid }) => kid === his));
  await tablet.joinDevice((await phone.linkDevice()).link, "tablet");
  // Of two lists that part the longer holds.
  await phone.removeDevice(kidOf(phone, "tablet"));
  const list = async (): Promise<string | undefined> => treeOf(first, kidOf(phone, "phone")).text(devicesPath);
  await until(async () => (await meet(laptop, phone), (await treeOf(second, his).text(devicesPath)) === (await list())), "the laptop goes by the list of the phone");
  for (const told of [{ by: his, name: "laptop", off: true }, { over: true }]) {
    await first.close();
    await bring(first, given.text);
    first.network = false;
    phone = await first.kith();
    expect(first.store?.get(partedSetting)).toMatchObject(told);
    expect(phone.me()?.parted === undefined).toBe("over" in told);
    first.network = true;
    await until(async () => (await meet(phone, laptop), phone.me()?.parted === undefined), "the laptop answers");
  }
}, 120_000);

const listed = ({ kid }: Signer, name: string): Listed => ({ kid, name, may: ["answer", "accept", "post", "admin"] });

/** heard returns what a device that goes by a list is told when somebody brings it another. */
async function heard(list: DeviceList, { kid }: Signer, chain: string, settings = new Map<string, unknown>()): Promise<Parted | undefined> {
  const apply = async (writes: readonly Write[]): Promise<void> => writes.forEach((each) => "set" in each && settings.set(each.set, each.value));
  const session = { env: { now: Date.now }, list: await readDeviceList(list.text), me: { device: kid }, store: { get: (name: string) => settings.get(name), apply } } as unknown as Session;
  await part(session, chain);
  return partedOf(session);
}

test("an old list whose signer has come to the one that holds tells nobody anything, and what was told of it is taken back", async () => {
  const [person, phone, laptop, tablet, watch] = await Promise.all([generate("sign"), generate("sign"), generate("sign"), generate("sign"), generate("sign")]);
  const both = [listed(phone, "phone"), listed(laptop, "laptop")];
  const one = await firstDeviceList(person, both);
  const lost = await nextDeviceList(one, laptop, [...both, listed(watch, "watch")]);
  const won = await nextDeviceList(one, phone, [...both, listed(tablet, "tablet")]);
  const after = await nextDeviceList(won, laptop, [...both, listed(tablet, "tablet"), listed(watch, "watch")]);
  expect(await heard(after, tablet, lost.text)).toBeUndefined();
  const settings = new Map<string, unknown>();
  expect(await heard(won, tablet, lost.text, settings)).toMatchObject({ by: laptop.kid, name: "laptop", off: true });
  expect(await heard(after, tablet, lost.text, settings)).toBeUndefined();
  // It parts once more, from what it had come to.
  const again = await nextDeviceList(await nextDeviceList(lost, laptop, both), laptop, [listed(laptop, "laptop")]);
  expect(await heard(after, tablet, again.text, settings)).toMatchObject({ by: laptop.kid, off: true });
});

test("who has removed this device is said by the name that it has here, whoever signed under whatever name", async () => {
  const [person, phone, laptop, stolen, made] = await Promise.all([generate("sign"), generate("sign"), generate("sign"), generate("sign"), generate("sign")]);
  const all = [listed(phone, "phone"), listed(laptop, "laptop"), listed(stolen, "old phone")];
  const one = await firstDeviceList(person, all);
  const holds = await nextDeviceList(one, phone, all.slice(0, 2));
  const theirs = await nextDeviceList(await nextDeviceList(one, stolen, [...all, listed(made, "laptop")]), made, [listed(made, "laptop"), listed(stolen, "laptop")]);
  expect(await heard(holds, phone, theirs.text)).toMatchObject({ by: stolen.kid, name: "old phone", off: true });
});

test("what is no text is not taken, and throws nothing", async () => {
  const [made, kith] = await device("phone");
  await kith.start("Ana");
  if (made.store === undefined) throw new Error("the device has no store yet");
  const session = await Session.open(made.env(), made.store, () => undefined, () => Promise.reject(new Error("nobody is asked")));
  const replicas = new Replicas(session);
  const before = await session.tree.text(devicesPath);
  for (const body of [Uint8Array.of(0xff, 0xfe, 0xff), utf8("a.b.c"), utf8("e30.e30.e30~"), utf8(`${before}\na.b.c`)]) {
    const request = { method: "PUT", path: "/.replica/profile/devices", headers: new Headers(), body };
    await replicas.unlisted(request);
    expect(((await replicas.answer({ kind: "owner", kid: "did:key:elsewhere" }, request)) as { status?: number }).status).toBe(body.length > 99 ? 204 : 409);
    expect([await session.tree.text(devicesPath), (await ownLists(session.tree)).keys.serial]).toEqual([before, 1]);
  }
});
