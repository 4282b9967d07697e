/** Which failures of a pod's address lead to the relays, and for how long. */

import { expect, test } from "vitest";
import type { Env } from "../../src/core/env.ts";
import type { Asking, Client } from "../../src/core/ldp/client.ts";
import { Failure } from "../../src/core/ldp/errors.ts";
import type { Answer } from "../../src/core/ldp/wire.ts";
import { type Carrier, Reach } from "../../src/core/sync/reach.ts";

const minute = 60_000;

/** somebody has a pod at an address, which answers or not, and relays. */
function somebody() {
  const [asked, state] = [[] as string[], { now: 0, fails: undefined as Failure | undefined }];
  const answer: Answer = { status: 200, headers: new Headers(), bytes: new Uint8Array(0) };
  const pod = { way: { pod: "https://pod.example/ana/" }, ask: async () => (asked.push("pod"), state.fails === undefined ? answer : Promise.reject(state.fails)), refusedForGood: () => false } satisfies Client;
  const carrier = { ask: async () => (asked.push("relays"), answer) } as unknown as Carrier;
  const reach = new Reach({ now: () => state.now } as Env, "me", pod.way.pod, () => ({ pod, relays: true }), async () => carrier);
  const ask = async (signal?: AbortSignal): Promise<string> => {
    const asking: Asking = { method: "GET", path: ".replica", ...(signal && { signal }) };
    await reach.ask(asking).catch(() => asked.push("no answer"));
    return asked.splice(0).join(" ");
  };
  return { state, ask };
}

test("a pod that did not answer is left alone for five minutes", async () => {
  const { state, ask } = somebody();
  expect(await ask()).toBe("pod");
  state.fails = new Failure("pod-unreachable", "ask", 0);
  expect(await ask()).toBe("pod relays");
  state.fails = undefined;
  expect(await ask()).toBe("relays");
  state.now += 5 * minute + 1;
  expect(await ask()).toBe("pod");
});

test("a request that was given up says nothing of the pod", async () => {
  const { state, ask } = somebody();
  state.fails = new Failure("pod-unreachable", "ask", 0);
  expect(await ask(AbortSignal.abort())).toBe("pod no answer");
  state.fails = undefined;
  expect(await ask()).toBe("pod");
});
