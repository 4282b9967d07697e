/** Pod and phone are apart, and both answer the same message of a friend; when they meet there is one. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { Answering } from "../../src/core/answer/answering.ts";
import { b64u, utf8 } from "../../src/core/bytes.ts";
import type { Kith } from "../../src/core/kith.ts";
import { addFriend } from "../../src/core/pod/friends.ts";
import { ownLists } from "../../src/core/pod/profile.ts";
import { Tree } from "../../src/core/pod/tree.ts";
import { openAnswer } from "../../src/core/sealed/answer.ts";
import { type Recipient, sealRequest } from "../../src/core/sealed/request.ts";
import { personOf } from "../../src/core/sync/session.ts";
import type { Label } from "../../src/core/webid/key.ts";
import { Host } from "../sync/host.ts";
import { Device, until } from "../sync/world.ts";
import { random, somebody, takingIn } from "./world.ts";

let host: Host;
let kith: Kith;
const phone = new Device("phone");

beforeAll(async () => {
  host = await Host.open();
  kith = await phone.kith();
});
afterAll(async () => {
  await phone.close();
  await host.close();
});

test("a comment that both took is one resource", async () => {
  await kith.start("Ana");
  const { pair, pod } = await host.person("ana");
  await kith.connectPod(pair);
  const { store } = phone;
  const me = store && personOf(store);
  if (store === undefined || me === undefined) throw new Error("start: there is nobody");
  const ben = await somebody("Ben");
  const tree = new Tree(store, phone.env(), me.device);
  const salt = random(32);
  const known = { name: "Ben", label: ben.label, devices: ben.made.devices.text, keys: ben.made.keys.text, salt: b64u(salt) };
  const cid = await addFriend(tree, { ...known, ways: [], since: Date.now(), grant: 1, accepts: [], muted: false, verified: false, blocked: false, direct: false, note: "" });
  await kith.syncNow();
  await until(() => kith.pod().waiting === 0, "bring the friend to the pod");

  const { keys } = await ownLists(tree);
  const path = `/social/in/${cid}/aaaaaaaa`;
  const headers = new Headers({ "If-None-Match": "*", "Content-Type": "application/ld+json" });
  const request = { method: "PUT", path, headers, body: utf8('{"@context":"https://www.w3.org/ns/activitystreams","type":"Note"}') };
  const from = { label: ben.label, kid: ben.agree.kid, key: ben.agree.key, salt };
  const nonce = random(16);
  const seal = (to: readonly Recipient[]) => sealRequest({ now: Date.now, random }, { to, from, label: me.label as Label, request, nonce });
  const [own, other] = [keys.agree.find(({ device }) => device === me.device), keys.agree.find(({ device }) => device !== me.device)];
  if (own === undefined || other === undefined) throw new Error("find keys: pod and phone need one each");

  const house = { tree, label: me.label as Label, aliases: [pod], waysFor: async () => [], taking: async () => takingIn(tree), hinted: () => undefined, left: () => undefined };
  const toPhone = await seal([own]);
  const byPhone = await new Answering(house, { net: tree.env }).answer(toPhone.message);
  expect((await openAnswer(toPhone.pending, byPhone ?? utf8("")))?.status).toBe(201);
  const toPod = await seal([other]);
  const answered = await fetch(`${pod}.sealed`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: toPod.message });
  expect((await openAnswer(toPod.pending, new Uint8Array(await answered.arrayBuffer())))?.status).toBe(201);

  const before = store.row(path);
  await kith.syncNow();
  await until(() => kith.pod().waiting === 0 && kith.outbox().length === 0, "meet");
  await kith.syncNow();
  expect([...store.rows(`/social/in/${cid}/`)].map((row) => row.path)).toEqual([`/social/in/${cid}/.acl`, path]);
  expect(store.row(path)?.etag).toBe(before?.etag);
  expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
});
