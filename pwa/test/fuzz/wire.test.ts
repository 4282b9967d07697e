import { encode } from "uqr";
import { expect } from "vitest";
import { type Bytes, utf8 } from "../../src/core/bytes.ts";
import type { Env } from "../../src/core/env.ts";
import { object } from "../../src/core/json.ts";
import { PodClient } from "../../src/core/ldp/client.ts";
import { retryAfter } from "../../src/core/ldp/errors.ts";
import { validPath } from "../../src/core/pod/paths.ts";
import type { Row } from "../../src/core/store/store.ts";
import { joinerOf } from "../../src/core/sync/admitting.ts";
import { pageOf as feedPageOf, readFeed } from "../../src/core/sync/feedwire.ts";
import { jsonOf } from "../../src/core/sync/open.ts";
import { inParts } from "../../src/core/sync/parts.ts";
import { pageOf, putRow, readPage, standsOf } from "../../src/core/sync/replica.ts";
import { generate, jwkOf } from "../../src/core/webid/key.ts";
import { createPasskey, type Passkeys, showPasskey } from "../../src/ui/passkey.ts";
import { readCode } from "../../src/ui/reader.ts";
import { asking } from "../sealed/people.ts";
import { octets, values, writing, written } from "./mutate.ts";
import { bears } from "./oracle.ts";

// What pods answer, the own one and friends', and what the camera sees.

const way = { pod: "https://pods.example/ana/", issuer: "https://pods.example" };
const signer = await generate("sign");
const token = JSON.stringify({ access_token: "t", token_type: "DPoP", expires_in: 300 });
const row: Row = { path: "/a", id: "i", version: { counter: 1, device: "d" }, type: "text/plain", etag: '"e"', size: 3, modified: 5, used: 5, here: true };
const remote = { path: "/a", id: "i", version: [1, "d"], type: "text/plain", etag: '"e"', size: 3, modified: "2026-11-22T20:00:00Z" };
const page = { epoch: "e", seq: 2, head: 2, counter: 9, device: "pod", more: true, rows: [remote, { id: "j", version: [2, "d"], gone: true }] };
const post = { type: "Note", published: "2026-11-22T20:00:00Z", content: "x" };
const item = { id: "h", type: "Create", state: "s", published: "2026-11-22T20:00:00Z", object: "posts/2026-11-22-a/", "kith:post": post, "kith:replies": "x" };
const feed = { orderedItems: [item, { id: "g", type: "Delete" }], "kith:cursor": "c", next: "feed?page=2" };

/** client asks a pod that answers this, whatever it is asked; a token it always gives. */
function client(status: number, body: Bytes | string, tokens: Bytes | string = token): PodClient {
  const fetch = async (url: string): Promise<Response> => (url.endsWith("/token") ? new Response(tokens) : new Response(body, { status }));
  return new PodClient({ now: () => 0, random: (n: number) => new Uint8Array(n), fetch, after: () => () => undefined } as unknown as Env, way, signer, "pod", () => undefined);
}
const bytes = (value: unknown): Bytes => utf8(written(value));

bears("pages of the own tree", { kind: values, samples: [page], read: (value) => pageOf(object(value)), holds: (read) => expect(read?.rows.every(({ path }) => validPath(path)) ?? true).toBe(true) });
bears("what a pod answers to a device that follows it", { kind: octets, samples: [bytes(page)], share: 50, read: (body) => readPage(client(200, body), undefined) });
bears("what won", { kind: values, samples: [remote, page.rows[1]], read: standsOf });
bears("what a pod answers to a row", { kind: octets, samples: [bytes(remote)], share: 50, read: (body) => putRow(client(200, body), row, utf8("abc"), undefined) });
bears("what a pod answers to a row that lost", { kind: octets, samples: [bytes({ winner: remote })], share: 50, read: (body) => putRow(client(409, body), row, utf8("abc"), row.version) });
bears("feeds of friends", {
  kind: values, samples: [feed], read: (value) => feedPageOf(object(value), way.pod),
  holds: ({ items, next }) => expect(items.every((each) => each.kind === "gone" || /^[\w][\w.-]*$/.test(each.folder)) && (next ?? "social/feed?").startsWith("social/feed?")).toBe(true),
});
bears("what a friend's pod answers", { kind: octets, samples: [bytes(feed)], share: 50, read: (body) => readFeed(client(200, body), "social/feed") });
bears("tokens", { kind: octets, samples: [utf8(token)], share: 50, read: async (body) => (await client(200, "", body).ask({ method: "GET", path: "a" })).status });
bears("answers to who has no token yet", { kind: octets, samples: [bytes(page)], read: (body) => jsonOf({ status: 200, headers: new Headers(), bytes: body }, "pod") });
bears("what came of a part", { kind: octets, samples: [utf8('{"have":196608}')], read: (body) => inParts(asking({ body: new Uint8Array(200_000) }), async () => ({ status: 202, headers: new Headers(), bytes: body })) });
bears("waits that are asked for", { kind: writing, samples: ["7", "Thu, 01 Jan 1970 00:00:30 GMT"], read: (text) => retryAfter(new Headers({ "Retry-After": text.replace(/[^ -~]/g, "") }), 0), holds: (read) => read === undefined || expect(read >= 0 && read <= 86_400_000).toBe(true) });
bears("devices that want to join", { kind: values, samples: [{ kid: signer.kid, agree: jwkOf(signer.kid), name: "phone", mac: "m" }], read: (value) => joinerOf(object(value), 0) });

const refused: Passkeys = { create: () => Promise.reject(new DOMException("", "NotAllowedError")), get: () => Promise.reject(new DOMException("", "NotAllowedError")) };
const options = { publicKey: { challenge: "AQID", rp: { id: "pods.example" }, user: { id: "BAU", name: "ana" }, excludeCredentials: [{ type: "public-key", id: "Bg" }], allowCredentials: [{ type: "public-key", id: "Bg" }] } };
bears("what a pod asks of a passkey", { kind: values, samples: [options, options.publicKey], read: async (value) => [await createPasskey(refused, object(value) ?? {}), await showPasskey(refused, object(value) ?? {})] });

/** picture makes a picture of a code out of its modules, each as dark as its byte says. */
function picture(modules: Bytes): Pick<ImageData, "width" | "height" | "data"> {
  const side = Math.max(1, Math.min(60, Math.floor(Math.sqrt(modules.length))));
  const scale = 3;
  const data = new Uint8ClampedArray((side * scale) ** 2 * 4).fill(255);
  for (let y = 0; y < side * scale; y++) {
    for (let x = 0; x < side * scale; x++) data.fill(modules[Math.floor(y / scale) * side + Math.floor(x / scale)] ?? 255, (y * side * scale + x) * 4, (y * side * scale + x) * 4 + 3);
  }
  return { width: side * scale, height: side * scale, data };
}
const { data } = encode("https://ana.example/#i=AQkXb3Zq9rT1yLw7Hs2Vd8Nf4Gj6Mp0C", { ecc: "L", border: 4 });
bears("what the camera sees", { kind: octets, samples: [Uint8Array.from(data.flat(), (dark) => (dark ? 30 : 255))], share: 15, read: (modules) => readCode(picture(modules)) });

