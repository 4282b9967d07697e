import { describe, expect, test } from "vitest";
import { pageOf as feedPageOf } from "../../src/core/sync/feedwire.ts";
import { pageOf, standsOf } from "../../src/core/sync/replica.ts";

const pod = "https://host.example/ana/";

describe("a page of a friend's feed", () => {
  const seen = { type: "Add", id: "urn:kith:1", object: "posts/2026-11-22-a/", state: '"s"', published: "2026-11-22T10:00:00Z" };
  const page = (items: readonly unknown[], more: object = {}) => feedPageOf({ orderedItems: items, ...more }, pod);

  test("tells what is seen and what is gone, in its order", () => {
    expect(page([seen, { type: "Delete", id: "urn:kith:2" }, { type: "Remove", id: "urn:kith:3" }], { "kith:cursor": "c", next: "feed?page=2" })).toEqual({
      items: [
        { kind: "seen", id: "urn:kith:1", folder: "2026-11-22-a", state: '"s"', published: Date.parse("2026-11-22T10:00:00Z"), post: undefined },
        { kind: "gone", id: "urn:kith:2" },
        { kind: "gone", id: "urn:kith:3" },
      ],
      cursor: "c",
      next: "social/feed?page=2",
    });
  });

  test.each([
    ["another folder of the pod", "../contacts/x/"], ["above the posts", "posts/../../x/"], ["another pod", "https://evil.example/ana/social/posts/a/"],
    ["another pod of the host", "../../ben/social/posts/a/"], ["below a post", "posts/a/b/"], ["a file", "posts/a"], ["a hidden folder", "posts/.acl/"], ["no reference", 7],
  ])("leaves out an item that leads to %s", (_name, object) => {
    expect(page([{ ...seen, object }]).items).toEqual([]);
  });

  test.each([["https://evil.example/?page=2"], ["../profile/card"], ["feedx?page=2"], [{}]])("does not follow %j", (next) => {
    expect(page([], { next }).next).toBeUndefined();
  });

  test.each([[undefined], [{}], [{ orderedItems: "x" }]])("is not %j", (json) => {
    expect(() => feedPageOf(json, pod)).toThrow(expect.objectContaining({ code: "friend-unreachable" }));
  });
});

describe("a page of the replica", () => {
  const head = { epoch: "e", seq: 1, head: 2, counter: 3, device: "d", more: true };
  const row = { id: "i", path: "/a", version: [1, "x"], etag: '"e"', type: "text/plain", size: 1, modified: "2026-11-22T10:00:00Z" };

  test("tells rows and tombstones", () => {
    expect(pageOf({ ...head, rows: [row, { id: "g", gone: true, version: [2, "y"] }] })).toMatchObject({
      ...head, rows: [{ id: "i", path: "/a", version: { counter: 1, device: "x" }, modified: Date.parse("2026-11-22T10:00:00Z") }], gone: [{ id: "g", version: { counter: 2, device: "y" } }],
    });
  });

  test.each([
    ["a container", { path: "/a/" }], ["a friend's copies", { path: "peers/x" }], ["a way out", { path: "/a/../b" }], ["a control character", { path: "/a\n" }],
    ["a broken version", { version: [-1, "x"] }], ["no ETag", { etag: 1 }], ["no path", { path: undefined }],
  ])("leaves out %s", (_name, change) => {
    expect(pageOf({ ...head, rows: [{ ...row, ...change }] })).toMatchObject({ rows: [], gone: [] });
  });

  test.each([[undefined], [{}], [{ ...head, seq: "1" }], [{ ...head, counter: -1 }]])("is not %j", (json) => {
    expect(pageOf(json)).toBeUndefined();
  });

  test("what stands against a row that came too late is a row or a delete", () => {
    expect(standsOf(row)).toMatchObject({ path: "/a", version: { counter: 1, device: "x" } });
    expect(standsOf({ id: "g", gone: true, version: [2, "y"] })).toEqual({ id: "g", version: { counter: 2, device: "y" } });
    expect(standsOf({ ...row, gone: true })).toEqual({ id: "i", version: { counter: 1, device: "x" } });
  });

  test.each([[undefined], [{}], [{ gone: true, version: [1, "x"] }], [{ id: "g", version: [1, "x"] }], [{ ...row, path: "/a/../b" }]])("and neither is %j", (json) => {
    expect(standsOf(json)).toBeUndefined();
  });
});
