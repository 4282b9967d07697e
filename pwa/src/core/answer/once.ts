/**
 * What was done for whom: a request other than a GET that comes again, because its answer was lost, is answered as it was
 * (docs/protocol.md, Sealed requests). It is remembered in the batch in which it is done, so also over a restart.
 *
 *     asked/<digest of device and nonce>    Done, until the request runs out
 */

import { b64u, sha256 } from "../bytes.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import type { Store, Write } from "../store/store.ts";
import type { Agent } from "./judge.ts";

/** Once is by what a request is known when it comes again, and until when it may. */
export interface Once {
  readonly nonce: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

interface Done {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly until: number;
}

const prefix = "asked/";
const most = 1024;

/** doneBefore returns what such a request was answered; undefined when nothing is remembered of it. */
export async function doneBefore(store: Store, agent: Agent, once: Once, now: number): Promise<SealedResponse | undefined> {
  const done = store.get(await nameOf(agent, once)) as Done | undefined;
  if (done === undefined || done.until <= now) return undefined;
  return { status: done.status, headers: new Headers(done.headers.map(([name, value]): [string, string] => [name, value])), bytes: new Uint8Array(0) };
}

/** remembering returns the writes that remember an answer without content, and forget those that ran out. */
export async function remembering(store: Store, agent: Agent, once: Once, { status, headers }: SealedResponse, now: number): Promise<readonly Write[]> {
  const all = store.names(prefix).map((name) => [name, (store.get(name) as Done).until] as const);
  const over = all.filter(([, until]) => until <= now);
  const spare = all.length - over.length < most ? [] : [...all].sort(([, a], [, b]) => a - b).slice(0, 1);
  const done: Done = { status, headers: [...headers], until: once.expires };
  return [...over.concat(spare).map(([name]) => ({ unset: name })), { set: await nameOf(agent, once), value: done }];
}

async function nameOf(agent: Agent, { nonce }: Once): Promise<string> {
  const kid = agent.kind === "nobody" ? "" : agent.kid;
  return prefix + b64u((await sha256(`${kid}\n${nonce}`)).subarray(0, 16));
}
