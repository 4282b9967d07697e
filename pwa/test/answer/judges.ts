/** Judges of the shared vectors of what a sealed request may ask, and of requests that come more than once. */

import { expect } from "vitest";
import { covers, Cursors, deviceKey, DeviceKeys } from "../../src/core/answer/cursor.ts";
import type { Agent } from "../../src/core/answer/judge.ts";
import { Refusal } from "../../src/core/answer/refusal.ts";
import { doneBefore, remembering } from "../../src/core/answer/once.ts";
import { targetOf } from "../../src/core/answer/reach.ts";
import type { ContactId } from "../../src/core/kith.ts";
import { type Opened, openRequest } from "../../src/core/sealed/request.ts";
import { fromB64u } from "../../src/core/bytes.ts";
import { type Known, place } from "../sealed/judges.ts";
import { type Judge, Refused, type Vector } from "../webid/judge.ts";
import { somebody } from "./world.ts";

const cid = "a2b3c4d5e6f7a2b3c4d5" as ContactId;
const agents: Readonly<Record<string, Agent>> = {
  contact: { kind: "contact", cid, grant: 1, kid: "did:key:zDn1", also: [] },
  device: { kind: "owner", kid: "did:key:zDn2" },
  anonymous: { kind: "nobody" },
};

function agentOf({ peer }: Opened<Known>): Agent {
  const kind = peer?.as === "contact" ? "contact" : "device";
  return { ...(agents[kind] as Exclude<Agent, { kind: "nobody" }>), kid: peer?.from ?? "" };
}

/** cursorOf says what a cursor says, as the vectors do. */
async function cursorOf({ key, now, as: who, grant, kid, accepts, known, cursor }: Vector): Promise<object> {
  const agent: Agent = who === "owner" ? { kind: "owner", kid: String(kid) } : { kind: "contact", cid: String(who) as ContactId, grant: Number(grant), kid: String(kid), also: (accepts ?? []) as readonly string[] };
  const cursors = await Cursors.open(fromB64u(String(key)) ?? new Uint8Array(0), "", () => Number(now) * 1000);
  const { seen, seq, ...position } = await cursors.read(agent, String(cursor));
  const heard = await Promise.all((known as readonly { readonly device: string; readonly counter: number }[]).map((each) => new DeviceKeys().of(each)));
  const all = new Map(heard.map(({ device, counter }) => [device, counter]));
  const told = [...seen].map(([device, counter]) => ({ device, counter }));
  if (!told.every((each) => covers(all, each))) throw new Refused("behind");
  return { ...position, seen: told, ...(seq > 0 && { seq }) };
}

/** sealedAgain seals what a phone's cursor says once more. */
async function sealedAgain({ key, as: who, grant, kid, accepts, cursor, now }: Vector): Promise<string> {
  const agent: Agent = who === "owner" ? { kind: "owner", kid: String(kid) } : { kind: "contact", cid: String(who) as ContactId, grant: Number(grant), kid: String(kid), also: (accepts ?? []) as readonly string[] };
  const opened = await Cursors.open(fromB64u(String(key)) ?? new Uint8Array(0), "did:key:zPhone", () => Number(now) * 1000);
  const { seen, day, maker } = await opened.read(agent, String(cursor));
  const then = await Cursors.open(fromB64u(String(key)) ?? new Uint8Array(0), "did:key:zPhone", () => day * 86_400_000);
  return maker === (await deviceKey("did:key:zPhone")) ? then.seal(agent, seen) : String(cursor);
}

export const answerJudges: Readonly<Record<string, Judge>> = {
  "sealed-targets.json": async ({ header = [], size = 0, method, path, status, as: who }) => {
    const agent = agents[String(who)];
    if (agent === undefined) throw new Error(`read vector: who is ${String(who)}`);
    const headers = new Headers((header as readonly [string, string][]).map(([name, value]): [string, string] => [name, value]));
    const target = targetOf(agent, { method: String(method), path: String(path), headers, body: new Uint8Array(Number(size)) });
    if (target.kind === "refused" && target.status !== status) throw new Error(`it is refused with ${target.status}`);
    if (target.kind === "refused") throw new Refused("refused");
    const listing = target.kind === "resource" && target.path.endsWith("/");
    return { accept: listing ? "application/ld+json" : "*/*" };
  },
  "cursors.json": async (vector) => {
    const says = await cursorOf(vector).catch((error: unknown) => {
      if (error instanceof Refusal) throw new Refused(error.reason === "cursor" ? "malformed" : error.reason);
      throw error;
    });
    if (!("epoch" in says) || says.epoch === "") expect(await sealedAgain(vector)).toBe(vector.cursor);
    return says;
  },
  "sealed-once.json": async (vector) => {
    const { store } = await somebody("Ana");
    const done: boolean[] = [];
    for (const { now, message } of vector.steps as readonly { readonly now: number; readonly message: string }[]) {
      const opened = await openRequest(await place({ ...vector, now }), fromB64u(message) ?? new Uint8Array(0));
      if ("declined" in opened) throw new Refused(opened.declined);
      const agent = agentOf(opened);
      const again = opened.request.method === "PUT" ? await doneBefore(store, agent, opened, now * 1000) : undefined;
      const answer = { status: 201, headers: new Headers(), bytes: new Uint8Array(0) };
      if (again === undefined) await store.apply(await remembering(store, agent, opened, answer, now * 1000));
      done.push(again === undefined);
    }
    return { done };
  },
};
