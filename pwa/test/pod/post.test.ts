import { describe, expect, test } from "vitest";
import { attachmentOf, noteText, readNote } from "../../src/core/pod/post.ts";
import { cardText, readCard, readWays } from "../../src/core/pod/card.ts";
import { placeOf, safeName, validPath } from "../../src/core/pod/paths.ts";
import { etagOf, newer } from "../../src/core/pod/tree.ts";
import { utf8 } from "../../src/core/bytes.ts";

const bytes = new Uint8Array([1, 2, 3]);
const picture = { full: bytes, thumb: bytes, mediaType: "image/webp", width: 1600, height: 1200, thumbWidth: 320, thumbHeight: 240, alt: "A dog" };

describe("post.jsonld", () => {
  test("is read as it was written", () => {
    const attachment = attachmentOf(picture, 0);
    if (attachment === undefined) throw new Error("no attachment");
    const note = { text: "Hello\n“you” \u0000", published: 1_795_000_000_123, updated: 1_795_000_000_456, attachments: [attachment] };
    expect(readNote(noteText(note))).toEqual(note);
    expect(JSON.parse(noteText(note))).toMatchObject({
      "@context": "https://www.w3.org/ns/activitystreams", id: "./", type: "Note", mediaType: "text/plain",
      attachment: [{ type: "Image", url: "1.webp", name: "A dog", width: 1600, preview: { type: "Image", url: "1-t.webp", height: 240 } }],
    });
  });

  test.each([
    ["a folder above", "../x/1.webp"],
    ["another host", "https://evil.example/1.webp"],
    ["the access list", ".acl"],
    ["an encoded slash", "a%2Fb.webp"],
    ["nothing", ""],
  ])("leaves out a picture that leads to %s", (_name, url) => {
    const text = JSON.stringify({ type: "Note", published: "2026-11-22T10:00:00Z", content: "x", attachment: [{ type: "Image", url, mediaType: "image/webp" }] });
    expect(readNote(text)?.attachments).toEqual([]);
  });

  test.each([["image/svg+xml"], ["text/html"], ["image/"], [7]])("leaves out a picture of the kind %j", (mediaType) => {
    const text = JSON.stringify({ type: "Note", published: "2026-11-22T10:00:00Z", attachment: [{ url: "1.webp", mediaType }] });
    expect(readNote(text)?.attachments).toEqual([]);
  });

  test.each([["", "no JSON"], ["[]", "a list"], ['{"type":"Note"}', "no date"], ['{"type":"Like","published":"2026-11-22T10:00:00Z"}', "another type"], ['{"type":"Note","published":"yesterday"}', "no real date"]])(
    "%j is not read: %s",
    (text) => {
      expect(readNote(text)).toBeUndefined();
    },
  );
});

describe("a contact record", () => {
  const card = {
    name: "Ben", label: "b".repeat(52), grant: 1, devices: "d", keys: "k", accepts: ["did:key:z"], ways: [{ pod: "https://h.example/ben/", issuer: "https://h.example" }],
    salt: "s", since: 1_795_000_000_000, muted: true, verified: false, blocked: false, direct: false, note: "",
  };

  test("is read as it was written, in the members that the pod knows", () => {
    expect(readCard(cardText(card))).toEqual(card);
    expect(JSON.parse(cardText(card))).toMatchObject({ id: "#me", type: "Person", name: "Ben", "kith:label": card.label, "kith:grant": 1, "kith:ways": card.ways, "kith:muted": true });
  });

  test.each([["{}"], ['{"kith:label":"short"}'], ["nonsense"]])("%s names nobody", (text) => {
    expect(readCard(text)).toBeUndefined();
  });

  test("knows only ways that are plain http addresses of folders", () => {
    const ways = ["javascript:alert(1)/", "https://a@h.example/ben/", "https://h.example/ben", "https://h.example/ben/?x", "https://h.example/ben/"];
    expect(readWays(ways.slice(-3).map((pod) => ({ pod, issuer: "https://h.example" })))).toEqual([{ pod: "https://h.example/ben/", issuer: "https://h.example" }]);
    expect(readWays(ways.slice(0, 2).map((pod) => ({ pod, issuer: "https://h.example" })))).toEqual([]);
  });
});

describe("paths", () => {
  test.each([
    ["/social/posts/2026-11-22-a/post.jsonld", "post"], ["/social/posts/2026-11-22-a/.acl", "acl"], ["/social/posts/2026-11-22-a/1-t.webp", "media"],
    ["/social/posts/.acl", "other"], ["/contacts/aaaaaaaaaaaaaaaaaaaa/card", "contact"], ["/contacts/a/card", "other"], ["/circles/aaaaaaaaaaaaaaaaaaaa", "circle"],
    ["/social/in/aaaaaaaaaaaaaaaaaaaa/x1", "message"], ["/social/in/aaaaaaaaaaaaaaaaaaaa/.acl", "other"], ["/.acl", "other"],
  ])("%s is a place of the kind %s", (path, kind) => {
    expect(placeOf(path).kind).toBe(kind);
  });

  test.each([["peers/x", false], ["/a//b", false], ["/a/../b", false], ["/a/.", false], ["/a\\b", false], ["/a\u0000", false], ["/", true], ["/a/b/", true], ["/a b/ü", true]])("%j from outside: %j", (path, valid) => {
    expect(validPath(path)).toBe(valid);
  });

  test.each([["1.webp", true], [".acl", false], ["a/b", false], ["..", false], ["", false], ["a".repeat(101), false]])("%j as one segment: %j", (name, safe) => {
    expect(safeName(name)).toBe(safe);
  });
});

test("an ETag is that of media type and bytes", async () => {
  expect(await etagOf("text/plain", utf8("hello"))).toMatch(/^"[\w-]{22}"$/);
  expect(await etagOf("text/plain", utf8("hello"))).not.toBe(await etagOf("text/turtle", utf8("hello")));
});

test("versions are ordered by counter, then by device", () => {
  expect(newer({ counter: 2, device: "a" }, { counter: 1, device: "b" })).toBe(true);
  expect(newer({ counter: 1, device: "b" }, { counter: 1, device: "a" })).toBe(true);
  expect(newer({ counter: 1, device: "a" }, { counter: 1, device: "a" })).toBe(false);
});
