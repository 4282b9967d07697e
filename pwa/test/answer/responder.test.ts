/** What a device answers from its own store. */

import { beforeEach, describe, expect, test } from "vitest";
import type { Agent } from "../../src/core/answer/judge.ts";
import { Responder } from "../../src/core/answer/responder.ts";
import type { Audience, ContactId } from "../../src/core/kith.ts";
import { changeFriend } from "../../src/core/pod/friends.ts";
import type { Folder } from "../../src/core/pod/paths.ts";
import { editPost, removePost, showPost } from "../../src/core/pod/posts.ts";
import { turtle } from "../../src/core/pod/tree.ts";
import { agentOf, asker, befriend, houseOf, publish, type Somebody, somebody } from "./world.ts";

let [ana, ben, cem]: [Somebody, Somebody, Somebody] = [undefined as never, undefined as never, undefined as never];
let [benCid, cemCid]: [ContactId, ContactId] = [undefined as never, undefined as never];
let responder: Responder;
type Ask = ReturnType<typeof asker>;
let [asBen, asCem, asOwner, asNobody]: [Ask, Ask, Ask, Ask] = [undefined as never, undefined as never, undefined as never, undefined as never];
let [forBen, forCem]: [Audience, Audience] = [{ kind: "me" }, { kind: "me" }];
let [hers, his, mine] = ["", "", ""] as [Folder, Folder, Folder];
const nobody: Agent = { kind: "nobody" };

beforeEach(async () => {
  [ana, ben, cem] = [await somebody("Ana"), await somebody("Ben"), await somebody("Cem")];
  [benCid, cemCid] = [await befriend(ana, ben), await befriend(ana, cem)];
  responder = new Responder(houseOf(ana));
  asBen = asker(responder, await agentOf(ana, benCid, ben));
  asCem = asker(responder, await agentOf(ana, cemCid, cem));
  asOwner = asker(responder, { kind: "owner", kid: ana.tree.device });
  asNobody = asker(responder, nobody);
  forBen = { kind: "some", circles: [], friends: [benCid] };
  forCem = { kind: "some", circles: [], friends: [cemCid] };
  hers = await publish(ana, "for both", { kind: "all" });
  his = await publish(ana, "for Ben", forBen);
  mine = await publish(ana, "for me", { kind: "me" });
});

const members = (text: string): readonly string[] => (JSON.parse(text) as readonly { readonly "@id": string }[]).slice(1).map((each) => each["@id"]);

describe("a container", () => {
  test("lists to each what they may read, in one JSON-LD with the ETag of what is told", async () => {
    const [ben1, cem1] = [await asBen("GET", "/social/posts/"), await asCem("GET", "/social/posts/")];
    expect(ben1).toMatchObject({ status: 200, headers: { "content-type": "application/ld+json", "accept-ranges": "bytes" } });
    expect(members(ben1.text)).toEqual([hers, his].sort().map((name) => `./${name}/`));
    expect(members(cem1.text)).toEqual([`./${hers}/`]);
    expect(ben1.headers.etag).toMatch(/^"[\w-]{22}\.jsonld"$/);
    expect(ben1.headers.etag).not.toBe(cem1.headers.etag);
    expect(await asBen("GET", "/social/posts/", { "If-None-Match": ben1.headers.etag ?? "" })).toMatchObject({ status: 304, text: "" });
    await publish(ana, "another for Cem", forCem);
    expect((await asBen("GET", "/social/posts/")).headers.etag).toBe(ben1.headers.etag);
    expect((await asCem("GET", "/social/posts/")).headers.etag).not.toBe(cem1.headers.etag);
  });

  test("of a post has its files, their sizes and times, and no auxiliary", async () => {
    const { text, headers } = await asBen("GET", `/social/posts/${his}/`);
    expect(members(text)).toEqual(["./post.jsonld"]);
    expect(headers["last-modified"]).toBe(new Date(ana.store.row(`/social/posts/${his}/post.jsonld`)?.modified ?? 0).toUTCString());
  });
});

describe("a hidden thing is answered as an absent one", () => {
  test.each([
    ["a post of others", () => `/social/posts/${mine}/`, "/social/posts/2026-01-01-absent/"],
    ["a file of such a post", () => `/social/posts/${mine}/post.jsonld`, "/social/posts/2026-01-01-absent/post.jsonld"],
    ["an audience", () => [...ana.store.rows("/social/audiences/")][0]?.path ?? "", "/social/audiences/absent"],
    ["another's inbox", () => `/social/in/${cemCid}/`, "/social/in/aaaaaaaaaaaaaaaaaaaa/"],
  ])("%s", async (_name, there, absent) => {
    for (const method of ["GET", "HEAD"]) {
      const [hidden, none] = [await asBen(method, there()), await asBen(method, absent)];
      expect(hidden.status).toBe(403);
      expect(hidden).toEqual(none);
    }
  });

  test("and what is absent where the rest may be read is said to be", async () => {
    expect(await asBen("GET", `/social/posts/${his}/nothing`)).toMatchObject({ status: 404 });
    expect((await asBen("GET", `/social/posts/${his}/nothing`)).text).toBe('{"type":"about:blank","title":"Not Found","status":404,"detail":"There is no such resource."}\n');
  });
});

describe("out of reach", () => {
  test.each([
    ["GET", "/profile/devices", 403, 401], ["GET", "/settings/relays", 403, 401], ["GET", "/contacts/", 403, 401], ["GET", "/social/posts/.acl", 403, 401],
    ["GET", "/social/../profile/card", 403, 401], ["GET", "/social//posts/", 403, 401], ["GET", "/social/posts%2f", 403, 401], ["GET", "/", 403, 401], ["POST", "/token", 403, 401],
    ["DELETE", "/social/posts/", 405, 401], ["PATCH", "/social/door", 405, 401], ["PUT", "/social/door", 405, 401], ["OPTIONS", "/social/feed", 405, 401],
    ["PUT", "/social/in/x/y/z", 405, 401], ["GET", "/.hint", 405, 401], ["GET", "/.replica", 403, 401],
  ])("is %s %s", async (method, path, friend, stranger) => {
    expect(await asBen(method, path)).toMatchObject({ status: friend, text: "" });
    expect(await asNobody(method, path)).toMatchObject({ status: stranger, text: "" });
  });

  test("what only the pod can answer is left to it", async () => {
    for (const path of ["/.replica", "/.replica/social/door", "/.invites/", "/.pair/links", "/.push"]) expect((await asOwner("GET", path)).status).toBe(0);
    expect((await asNobody("POST", "/.pair")).status).toBe(0);
  });
});

describe("bytes", () => {
  const path = (): string => `/social/posts/${his}/post.jsonld`;
  test.each([
    ["all", {}, 200, undefined],
    ["the first ten", { Range: "bytes=0-9" }, 206, [0, 10]],
    ["from the twentieth", { Range: "bytes=20-" }, 206, [20, undefined]],
    ["the last five", { Range: "bytes=-5" }, 206, [-5, undefined]],
    ["beyond the end", { Range: "bytes=100000-" }, 416, undefined],
    ["several parts come whole", { Range: "bytes=0-1,3-4" }, 200, undefined],
    ["a range that is none comes whole", { Range: "bytes=9-3" }, 200, undefined],
    ["a range of another state comes whole", { Range: "bytes=0-9", "If-Range": '"other"' }, 200, undefined],
    ["when it is another", { "If-None-Match": '"other"' }, 200, undefined],
    ["not when it must be another", { "If-Match": '"other"' }, 412, undefined],
  ] as const)("%s", async (_name, headers, status, part) => {
    const whole = (await asBen("GET", path())).bytes;
    const answer = await asBen("GET", path(), headers);
    expect(answer.status).toBe(status);
    if (part !== undefined) expect(answer.bytes).toEqual(whole.slice(...part));
    if (status === 200) expect(answer.bytes).toEqual(whole);
    if (status === 416) expect(answer.headers["content-range"]).toBe(`bytes */${whole.length}`);
  });

  test("of a known state are not sent again, by tag and by date", async () => {
    const { etag = "", "last-modified": date = "" } = (await asBen("GET", path())).headers;
    expect(await asBen("GET", path(), { "If-None-Match": `"x", W/${etag}` })).toMatchObject({ status: 304, headers: { etag } });
    expect((await asBen("GET", path(), { "If-Modified-Since": date })).status).toBe(304);
    expect((await asBen("GET", path(), { "If-Modified-Since": date, "If-None-Match": '"x"' })).status).toBe(200);
    expect((await asBen("GET", path(), { Range: "bytes=0-1", "If-Range": etag })).status).toBe(206);
    expect((await asBen("GET", path(), { Range: "bytes=0-1", "If-Range": date })).status).toBe(206);
  });

  test("of more than half a MiB come in pieces", async () => {
    const large = crypto.getRandomValues(new Uint8Array(65_536));
    const all = new Uint8Array(1_300_000).map((_, i) => large[i % 65_521] ?? 0);
    await ana.tree.act("other", (batch) => batch.put(`/social/posts/${his}/1.webp`, "image/webp", all));
    const first = await asBen("GET", `/social/posts/${his}/1.webp`);
    expect([first.status, first.headers["content-range"], first.bytes.length]).toEqual([206, "bytes 0-524287/1300000", 524_288]);
    const rest = await asBen("GET", `/social/posts/${his}/1.webp`, { Range: "bytes=524288-1299999", "If-Range": first.headers.etag ?? "" });
    expect([rest.headers["content-range"], rest.bytes.length]).toEqual(["bytes 524288-1048575/1300000", 524_288]);
  });

  test("that are on another device are asked for later", async () => {
    await ana.store.apply([{ purge: path() }]);
    expect(await asBen("GET", path())).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
    expect((await asBen("GET", `/social/posts/${his}/`)).status).toBe(200);
  });
});

test("the other spelling leads to what may be read, and to nothing else", async () => {
  expect(await asBen("GET", `/social/posts/${his}?a=b`)).toMatchObject({ status: 301, headers: { location: `./${his}/?a=b` } });
  expect(await asBen("GET", `/social/posts/${his}/post.jsonld/`)).toMatchObject({ status: 301, headers: { location: "../post.jsonld" } });
  expect((await asCem("GET", `/social/posts/${his}`)).status).toBe(403);
});

test("the door says who lives here, and who asks", async () => {
  const { text, headers } = await asBen("GET", "/social/door");
  expect(headers["content-type"]).toBe("application/json");
  expect(text).toBe(JSON.stringify({
    label: ana.label, name: "Ana", device_list: ana.made.devices.text, keys: ana.made.keys.text, ways: [],
    webid: `../contacts/${benCid}/card#me`, inbox: `in/${benCid}/`, feed: "feed",
  }));
  expect((await asBen("GET", "/social/door", { "If-None-Match": headers.etag ?? "" })).status).toBe(304);
});

describe("a custom access list", () => {
  const post = (text: string): Promise<unknown> => ana.tree.act("other", (batch) => batch.putText(`/social/posts/${mine}/.acl`, turtle, text));
  const prefix = "@prefix acl: <http://www.w3.org/ns/auth/acl#>.\n";
  test.each([
    ["that names a friend lets them read", (cid: string) => `${prefix}<#a> a acl:Authorization; acl:agent <../../../contacts/${cid}/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.`, 200],
    ["that names the friend's device does", () => `${prefix}<#a> a acl:Authorization; acl:agent <${ben.tree.device}>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write.`, 200],
    ["with an absolute name does", (cid: string) => `${prefix}<#a> a acl:Authorization; acl:agent <https://${ana.label}.kith.invalid/contacts/${cid}/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.`, 200],
    ["for what lies below does not open the folder", (cid: string) => `${prefix}<#a> a acl:Authorization; acl:agent <../../../contacts/${cid}/card#me>; acl:default <./>; acl:mode acl:Read.`, 403],
    ["of another thing does not", (cid: string) => `${prefix}<#a> a acl:Authorization; acl:agent <../../../contacts/${cid}/card#me>; acl:accessTo <../>; acl:mode acl:Read.`, 403],
    ["without a mode does not", (cid: string) => `${prefix}<#a> a acl:Authorization; acl:agent <../../../contacts/${cid}/card#me>; acl:accessTo <./>.`, 403],
    ["that names everybody does not, unless the owner allowed that", () => `${prefix}<#a> a acl:Authorization; acl:agentClass acl:AuthenticatedAgent; acl:accessTo <./>; acl:mode acl:Read.`, 403],
    ["in a form that is not read does not", (cid: string) => `${prefix}[] a acl:Authorization; acl:agent <../../../contacts/${cid}/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.`, 403],
    ["that is no Turtle does not", () => "nonsense", 403],
  ])("%s", async (_name, text, status) => {
    await post(text(benCid));
    expect((await asBen("GET", `/social/posts/${mine}/`)).status).toBe(status);
    expect((await asCem("GET", `/social/posts/${mine}/`)).status).toBe(403);
  });

  test("that names everybody holds where the owner allowed it", async () => {
    await post(`${prefix}<#a> a acl:Authorization; acl:agentClass acl:AuthenticatedAgent; acl:accessTo <./>; acl:mode acl:Read.`);
    const allowed = JSON.stringify({ "/social/posts/": ["http://www.w3.org/ns/auth/acl#AuthenticatedAgent"] });
    await ana.tree.act("other", (batch) => batch.putText("/settings/classes", "application/json", allowed));
    expect((await asCem("GET", `/social/posts/${mine}/`)).status).toBe(200);
    expect((await asNobody("GET", `/social/posts/${mine}/`)).status).toBe(401);
  });
});

describe("a message", () => {
  const note = '{"@context":"https://www.w3.org/ns/activitystreams","type":"Note","content":"hello"}';
  const whole = { "If-None-Match": "*", "Content-Type": "application/ld+json" };
  const path = (name = "aaaaaaaa"): string => `/social/in/${benCid}/${name}`;

  test("is taken once, by its name", async () => {
    expect(await asBen("PUT", path(), whole, note)).toMatchObject({ status: 201, headers: { etag: ana.store.row(path())?.etag } });
    expect((await asBen("PUT", path(), whole, note)).status).toBe(412);
    expect((await asBen("PUT", path("AAAAAAAA"), whole, note)).status).toBe(409);
    expect((await asBen("GET", path())).status).toBe(403);
    expect((await asOwner("GET", path())).text).toBe(note);
  });

  test("that comes again because its answer was lost is answered as it was", async () => {
    const once = { nonce: "n", expires: Date.now() + 60_000 };
    const first = await asBen("PUT", path(), whole, note, once);
    expect(await asBen("PUT", path(), whole, note, once)).toEqual(first);
    expect((await asBen("PUT", path(), whole, note, { ...once, nonce: "m" })).status).toBe(412);
  });

  test.each([
    ["without a condition", () => path(), { "Content-Type": "text/plain" }, "x", 428],
    ["into another's inbox", () => `/social/in/${cemCid}/aaaaaaaa`, whole, note, 403],
    ["without a type", () => path(), { "If-None-Match": "*" }, "x", 400],
    ["that is not what it says", () => path(), whole, "{", 400],
    ["of more than 256 KiB", () => path(), { ...whole, "Content-Type": "text/plain" }, "x".repeat(262_145), 413],
  ])("%s is refused", async (_name, where, headers, body, status) => {
    expect((await asBen("PUT", where(), headers, body)).status).toBe(status);
    expect([...ana.store.rows("/social/in/")].filter((row) => !row.path.endsWith(".acl"))).toEqual([]);
  });

  test("finds no room beyond what one friend may keep here", async () => {
    const row = ana.store.row(`/social/in/${benCid}/.acl`);
    if (row === undefined) throw new Error("no inbox");
    await ana.store.apply([{ put: { ...row, path: path("large"), size: (64 << 20) - 4096 }, bytes: null }]);
    expect((await asBen("PUT", path(), { ...whole, "Content-Type": "text/plain" }, "x".repeat(4096))).status).toBe(507);
    expect((await asCem("PUT", `/social/in/${cemCid}/aaaaaaaa`, whole, note)).status).toBe(201);
  });
});

describe("the feed", () => {
  interface Page { readonly orderedItems: readonly { readonly type: string; readonly id: string; readonly object?: string; readonly state?: string; readonly "kith:post"?: { readonly content: string } }[]; readonly next?: string; readonly "kith:cursor": string }
  const pageOf = async (ask: typeof asBen, query = ""): Promise<Page> => {
    const { status, text } = await ask("GET", `/social/feed${query}`);
    expect([status, text.slice(0, 1)]).toEqual([200, "{"]);
    return JSON.parse(text) as Page;
  };
  const since = (ask: typeof asBen, cursor: string): Promise<Page> => pageOf(ask, `?cursor=${cursor}`);
  const kinds = ({ orderedItems }: Page): readonly string[] => orderedItems.map(({ type, object }) => `${type} ${object?.split("/")[1] ?? ""}`.trim());

  test("lists what each may read, with the state of its folder", async () => {
    const page = await pageOf(asBen, "?inline=1");
    expect(page.orderedItems.map((item) => item["kith:post"]?.content).sort()).toEqual(["for Ben", "for both"]);
    for (const item of page.orderedItems) expect((await asBen("GET", `/social/${item.object}`)).headers.etag).toBe(`${item.state?.slice(0, -1)}.jsonld"`);
    expect(kinds(await pageOf(asCem))).toEqual([`Add ${hers}`]);
    expect((await asNobody("GET", "/social/feed")).status).toBe(401);
  });

  test("comes in pages that carry the cursor of the first", async () => {
    for (const text of ["a", "b", "c"]) await publish(ana, text, forBen);
    const first = await pageOf(asBen, "?limit=2");
    const rest: string[] = [...kinds(first)];
    for (let { next } = first; next !== undefined; ) {
      const page = await pageOf(asBen, next.slice(4));
      expect(page["kith:cursor"]).toBe(first["kith:cursor"]);
      rest.push(...kinds(page));
      next = page.next;
    }
    expect(rest).toHaveLength(5);
    expect(rest).toEqual([...rest].sort().reverse());
  });

  test("tells each what happened for them, and nothing of the rest", async () => {
    const [ben0, cem0] = [(await pageOf(asBen))["kith:cursor"], (await pageOf(asCem))["kith:cursor"]];
    expect(ben0).toHaveLength(502);
    await editPost(ana.tree, his, "for Ben, better");
    const added = await publish(ana, "new for Ben", forBen);
    await showPost(ana.tree, mine, forBen);
    const page = await since(asBen, ben0);
    expect(kinds(page)).toEqual([`Update ${his}`, `Create ${added}`, `Add ${mine}`]);
    expect(await since(asBen, page["kith:cursor"])).toMatchObject({ orderedItems: [], "kith:cursor": page["kith:cursor"] });
    expect(await since(asCem, cem0)).toMatchObject({ orderedItems: [], "kith:cursor": cem0 });
  });

  test("tells those who lost a post and those who could read one that was deleted, and nobody else", async () => {
    const { orderedItems, "kith:cursor": ben0 } = await pageOf(asBen);
    const cem0 = (await pageOf(asCem))["kith:cursor"];
    const idOf = (folder: Folder | undefined): string => orderedItems.find(({ object }) => object === `posts/${folder}/`)?.id ?? "";
    await showPost(ana.tree, hers, forCem);
    await removePost(ana.tree, his);
    await removePost(ana.tree, mine);
    expect((await since(asBen, ben0)).orderedItems).toEqual([{ type: "Remove", id: idOf(hers) }, { type: "Delete", id: idOf(his) }]);
    expect(await since(asCem, cem0)).toMatchObject({ orderedItems: [], "kith:cursor": cem0 });
    await removePost(ana.tree, hers);
    expect((await since(asCem, cem0)).orderedItems).toEqual([{ type: "Delete", id: idOf(hers) }]);
    expect((await since(asBen, ben0)).orderedItems.map(({ type }) => type)).toEqual(["Remove", "Delete"]);
  });

  test("waits for news, and for news of the one who asks", async () => {
    const cursor = (await pageOf(asBen))["kith:cursor"];
    const waiting = asBen("GET", `/social/feed?cursor=${cursor}&wait=20`);
    await publish(ana, "hidden", { kind: "me" });
    await publish(ana, "hello", forBen);
    expect((JSON.parse((await waiting).text) as Page).orderedItems).toHaveLength(1);
  });

  test.each([
    ["of somebody else", async () => (await pageOf(asCem))["kith:cursor"], 410],
    ["that is none", async () => "no!", 400],
    ["of an age", async () => {
      const cursor = (await pageOf(asBen))["kith:cursor"];
      ana.clock.ahead = 81 * 86_400_000;
      return cursor;
    }, 410],
  ])("answers a cursor %s", async (_name, cursor, status) => {
    expect((await asBen("GET", `/social/feed?cursor=${await cursor()}`)).status).toBe(status);
  });

  test("is gone to a friend who is known otherwise by now", async () => {
    const cursor = (await pageOf(asBen))["kith:cursor"];
    await changeFriend(ana.tree, benCid, (now) => ({ ...now, grant: 2 }));
    const again = asker(responder, await agentOf(ana, benCid, ben));
    expect((await again("GET", `/social/feed?cursor=${cursor}`)).status).toBe(410);
  });

  test("says that this device lags behind when it has not heard of what was seen", async () => {
    const known = ana.store.get("known") as Record<string, number>;
    const cursor = (await pageOf(asBen))["kith:cursor"];
    const seen = { "Kith-Seen": cursor };
    const post = `/social/posts/${his}/post.jsonld`;
    expect((await asBen("GET", post, seen)).status).toBe(200);
    // A device that was restored from before.
    await ana.store.apply([{ set: "known", value: Object.fromEntries(Object.entries(known).map(([device]) => [device, 1])) }]);
    for (const path of [`/social/feed?cursor=${cursor}`]) expect((await asBen("GET", path)).status).toBe(503);
    for (const path of [post, "/social/door", "/social/posts/2026-01-01-absent/"]) expect(await asBen("GET", path, seen)).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
    expect((await asBen("GET", post, { "Kith-Seen": "nonsense" })).status).toBe(200);
  });

  test.each(["limit=0", "limit=101", "limit=x", "wait=26", "inline=2", "cursor=a&page=b", "limit=1&limit=1"])("does not understand %s", async (query) => {
    expect((await asBen("GET", `/social/feed?${query}`)).status).toBe(400);
  });
});
