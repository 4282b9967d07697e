/** A responder in plain Node answers the shared corpus, through envelopes. */

import { beforeAll, describe, expect, test } from "vitest";
import { Answering } from "../../src/core/answer/answering.ts";
import { utf8 } from "../../src/core/bytes.ts";
import { heardOf } from "../../src/core/pod/traces.ts";
import { newHandle, newRow } from "../../src/core/pod/tree.ts";
import { openAnswer, type SealedResponse } from "../../src/core/sealed/answer.ts";
import { ownSalt } from "../../src/core/sealed/pair.ts";
import { sealRequest, type SealedRequest, type Sender } from "../../src/core/sealed/request.ts";
import type { Did } from "../../src/core/webid/key.ts";
import { cases, draw, Player, salt, type Stage, whole } from "./corpus.ts";
import { houseOf, random, type Somebody, somebody } from "./world.ts";

let owner: Somebody;
let stage: Stage;
let player: Player;

beforeAll(async () => {
  [owner, stage] = [await somebody("ana"), await draw()];
  for (const { path, type, bytes, modified } of stage.things) {
    const version = { counter: owner.tree.counter + 1, device: owner.tree.device };
    const put = await newRow({ path, type, id: newHandle(owner.env), modified, version }, bytes);
    await owner.store.apply([{ put, bytes }, { set: "counter", value: version.counter }, ...heardOf(owner.store, [version])]);
  }
  const answering = new Answering(houseOf(owner), { net: owner.env });
  const once = async (as: string, request: SealedRequest): Promise<SealedResponse> => {
    const to = [{ key: owner.agree.did, device: owner.tree.device as Did }];
    const { message, pending } = await sealRequest({ now: Date.now, random }, { to, from: await sender(as), label: owner.label, request });
    const answer = await answering.answer(message);
    const opened = answer === undefined ? undefined : await openAnswer(pending, answer);
    if (opened === undefined) throw new Declined();
    return opened;
  };
  player = new Player("node", (as, request) => whole(request, (each) => once(as, each)).catch((error: unknown) => {
    if (error instanceof Declined) return undefined;
    throw error;
  }));
});

class Declined extends Error {}

async function sender(as: string): Promise<Sender | undefined> {
  if (as === "nobody") return undefined;
  const { label, agree } = as === "owner" ? owner : (stage.people.get(as) as Somebody);
  return { label, kid: agree.kid, key: agree.key, salt: as === "owner" ? await ownSalt(label) : salt };
}

test("the corpus is there", () => {
  expect(cases.length).toBeGreaterThan(150);
  expect(utf8("x")).toHaveLength(1);
});

describe("of the corpus", () => {
  test.each(cases.map((each) => [each.name, each] as const))("%s", async (_name, each) => {
    expect(await player.put(each)).toEqual(each.expect);
  });
});
