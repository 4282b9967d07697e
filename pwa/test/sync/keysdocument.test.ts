/** Keys documents whose signer was taken off the list since: what they outranked stays outranked, keys are not lost by them, and they are signed anew. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { keys as keysPath } from "../../src/core/pod/paths.ts";
import { acceptable, changeLists, ownLists, putLists } from "../../src/core/pod/profile.ts";
import type { Card } from "../../src/core/pod/card.ts";
import { asTold, Tree } from "../../src/core/pod/tree.ts";
import { renewKeys } from "../../src/core/sync/admitting.ts";
import type { Session } from "../../src/core/sync/session.ts";
import { updated } from "../../src/core/sync/ways.ts";
import { acceptKeysDocument, type AgreementKey, keptKeysDocument, makeKeysDocument, newestKey } from "../../src/core/webid/agreement.ts";
import { firstDeviceList, nextDeviceList, readDeviceList } from "../../src/core/webid/devices.ts";
import { type Did, generate, type Signer } from "../../src/core/webid/key.ts";
import type { Device as Listed } from "../../src/core/webid/list.ts";
import { makeAgreementKey } from "../../src/core/webid/person.ts";
import { signerOf } from "../../src/core/webid/records.ts";
import { Device } from "./world.ts";

const day = 86_400_000;

let device: Device;
let me: Did;
let tree: Tree;

beforeEach(async () => {
  device = new Device("phone");
  const kith = await device.kith();
  await kith.start("Ana");
  await kith.syncNow(); // nothing that the app does by itself is under way any more
  me = kith.devices()[0]?.kid as Did;
  if (device.store === undefined) throw new Error("the device has no store yet");
  tree = new Tree(device.store, device.env(), me);
});
afterEach(() => device.close());

const listed = ({ kid }: Signer, name: string): Listed => ({ kid, name, may: ["answer", "accept", "post", "admin"] });
const held = async (key: Did): Promise<boolean> => (await tree.env.keys.names()).includes(key);

async function renew(): Promise<boolean> {
  return renewKeys({ env: tree.env, store: tree.store, tree, me: { device: me }, list: (await ownLists(tree)).devices } as unknown as Session);
}

async function agreement({ kid }: Signer, until: number): Promise<AgreementKey> {
  const { kid: key } = await generate("agree");
  return { kid: `k${key.slice(-11)}`, device: kid, key, until };
}

/** another returns a keys document with these keys, of the serial after the one that stands here. */
async function another(agree: readonly AgreementKey[], signer: Signer): Promise<string> {
  const { devices, keys } = await ownLists(tree);
  return (await makeKeysDocument(devices, signer, keys.serial + 1, agree)).text;
}

/** letIn lets another device in, which signs the next keys document, and returns its key. */
async function letIn(): Promise<Signer> {
  const tablet = await generate("sign");
  await tree.act("other", async (batch) => putLists(batch, await changeLists(tree, tree.env.keys, { devices: (now) => [...now, listed(tablet, "tablet")] })));
  const text = await another((await ownLists(tree)).keys.agree, tablet);
  await tree.store.apply([await asTold(tree, keysPath, text)]);
  return tablet;
}

/** shutOut takes a device off the list, and tells this one nothing of the keys document that follows. */
async function shutOut({ kid }: Signer): Promise<void> {
  const { devices } = await changeLists(tree, tree.env.keys, { devices: (now) => now.filter((each) => each.kid !== kid) });
  await tree.store.apply([await asTold(tree, "/profile/devices", devices.text)]);
}

test.each([["other devices", true], ["a pod", false]])("an older keys document of %s is not taken, though the signer of the newest has gone", async (_from, equals) => {
  const older = (await tree.text(keysPath)) ?? "";
  await shutOut(await letIn());
  const { devices, keys } = await ownLists(tree);
  expect(await acceptable(tree, keysPath, older, devices.text, equals)).toBe(false);
  const next = await changeLists(tree, tree.env.keys, { devices: (now) => now });
  expect(next.keys.serial).toBe(keys.serial + 1);
  expect(await acceptable(tree, keysPath, next.keys.text, devices.text, equals)).toBe(true);
});

test("a device signs anew what one has signed that has gone, once, with the keys of those who are left", async () => {
  const before = await ownLists(tree);
  await shutOut(await letIn());
  expect(await renew()).toBe(true);
  const { devices, keys } = await ownLists(tree);
  await acceptKeysDocument(keys.text, devices);
  expect(keys.agree.map(({ key }) => key)).toEqual(before.keys.agree.map(({ key }) => key));
  expect(await renew()).toBe(false);
});

test("the newest key of a device outlasts a keys document that lacks it, and is named again", async () => {
  const older = (await ownLists(tree)).keys;
  device.ahead = 80 * day;
  expect(await renew()).toBe(true);
  const made = newestKey((await ownLists(tree)).keys, me)?.key as Did;
  expect(older.agree.map(({ key }) => key)).not.toContain(made);
  // Another device has signed the next one, and had not heard of it.
  const tablet = await letIn();
  await tree.store.apply([await asTold(tree, keysPath, await another(older.agree, tablet))]);
  expect(await renew()).toBe(true);
  expect([await held(made), newestKey((await ownLists(tree)).keys, me)?.key]).toEqual([true, made]);
});

test("a device whose newest key is none that it has makes another, and drops the one that it has not", async () => {
  const tablet = await letIn();
  const foreign = await agreement({ kid: me } as Signer, Date.now() + 900 * day);
  await tree.store.apply([await asTold(tree, keysPath, await another([foreign], tablet))]);
  expect(await renew()).toBe(true);
  const { agree } = (await ownLists(tree)).keys;
  expect(agree.map(({ key }) => key)).not.toContain(foreign.key);
  expect(await held(newestKey({ agree }, me)?.key as Did)).toBe(true);
});

test("keys that nothing names any more are destroyed", async () => {
  const [old] = (await ownLists(tree)).keys.agree;
  const stray = await makeAgreementKey(tree.env.keys, me, Date.now());
  device.ahead = 80 * day;
  expect(await renew()).toBe(true);
  device.ahead = 170 * day;
  expect(await renew()).toBe(true);
  expect(await renew()).toBe(false);
  expect([await held(stray.key), old !== undefined && (await held(old.key))]).toEqual([false, false]);
  expect(await held(newestKey((await ownLists(tree)).keys, me)?.key as Did)).toBe(true);
});

test("a friend whose list comes alone is asked by the keys that are known, and older keys are not taken", async () => {
  const [person, stolen, phone] = await Promise.all([generate("sign"), generate("sign"), generate("sign")]);
  const one = await firstDeviceList(person, [listed(stolen, "stolen"), listed(phone, "phone")]);
  const [early, late] = [await agreement(phone, Date.now() + day), await agreement(phone, Date.now() + 2 * day)];
  const five = await makeKeysDocument(one, phone, 5, [early]);
  const ten = await makeKeysDocument(one, stolen, 10, [early, late, await agreement(stolen, Date.now() + day)]);
  const two = await nextDeviceList(one, phone, [listed(phone, "phone")]);
  const card = { name: "Ben", devices: one.text, keys: ten.text, ways: [] } as unknown as Card;
  const next = await updated(card, { devices: two.text, keys: undefined, ways: [] }, Date.now());
  expect(next.devices).toBe(two.text);
  const kept = await keptKeysDocument(next.keys, await readDeviceList(next.devices));
  expect(kept.agree.map(({ key }) => key)).toEqual([early.key, late.key]);
  expect(await updated(next, { devices: two.text, keys: five.text, ways: [] }, Date.now())).toEqual(next);
  // What the one who has gone signs afterwards is not taken.
  const eleven = await makeKeysDocument(one, stolen, 11, [await agreement(phone, Date.now() + 9 * day)]);
  expect(await updated(next, { devices: two.text, keys: eleven.text, ways: [] }, Date.now())).toEqual(next);
});

test("a friend's list by which no keys are known is not taken before they come with it", async () => {
  const [person, phone, laptop] = await Promise.all([generate("sign"), generate("sign"), generate("sign")]);
  const one = await firstDeviceList(person, [listed(phone, "phone")]);
  const two = await nextDeviceList(one, person, [listed(laptop, "laptop")]);
  const [first, second] = [await makeKeysDocument(one, phone, 1, [await agreement(phone, Date.now() + day)]), await makeKeysDocument(two, laptop, 2, [await agreement(laptop, Date.now() + day)])];
  const card = { name: "Ben", devices: one.text, keys: first.text, ways: [] } as unknown as Card;
  expect(await updated(card, { devices: two.text, keys: undefined, ways: [] }, Date.now())).toEqual(card);
  expect(await updated(card, { devices: two.text, keys: second.text, ways: [] }, Date.now())).toMatchObject({ devices: two.text, keys: second.text });
});

test("a stolen device cannot sign keys after which nobody can sign any", async () => {
  const tablet = await letIn();
  const { devices, keys } = await ownLists(tree);
  const last = (await makeKeysDocument(devices, tablet, Number.MAX_SAFE_INTEGER, keys.agree)).text;
  for (const equals of [false, true]) expect(await acceptable(tree, keysPath, last, devices.text, equals)).toBe(false);
  // A device that met them at first sight goes on below them, and takes what comes below them.
  await tree.store.apply([await asTold(tree, keysPath, last)]);
  const next = await changeLists(tree, tree.env.keys, { devices: (now) => now.filter(({ kid }) => kid !== tablet.kid) });
  expect(next.keys.serial).toBeLessThan(2 ** 43);
  const later = (await makeKeysDocument(devices, await signerOf(tree.env.keys, me), keys.serial + 1, keys.agree)).text;
  for (const equals of [false, true]) expect(await acceptable(tree, keysPath, later, devices.text, equals)).toBe(true);
});

test("a friend goes on after keys of a stolen device that nothing could follow", async () => {
  const [person, stolen, phone] = await Promise.all([generate("sign"), generate("sign"), generate("sign")]);
  const one = await firstDeviceList(person, [listed(stolen, "stolen"), listed(phone, "phone")]);
  const agree = [await agreement(phone, Date.now() + day)];
  const [five, last] = [await makeKeysDocument(one, phone, 5, agree), await makeKeysDocument(one, stolen, Number.MAX_SAFE_INTEGER, agree)];
  const card = { name: "Ben", devices: one.text, keys: five.text, ways: [] } as unknown as Card;
  expect(await updated(card, { devices: one.text, keys: last.text, ways: [] }, Date.now())).toEqual(card);
  const two = await nextDeviceList(one, phone, [listed(phone, "phone")]);
  const six = await makeKeysDocument(two, phone, 6, agree);
  expect(await updated({ ...card, keys: last.text }, { devices: two.text, keys: six.text, ways: [] }, Date.now())).toMatchObject({ devices: two.text, keys: six.text });
});
