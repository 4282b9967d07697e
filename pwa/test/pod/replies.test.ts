import { describe, expect, test } from "vitest";
import { b64u } from "../../src/core/bytes.ts";
import { gathered, itemOf, removed, replyId, withItems } from "../../src/core/pod/gather.ts";
import { repliesFacts, type Said, saidIn } from "../../src/core/pod/replies.ts";

const said = (id: string, text: string, at = 1_000): Said => ({ id, kind: "comment", name: "Ben", text, at });
const a = withItems("", [itemOf(said("a.1", "first"))]);
const b = withItems("", [itemOf(said("b.2", "second", 2_000))]);

describe("what was said", () => {
  test("is written and read", () => {
    const like: Said = { id: "c", kind: "like", name: "Ana", text: "", at: 500 };
    const text = withItems(a, [itemOf(like)]);
    expect(saidIn(text)).toEqual([like, said("a.1", "first")]);
    expect(repliesFacts(text)).toEqual({ comments: 1, likes: 1 });
  });

  test.each([
    ["nothing", ""], ["no JSON", "{"], ["a list", "[]"], ["no items", "{}"], ["items of no kind", '{"items":[1,null,"x",{"type":"Note"},{"id":"#x"},{"id":7,"type":"Note"}]}'],
    ["a note without a date", '{"items":[{"id":"#x","type":"Note","content":"x"}]}'],
    ["an id that is elsewhere", '{"items":[{"id":"https://a/#x","type":"Note","published":"2026-01-01T00:00:00Z","content":"x"}]}'],
  ])("is nothing in %s", (_name, text) => {
    expect(saidIn(text)).toEqual([]);
  });

  test("has bounds", () => {
    const long = JSON.stringify({ items: [{ id: "#x", type: "Note", published: "2026-01-01T00:00:00Z", content: "x".repeat(2001), attributedTo: { name: "n".repeat(201) } }] });
    expect(saidIn(long)).toMatchObject([{ text: "", name: "" }]);
  });
});

describe("two documents", () => {
  test("come to the same, whichever is first", () => {
    const both = gathered(a, b);
    expect(saidIn(both).map(({ text }) => text)).toEqual(["first", "second"]);
    expect(gathered(b, a)).toBe(both);
    expect(gathered(both, a)).toBe(both);
    expect(gathered(b, both)).toBe(both);
  });

  test("of which one says it all stay that one, byte for byte", () => {
    const spaced = ` ${a} `;
    expect(gathered(a, spaced)).toBe(spaced);
    expect(gathered(spaced, "")).toBe(spaced);
  });

  test("what was removed stays removed, whoever comes later", () => {
    const gone = withItems(a, [removed("a.1")]);
    expect(saidIn(gone)).toEqual([]);
    expect(gathered(gone, a)).toBe(gone);
    expect(gathered(a, gone)).toBe(gone);
    expect(withItems(gone, [itemOf(said("a.1", "once more", 9_000))])).toBe(gone);
    expect(gone).not.toContain("first");
  });

  test("of two texts under one id both choose the same", () => {
    const [x, y] = [said("a.1", "one"), said("a.1", "two")].map((each) => withItems("", [itemOf(each)])) as [string, string];
    expect(gathered(x, y)).toBe(gathered(y, x));
    expect(saidIn(gathered(x, y))).toHaveLength(1);
  });

  test("keep what another app put among them", () => {
    const other = JSON.stringify({ items: [{ id: "#z", type: "Dislike", note: 1 }] });
    expect(gathered(other, a)).toContain("Dislike");
    expect(saidIn(gathered(other, a))).toHaveLength(1);
  });
});

test("a reply's id is told by both friends, and by nobody else", async () => {
  const [ours, other] = [b64u(new Uint8Array(32).fill(1)), b64u(new Uint8Array(32).fill(2))];
  const id = await replyId(ours, "2026-11-22-abc", "nonce");
  expect(id).toMatch(/^nonce\.[a-z2-7]{16}$/);
  expect(await replyId(ours, "2026-11-22-abc", "nonce")).toBe(id);
  expect(await replyId(other, "2026-11-22-abc", "nonce")).not.toBe(id);
  expect(await replyId(ours, "2026-11-22-abd", "nonce")).not.toBe(id);
});
