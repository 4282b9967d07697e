import { describe, expect, test } from "vitest";
import { messageText, readMessage, receiptName, type Sendable } from "../../src/core/pod/message.ts";
import type { Folder } from "../../src/core/pod/paths.ts";
import type { Did } from "../../src/core/webid/key.ts";

const folder = "2026-11-22-abcdefghijklmnop" as Folder;

describe("a message", () => {
  test.each<[string, Sendable]>([
    ["a comment", { kind: "comment", folder, text: "How lovely", at: 1_700_000_000_000, name: "Ben" }],
    ["a like", { kind: "like", folder, at: 1_700_000_000_000, name: "Ben" }],
    ["what takes one back", { kind: "undo", folder, nonce: "abc" }],
    ["a receipt", { kind: "receipt", handle: "AAAA", device: "did:key:zDn" }],
    ["a wish to keep", { kind: "keep", folder }],
    ["leave to keep", { kind: "kept", handle: "AAAA" }],
  ])("is read as it was written: %s", (_name, message) => {
    expect(readMessage(messageText(message))).toEqual(message);
  });

  test("of where somebody is reached hands on what it says", () => {
    expect(readMessage('{"type":"Update","object":{"type":"kith:Ways","ways":[]}}')).toEqual({ kind: "ways", said: { type: "kith:Ways", ways: [] } });
  });

  const note = { type: "Note", inReplyTo: `../../posts/${folder}/`, content: "x" };
  test.each<[string, unknown]>([
    ["another kind", { type: "Announce", object: "x" }],
    ["no kind", {}],
    ["a list", []],
    ["an update of something else", { type: "Update", object: { type: "Person" } }],
    ["a comment about nothing", { ...note, inReplyTo: undefined }],
    ["a comment about a post elsewhere", { ...note, inReplyTo: "https://other.example/posts/x/" }],
    ["a comment that leads out of the posts", { ...note, inReplyTo: "../../posts/../in/" }],
    ["a comment that leads deeper", { ...note, inReplyTo: `../../posts/${folder}/x/` }],
    ["a comment about a file", { ...note, inReplyTo: `../../posts/${folder}/post.jsonld` }],
    ["a comment without words", { ...note, content: " \n " }],
    ["a comment that is too long", { ...note, content: "x".repeat(2001) }],
    ["a comment of a number", { ...note, content: 7 }],
    ["a like of two", { type: "Like", object: [`../../posts/${folder}/`] }],
    ["taking back a path", { type: "Delete", object: "../x", target: `../../posts/${folder}/` }],
    ["taking back from nowhere", { type: "Undo", object: "abc" }],
    ["a receipt of no device", { type: "Accept", object: "AAAA" }],
    ["a receipt of an endless handle", { type: "Accept", object: "A".repeat(101), "kith:device": "did:key:z" }],
    ["leave to keep nothing", { type: "kith:Kept" }],
  ])("is of no kind that is known: %s", (_name, json) => {
    expect(readMessage(JSON.stringify(json))).toBeUndefined();
  });

  test("that is no JSON is of no kind", () => {
    expect(readMessage("{")).toBeUndefined();
  });
});

test("a receipt has one name for each device and post", async () => {
  const [one, two] = ["did:key:zDnA", "did:key:zDnB"] as [Did, Did];
  const name = await receiptName("AAAA", one);
  expect(name).toMatch(/^[a-z2-7]{20}$/);
  expect(await receiptName("AAAA", one)).toBe(name);
  expect(await receiptName("AAAA", two)).not.toBe(name);
  expect(await receiptName("AAAB", one)).not.toBe(name);
});
