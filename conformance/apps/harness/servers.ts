/**
 * Each test runs against the server of this repository and, as the control, against Community Solid
 * Server. Where the control does not do what is asked, deviations.ts says why, and the test is then
 * expected to fail there: a deviation that is gone is noticed.
 */

import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { deviations } from "../deviations.ts";
import { onCSS } from "./css.ts";
import { startKith } from "./kith.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import type { Server } from "./server.ts";
import { actor, type Actor } from "./sessions.ts";

/** Scene is a server and two people who have pods there and are signed in. */
export interface Scene {
  readonly server: Server;
  readonly alice: Actor;
  readonly bob: Actor;
  /** Where the server may post notifications. */
  readonly receiver: Receiver;
}

/** Case declares a test; `name` is a sentence, unique among all. */
export type Case = (name: string, body: (scene: Scene) => Promise<void>) => void;

/** onBoth declares the tests of one file twice, once for each server. */
export function onBoth(file: string, declare: (it: Case) => void): void {
  for (const kind of ["kith", "css"] as const) {
    describe(`${file}, ${kind}`, () => {
      let scene: Scene;
      beforeAll(async () => {
        scene = await open(kind, `${file}-kith`);
      });
      afterAll(async () => {
        await scene?.server.close();
        await scene?.receiver.close();
      });
      declare((name, body) => {
        const known = kind === "css" && deviations.has(name);
        (known ? test.fails : test)(name, () => body(scene));
      });
    });
  }
}

async function open(kind: Server["kind"], log: string): Promise<Scene> {
  const css = inject("css");
  const receiver = await startReceiver();
  const trusted = [css, receiver.url].map((url) => new URL(url).host);
  const server = kind === "kith" ? await startKith(log, trusted) : onCSS(css);
  try {
    return { server, alice: await actor(server, "alice"), bob: await actor(server, "bob"), receiver };
  } catch (error) {
    await server.close();
    await receiver.close();
    throw error;
  }
}
