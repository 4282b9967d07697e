/** The corpus over a direct connection: a page asks, another answers, and no relay is between them. */

import { isDeepStrictEqual } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bytes, fromB64u } from "../src/core/bytes.ts";
import { openAnswer, type SealedResponse } from "../src/core/sealed/answer.ts";
import { type SealedRequest, sealRequest } from "../src/core/sealed/request.ts";
import type { Did, Label } from "../src/core/webid/key.ts";
import { cases, draw, Player, salt, type Stage, whole } from "../test/answer/corpus.ts";
import { random } from "../test/answer/world.ts";
import type { House } from "./answer/main.ts";
import type { Tools } from "./direct/main.ts";
import { openScene, type Scene } from "./harness.ts";
import { openPages, type Site } from "./site.ts";

declare const house: House;
declare const tools: Tools;

let scene: Scene;
let site: Site;
let stage: Stage;
let self: Awaited<ReturnType<House["self"]>>;
let asking: Page;

beforeAll(async () => {
  scene = await openScene();
  site = await openPages(scene.folder, "answer", "direct");
  const answering = await (await scene.profile("answering")).newPage();
  asking = await (await scene.profile("asking")).newPage();
  await Promise.all([answering.goto(`${site.url}answer`), asking.goto(`${site.url}direct`)]);
  await answering.evaluate(() => house.open());
  stage = await draw();
  for (const { path, type, bytes, modified } of stage.things) {
    await answering.evaluate(([...thing]) => house.put(...thing), [path, type, Buffer.from(bytes).toString("base64url"), modified] as const);
  }
  self = await answering.evaluate(() => house.self());
  await answering.evaluate(() => house.answer());
  await asking.exposeFunction("carry", (offer: string) => answering.evaluate((sdp) => house.meet(sdp), offer));
  expect(await asking.evaluate(() => tools.connect())).toBe(true);
});

afterAll(async () => {
  await scene.close();
  await site.close();
});

/** carried brings a message over the channel. */
async function carried(message: Bytes): Promise<Bytes | undefined> {
  const answer = await asking.evaluate((written) => tools.ask(written), Buffer.from(message).toString("base64url"));
  return answer === undefined ? undefined : fromB64u(answer);
}

async function ask(as: string, request: SealedRequest): Promise<SealedResponse> {
  const friend = stage.people.get(as);
  const from = friend && { label: friend.label, kid: friend.agree.kid, key: friend.agree.key, salt };
  const to = [{ key: self.agree as Did, device: self.device as Did }];
  const { message, pending } = await sealRequest({ now: Date.now, random }, { to, from, label: self.label as Label, request });
  const answer = await carried(message);
  const opened = answer === undefined ? undefined : await openAnswer(pending, answer);
  if (opened === undefined) throw new Declined();
  return opened;
}

class Declined extends Error {}

test("all of the corpus is answered as the pod does", async () => {
  const player = new Player("direct", (as, request) => whole(request, (each) => ask(as, each)).catch((error: unknown) => {
    if (error instanceof Declined) return undefined;
    throw error;
  }));
  const asked = cases.filter(({ as }) => as !== "owner");
  const wrong: string[] = [];
  for (const each of asked) {
    const came = await player.put(each);
    if (!isDeepStrictEqual(came, each.expect)) wrong.push(`${each.name}: ${JSON.stringify(came).slice(0, 300)} instead of ${JSON.stringify(each.expect).slice(0, 300)}`);
  }
  expect(asked.length).toBeGreaterThan(150);
  expect(wrong).toEqual([]);
}, 600_000);
