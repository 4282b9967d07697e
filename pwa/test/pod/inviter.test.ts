import { describe, expect, it } from "vitest";
import { b64u } from "../../src/core/bytes.ts";
import { answerInvite, holdInvite, inviteKeys, forgetInvites } from "../../src/core/pod/inviter.ts";
import { contactsOf } from "../../src/core/pod/people.ts";
import { Tree } from "../../src/core/pod/tree.ts";
import { memoryDisk } from "../store/memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import { accept, confirmed, type Introduction } from "../../src/core/webid/acceptance.ts";
import type { Invite } from "../../src/core/webid/invite.ts";
import { makePerson } from "../../src/core/webid/person.ts";
import { memoryKeyRecords, signerOf } from "../../src/core/webid/records.ts";
import type { Env } from "../../src/core/env.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const day = 24 * 3600_000;
const way = { relay: "https://relay.example/", send: b64u(random(24)) };

/** person makes somebody with a tree and a clock that a test can turn. */
async function person(name: string) {
  const clock = { ahead: 0 };
  const now = (): number => Date.now() + clock.ahead;
  const keys = memoryKeyRecords();
  const made = await makePerson(keys, name, now());
  const store = await openStoreOver({ ...memoryDisk(), now, random });
  const tree = new Tree(store, { now, random, keys } as unknown as Env, made.device);
  const self: Introduction = { devices: made.devices, keys: made.keys, ways: [way], name };
  const host = { introduce: async () => self, waysFor: async () => [way] };
  const [own] = made.keys.agree;
  if (own === undefined) throw new Error("make person: no agreement key");
  return { clock, keys, tree, self, host, agree: { kid: own.kid, key: (await signerOf(keys, own.key)).key } };
}

async function invited(by: Awaited<ReturnType<typeof person>>): Promise<Invite> {
  const held = await holdInvite(by.tree, day);
  return { ...held, label: by.self.devices.label, name: by.self.name, pods: [], relays: [way] };
}

describe("an invite that a phone holds", () => {
  it("makes a contact and is confirmed by the person of the link", async () => {
    const [ana, ben] = [await person("Ana"), await person("Ben")];
    const invite = await invited(ana);
    const { body, confirmKey } = await accept(invite, ben.self, ben.agree);
    const answer = await answerInvite(ana.tree, ana.host, b64u(invite.id), body);
    const friend = await confirmed(invite, confirmKey, answer ?? random(0));
    expect(friend).toMatchObject({ name: "Ana", ways: [way] });
    expect(contactsOf(ana.tree.store)).toMatchObject([{ name: "Ben", cid: friend.cid, relays: [way] }]);
    expect(await answerInvite(ana.tree, ana.host, b64u(invite.id), body)).toEqual(answer);
  });

  it("is refused to a second person, to wrong bytes, under another id, and when it has run out", async () => {
    const [ana, ben, cem] = [await person("Ana"), await person("Ben"), await person("Cem")];
    const [used, late] = [await invited(ana), await invited(ana)];
    const first = await accept(used, ben.self, ben.agree);
    expect(await answerInvite(ana.tree, ana.host, b64u(used.id), first.body.map((byte) => byte ^ 1))).toBeUndefined();
    expect(await answerInvite(ana.tree, ana.host, b64u(late.id), first.body)).toBeUndefined();
    expect(await answerInvite(ana.tree, ana.host, b64u(random(16)), first.body)).toBeUndefined();
    const wrong = await accept({ ...used, secret: random(16) }, ben.self, ben.agree);
    expect(await answerInvite(ana.tree, ana.host, b64u(used.id), wrong.body)).toBeUndefined();
    expect(contactsOf(ana.tree.store)).toEqual([]);
    expect(await answerInvite(ana.tree, ana.host, b64u(used.id), first.body)).toBeDefined();
    const second = await accept(used, cem.self, cem.agree);
    expect(await answerInvite(ana.tree, ana.host, b64u(used.id), second.body)).toBeUndefined();
    ana.clock.ahead = 2 * day;
    expect(await answerInvite(ana.tree, ana.host, b64u(late.id), (await accept(late, cem.self, cem.agree)).body)).toBeUndefined();
    expect(contactsOf(ana.tree.store).map(({ name }) => name)).toEqual(["Ben"]);
  });

  it("leaves no key behind when it is cancelled or has run out", async () => {
    const ana = await person("Ana");
    const before = (await ana.keys.names()).length;
    const [one] = [await invited(ana), await invited(ana)];
    expect((await inviteKeys(ana.tree)).map(({ kid }) => kid)).toContain(one.ik);
    await forgetInvites(ana.tree, b64u(one.id));
    expect((await inviteKeys(ana.tree)).map(({ kid }) => kid)).not.toContain(one.ik);
    ana.clock.ahead = 2 * day;
    await forgetInvites(ana.tree);
    expect(await ana.keys.names()).toHaveLength(before);
  });
});
