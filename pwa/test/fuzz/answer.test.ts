import { expect } from "vitest";
import { b64u, utf8 } from "../../src/core/bytes.ts";
import { send } from "../../src/core/answer/content.ts";
import { Cursors } from "../../src/core/answer/cursor.ts";
import type { Agent } from "../../src/core/answer/judge.ts";
import { escapedPath, pathOf } from "../../src/core/answer/names.ts";
import { feedQuery, nextPage } from "../../src/core/answer/query.ts";
import { targetOf } from "../../src/core/answer/reach.ts";
import { Refusal } from "../../src/core/answer/refusal.ts";
import { compactJSON, essence } from "../../src/core/answer/spelled.ts";
import type { ContactId } from "../../src/core/kith.ts";
import { octets, writing } from "./mutate.ts";
import { bears } from "./oracle.ts";

// What a friend asks of a phone that answers for its person.

const agent: Agent = { kind: "contact", cid: "abcdefghijklmnopqrst" as ContactId, grant: 1, kid: "k1", also: [] };
const refuses = [Refusal];
const field = (text: string): string => text.replace(/[^ -~\x80-\xff]/g, "");

bears("paths", { kind: writing, refuses, samples: ["/social/posts/2026-11-22-abc/post.jsonld", "/%C3%BC/a%20b/", "/social/.acl"], read: (text) => pathOf(text.replace(/[^!-~]/g, "")), holds: (path) => expect(pathOf(escapedPath(path))).toBe(path) });
bears("what is asked of the feed", {
  kind: writing, refuses, samples: ["limit=10&inline=1", "cursor=abc&wait=25&limit=5", "page=2026-11-22-a"], read: feedQuery,
  holds: (query) => (query.page ?? "") === "" || /\p{Surrogate}/u.test(query.page ?? "") || expect(feedQuery(nextPage(query, "page", query.page ?? "").slice("feed?".length)).page).toBe(query.page),
});
bears("what a request is for", {
  kind: writing, samples: ["/social/feed?limit=1", "/social/in/abc/def", "/.invites/abc", "/.pair", "/.rtc", "/social/door"],
  read: (path) => (["GET", "PUT", "POST"] as const).flatMap((method) => [agent, { kind: "nobody" } as const].map((who) => targetOf(who, { method, path, headers: new Headers({ "If-None-Match": "*" }), body: new Uint8Array(1) }))),
});
const type = "text/plain; charset=utf-8";
bears("media types", { kind: writing, samples: [type, 'a/b;c="d\\"e"; f=g', `a/b;${" ".repeat(4000)}`, `a/b;c=${"x".repeat(4000)}`], read: (text) => essence(field(text).slice(0, 16 << 10)), holds: (read) => read === "" || expect(essence(read)).toBe(read) });
bears("JSON that is passed on", { kind: writing, samples: ['{"a": [1, "b\\" c"],\n "d" : "<e>"}', "[]"], read: compactJSON, holds: (read) => expect(compactJSON(read)).toBe(read) });

const what = { type, etag: '"abc"', modified: 1_000, dated: true, size: 8, bytes: async () => utf8("12345678") };
for (const [name, ...samples] of [
  ["Range", "bytes=0-3", "bytes=-2", "bytes=5-"], ["If-Match", '"abc"', "*"], ["If-None-Match", 'W/"abc", "d"'], ["If-Range", '"abc"', "Thu, 01 Jan 1970 00:00:01 GMT"], ["If-Modified-Since", "Thu, 01 Jan 1970 00:00:01 GMT"],
] as const) {
  bears(`the header ${name}`, {
    kind: writing, refuses, samples, read: (text) => send({ method: "GET", headers: new Headers({ "Range": "bytes=0-3", [name]: field(text).replace(/[^ -~]/g, "") }) }, what),
    holds: ({ status, bytes }) => expect(status === 304 ? bytes.length === 0 : bytes.length <= what.size).toBe(true),
  });
}

const cursors = await Cursors.open(new Uint8Array(32), "phone", () => 86_400_000 * 20_000);
const cursor = await cursors.seal(agent, new Map([[b64u(new Uint8Array(8).fill(1)), 7]]));
bears("cursors", { kind: writing, refuses, samples: [cursor], read: (text) => cursors.read(agent, text), holds: ({ seen }) => expect([...seen.values()]).toEqual([7]) });
bears("cursors as bytes", { kind: octets, refuses, samples: [new Uint8Array(Buffer.from(cursor, "base64url"))], read: (bytes) => cursors.read(agent, b64u(bytes)), holds: ({ seen }) => expect([...seen.values()]).toEqual([7]) });
