import { describe, expect, it } from "vitest";
import { b64u, type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { answerId, openAnswer, readPending, sealAnswer, type SealedResponse } from "../../src/core/sealed/answer.ts";
import { type Answering, openRequest, type Pending, sealRequest } from "../../src/core/sealed/request.ts";
import { generate } from "../../src/core/webid/key.ts";
import { env, flipped, friends, opened, random } from "./people.ts";

interface Asked {
  readonly pending: Pending;
  readonly answering: Answering;
  readonly device: string;
}

async function asked(): Promise<Asked> {
  const { sealing, opener, device } = await friends();
  const { message, pending } = await sealRequest(env, { ...sealing, reply: { relay: "https://relay.example/", send: random(24) } });
  const { answering } = opened(await openRequest(opener, message));
  return { pending, answering, device: device.kid };
}

const response = (by: string, bytes: Bytes = utf8("hello")): SealedResponse => ({
  status: 200,
  headers: new Headers({ "ETag": '"1"', "Content-Type": "text/plain", "Kith-By": by, "Server": "x", "Set-Cookie": "a=b", "Access-Control-Allow-Origin": "*" }),
  bytes,
});

describe("an answer", () => {
  it("is read by who asked, with the headers that may go back", async () => {
    const { pending, answering, device } = await asked();
    const answer = await sealAnswer(env, answering, response(device));
    expect(answer).toHaveLength(1024);
    expect(answerId(answer)).toBe(pending.id);
    const came = await openAnswer(pending, answer);
    expect(came).toMatchObject({ status: 200, bytes: utf8("hello") });
    expect([...(came?.headers ?? [])].map(([name]) => name)).toEqual(["content-type", "etag", "kith-by"]);
  });

  it("is read after the app was closed and opened", async () => {
    const { pending, answering, device } = await asked();
    const kept = readPending(JSON.parse(JSON.stringify(pending)));
    if (kept === undefined) throw new Error("nothing kept");
    expect((await openAnswer(kept, await sealAnswer(env, answering, response(device))))?.status).toBe(200);
  });

  it.each([[0, 1 << 10], [900, 4 << 10], [60_000, 1 << 16], [512 << 10, 9 << 16], [1 << 20, 17 << 16]])("with %i bytes has %i", async (length, size) => {
    const { pending, answering, device } = await asked();
    const bytes = new Uint8Array(length).map((_, i) => i * 5);
    const answer = await sealAnswer(env, answering, response(device, bytes));
    expect(answer).toHaveLength(size);
    expect(Buffer.compare((await openAnswer(pending, answer))?.bytes ?? random(1), bytes)).toBe(0);
  });

  it("in the name of another device than the one that was asked is none", async () => {
    const { pending, answering } = await asked();
    const { kid } = await generate("sign");
    expect(await openAnswer(pending, await sealAnswer(env, answering, response(kid)))).toBeUndefined();
    const unnamed = { status: 200, headers: new Headers(), bytes: utf8("") };
    expect(await openAnswer(pending, await sealAnswer(env, answering, unnamed))).toBeUndefined();
  });

  it("of another request, spliced, flipped, cut off or made up is none", async () => {
    const [one, other] = [await asked(), await asked()];
    const [answer, others] = [await sealAnswer(env, one.answering, response(one.device)), await sealAnswer(env, other.answering, response(other.device))];
    expect(await openAnswer(one.pending, others)).toBeUndefined();
    expect(await openAnswer(one.pending, join(answer.slice(0, 16), others.slice(16)))).toBeUndefined();
    expect(await openAnswer(one.pending, join(answer.slice(0, 48), others.slice(48)))).toBeUndefined();
    for (const at of [0, 15, 16, 47, 48, 60, 200, 1007, 1008, 1023]) expect(await openAnswer(one.pending, flipped(answer, at))).toBeUndefined();
    for (const length of [0, 15, 48, 64, 1008, 1023]) expect(await openAnswer(one.pending, answer.slice(0, length))).toBeUndefined();
    expect(await openAnswer(one.pending, random(1024))).toBeUndefined();
    expect(await openAnswer(one.pending, answer)).toBeDefined();
  });
});

it("what was kept is read only when it is whole", async () => {
  const { pending } = await asked();
  const [slot] = pending.slots;
  expect(readPending(pending)).toEqual(pending);
  for (const bad of [undefined, "", {}, { ...pending, slots: [] }, { ...pending, id: 1 }, { ...pending, expires: "x" }, { ...pending, slots: [{ ...slot, enc: b64u(random(64)) }] }, { ...pending, slots: [{ ...slot, secret: "" }] }]) {
    expect(readPending(bad)).toBeUndefined();
  }
});
