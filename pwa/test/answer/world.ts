/** Persons in plain Node whose devices answer: real stores, real keys, a clock that a test can turn. */

import { postsACL, rootACL } from "../../src/core/acl/document.ts";
import { type Asked, type House, Responder, type Taking } from "../../src/core/answer/responder.ts";
import type { Agent } from "../../src/core/answer/judge.ts";
import { b64u, type Bytes, utf8 } from "../../src/core/bytes.ts";
import type { Env } from "../../src/core/env.ts";
import type { ContactId, Audience } from "../../src/core/kith.ts";
import { addFriend } from "../../src/core/pod/friends.ts";
import { namePath, type Folder } from "../../src/core/pod/paths.ts";
import { card } from "../../src/core/pod/people.ts";
import { makePost } from "../../src/core/pod/posts.ts";
import { putLists } from "../../src/core/pod/profile.ts";
import { Tree, turtle } from "../../src/core/pod/tree.ts";
import { type MemoryDisk, memoryDisk } from "../store/memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import { type Person, personOf } from "../../src/core/sync/session.ts";
import { takingFor } from "../../src/core/taking.ts";
import { makePerson } from "../../src/core/webid/person.ts";
import { memoryKeyRecords, signerOf } from "../../src/core/webid/records.ts";

export const random = (count: number): Bytes => crypto.getRandomValues(new Uint8Array(count));

/** Somebody is a person with one device. */
export type Somebody = Awaited<ReturnType<typeof somebody>>;

/** somebody makes a person with an empty tree. */
export async function somebody(name: string, disk: MemoryDisk = memoryDisk()) {
  const clock = { ahead: 0 };
  const now = (): number => Date.now() + clock.ahead;
  const keys = memoryKeyRecords();
  const made = await makePerson(keys, name, now());
  const store = await openStoreOver({ ...disk, now, random });
  const watchers = new Set<() => void>();
  const apply = store.apply.bind(store);
  store.apply = async (writes) => {
    await apply(writes);
    for (const changed of watchers) changed();
  };
  const after = (milliseconds: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  };
  const env = { now, random, keys, after } as unknown as Env;
  const tree = new Tree(store, env, made.device);
  await tree.act("other", async (batch) => {
    await batch.putText("/.acl", turtle, rootACL);
    await batch.putText("/social/posts/.acl", turtle, postsACL);
    await batch.putText(namePath, "text/plain", name);
    await putLists(batch, made);
  });
  const [agree] = made.keys.agree;
  if (agree === undefined) throw new Error("make person: no agreement key");
  const { label } = made.devices;
  return { name, label, watchers, clock, env, keys, tree, store, made, agree: { kid: agree.kid, did: agree.key, key: (await signerOf(keys, agree.key)).key } };
}

/** befriend makes two persons friends of each other, and returns what the first calls the second. */
export async function befriend(one: Somebody, other: Somebody): Promise<ContactId> {
  const salt = b64u(random(32));
  const record = ({ name, label, made, env }: Somebody) => ({
    name, label, devices: made.devices.text, keys: made.keys.text, ways: [], salt, since: env.now(), grant: 1, accepts: [], muted: false, verified: false, blocked: false, direct: false, note: "",
  });
  await addFriend(other.tree, record(one));
  return addFriend(one.tree, record(other));
}

/** takingIn returns what takes in for a person who makes no invites. */
export function takingIn(tree: Tree): Taking {
  return takingFor(tree, { tree, me: personOf(tree.store) as Person, pod: undefined });
}

/** houseOf returns what a responder needs of a person. */
export function houseOf({ tree, label, watchers }: Somebody, more: Partial<House> = {}): House {
  return {
    tree, label, aliases: [], waysFor: async () => [], taking: async () => takingIn(tree), hinted: () => undefined, left: () => undefined,
    watch: (changed) => (watchers.add(changed), () => watchers.delete(changed)),
    ...more,
  };
}

/** agentOf returns a friend as those who ask are known. */
export async function agentOf(owner: Somebody, cid: ContactId, friend: Somebody): Promise<Agent> {
  const { grant, accepts } = await card(owner.tree, cid);
  return { kind: "contact", cid, grant, kid: friend.tree.device, also: accepts };
}

/** Asker asks a responder as one agent, and returns what a test looks at. */
export function asker(responder: Responder, agent: Agent) {
  return async (method: string, path: string, headers: Record<string, string> = {}, body: Bytes | string = "", once?: Asked["once"]) => {
    const request = { method, path, headers: new Headers(headers), body: typeof body === "string" ? utf8(body) : body };
    const answer = await responder.answer({ agent, request, once });
    if (answer === undefined) return { status: 0, headers: {} as Record<string, string>, text: "", bytes: utf8("") };
    const { status, headers: given, bytes } = answer;
    return { status, headers: Object.fromEntries(given), bytes, text: new TextDecoder().decode(bytes) };
  };
}

/** publish makes a post of a text. */
export function publish({ tree }: Somebody, text: string, audience: Audience): Promise<Folder> {
  return makePost(tree, { text, pictures: [], audience });
}
