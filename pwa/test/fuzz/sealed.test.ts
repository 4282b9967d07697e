import { expect } from "vitest";
import { b64u, type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { openAnswer, readPending, sealAnswer } from "../../src/core/sealed/answer.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../../src/core/sealed/bhttp.ts";
import { openBody, sealBody } from "../../src/core/sealed/chunks.ts";
import { pairMac } from "../../src/core/sealed/pair.ts";
import { inPieces } from "../../src/core/sealed/pieces.ts";
import { openRequest, sealRequest } from "../../src/core/sealed/request.ts";
import { encapsulate } from "../../src/core/webid/hpke.ts";
import { asking, env, friends, opened, random } from "../sealed/people.ts";
import { octets, values, writing } from "./mutate.ts";
import { bears } from "./oracle.ts";

// Sealed messages: a relay changes them, and who has been let in seals what they like.

const { sealing, opener, own, device, reader, label } = await friends();
const headers = new Headers({ "Range": "bytes=0-9", "If-None-Match": '"1"', "Kith-Seen": "abc" });
const reply = { relay: "https://relay.example/", send: random(24) };
const whole = await sealRequest(env, { ...sealing, request: asking({ method: "PUT", path: "/social/in/a/b?c=%20", headers, body: utf8("hello") }), reply });
const fields = [["kith-from", `${reader.label} 2026-47`], ["kith-created", "2026-11-22T20:00:00Z"], ["kith-expires", "2026-11-23T20:00:00Z"], ["kith-nonce", b64u(random(16))], ["range", "bytes=0-1,3-4"],
  ["kith-reply", `${reply.relay}s/${b64u(reply.send)} ${b64u(random(16))}`]] as const;
const asked = { method: "GET", scheme: "https", authority: `${label}.kith.invalid`, path: "/social/door?x=1", fields, body: utf8("body") };
const told = { status: 206, fields: [["content-type", "a/b"], ["etag", '"1"'], ["content-range", "bytes 0-3/4"]] as const, body: utf8("body") };
const informed = join(Uint8Array.of(3, 64 + 0, 103, 1, 120, 1, 121, 0, 64, 200, 0, 2, 1, 2, 0, 0));
const kinds = { refuses: [RangeError, TypeError] };

bears("requests in binary", { kind: octets, samples: [encodeRequest(asked), encodeRequest({ ...asked, method: "OPTIONS", path: "*" })], ...kinds, read: decodeRequest, holds: (read) => expect(decodeRequest(encodeRequest(read))).toEqual(read) });
bears("responses in binary", { kind: octets, samples: [encodeResponse(told), informed], ...kinds, read: decodeResponse, holds: (read) => expect(decodeResponse(encodeResponse(read))).toEqual(read) });
bears("sealed requests", { kind: octets, samples: [whole.message], share: 50, read: (message) => openRequest(opener, message) });

/** of seals what a friend says in the place of a request. */
async function of(inner: Bytes): Promise<Bytes> {
  const content = random(16);
  const { enc, seal } = await encapsulate(own.kid, utf8("kith request 1"));
  const mac = await pairMac(own.key, { key: reader.agree.kid, salt: reader.salt }, enc, inner);
  const slot = join(enc, await seal(join(content, mac), Uint8Array.of(1, 0, 1, 4, 0)));
  return sealBody({ key: content, nonce: new Uint8Array(12) }, join(Uint8Array.of(1, 0, 1, 4), slot, random(3 * slot.length)), inner);
}
bears("what a friend seals", {
  kind: octets, samples: [encodeRequest(asked)], share: 25,
  read: async (inner) => openRequest(opener, await of(inner)),
  holds: (read) => "declined" in read || expect(opened(read).request.path).toMatch(/^\//),
});
bears("what a friend's fields say", {
  kind: values, samples: [fields, [["kith-created", "2026-11-22T20:00:00Z"]]], share: 25,
  read: async (said) => {
    const lines = (Array.isArray(said) ? said : []).flatMap((line: unknown) => (Array.isArray(line) && line.every((part) => typeof part === "string") ? [[line[0] ?? "", line[1] ?? ""] as const] : []));
    return openRequest(opener, await of(encodeRequest({ ...asked, fields: lines })));
  },
});

const answering = opened(await openRequest(opener, whole.message)).answering;
const answer = await sealAnswer(env, answering, { status: 200, headers: new Headers({ "ETag": '"1"', "Kith-By": device.kid }), bytes: utf8("hello") });
bears("sealed answers", { kind: octets, samples: [answer], share: 50, read: (message) => openAnswer(whole.pending, message) });
bears("what is kept of a question", { kind: values, samples: [whole.pending], read: readPending, holds: (read) => read === undefined || expect(JSON.stringify(readPending(JSON.parse(JSON.stringify(read))))).toBe(JSON.stringify(read)) });
bears("bodies in chunks", { kind: octets, samples: [await sealBody({ key: new Uint8Array(16), nonce: new Uint8Array(12) }, new Uint8Array(48), utf8("x"))], share: 50, read: (message) => openBody({ key: new Uint8Array(16), nonce: new Uint8Array(12) }, message, 48) });
bears("ranges of what comes in pieces", {
  kind: writing, samples: ["bytes 0-3/8", "bytes 0-3/4", "bytes 4-7/8"],
  read: (range) => inPieces(asking(), 1000, async () => ({ status: 206, headers: new Headers({ "Content-Range": range.replace(/[^ -~]/g, ""), "ETag": '"1"' }), bytes: utf8("abcd") })),
});
