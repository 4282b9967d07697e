/** Judges of the shared vectors of what a sealed request may ask, and of requests that come more than once. */

import type { Agent } from "../../src/core/answer/judge.ts";
import { doneBefore, remembering } from "../../src/core/answer/once.ts";
import { targetOf } from "../../src/core/answer/reach.ts";
import type { ContactId } from "../../src/core/kith.ts";
import { type Opened, openRequest } from "../../src/core/sealed/request.ts";
import { fromB64u } from "../../src/core/bytes.ts";
import { type Known, place } from "../sealed/judges.ts";
import { type Judge, Refused } from "../webid/judge.ts";
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
