import { describe, expect, it } from "vitest";
import { type Bytes, sha256, utf8 } from "../../src/core/bytes.ts";
import { generate, labelOf } from "../../src/core/webid/key.ts";
import { openAnswer, sealAnswer } from "../../src/core/sealed/answer.ts";
import { openRequest, sealRequest } from "../../src/core/sealed/request.ts";

const random = (count: number): Bytes => crypto.getRandomValues(new Uint8Array(count));
const env = { now: () => 1_800_000_000_000, random };

describe("a sealed request", () => {
  it("is opened by whom it is for, and its answer by who asked", async () => {
    const [person, own, sender] = [await generate("sign"), await generate("agree"), await generate("agree")];
    const [label, theirs] = [await labelOf(person.kid), await labelOf(sender.kid)];
    const salt = await sha256("salt");
    const request = { method: "GET", path: "/social/door", headers: new Headers({ Range: "bytes=0-9", Accept: "text/plain" }), body: new Uint8Array(0) };
    const { message, pending } = await sealRequest(env, { to: [{ key: own.kid }], from: { label: theirs, kid: "a1", key: sender.key, salt }, label, request });
    expect(message.length).toBe(1024);
    const opened = await openRequest({ now: env.now, label, keys: [own], find: async () => ({ key: sender.kid, salt }) }, message);
    if ("declined" in opened) throw new Error(opened.declined);
    expect(opened.request.path).toBe("/social/door");
    expect([...opened.request.headers]).toEqual([["range", "bytes=0-9"]]);
    const answer = await sealAnswer(env, opened.answering, { status: 200, headers: new Headers({ ETag: '"1"', Server: "x" }), bytes: utf8("hello") });
    const response = await openAnswer(pending, answer);
    expect(response).toMatchObject({ status: 200, bytes: utf8("hello") });
    expect([...(response?.headers ?? [])]).toEqual([["etag", '"1"']]);
  });
});
