import { describe, expect, test } from "vitest";
import { audienceText, type AudienceId, circleText, readAudience, readCircle } from "../../src/core/acl/group.ts";
import { postACL } from "../../src/core/acl/document.ts";
import { narrower } from "../../src/core/acl/narrower.ts";
import type { ContactId } from "../../src/core/kith.ts";

const [ana, ben, cem] = ["a", "b", "c"].map((c) => c.repeat(20)) as [ContactId, ContactId, ContactId];

describe("an audience", () => {
  test("is one text for one set of people", () => {
    expect(audienceText([ben, ana, ben])).toBe(audienceText([ana, ben]));
    expect(readAudience(audienceText([ben, ana]))).toEqual([ana, ben]);
    expect(readAudience(audienceText([]))).toEqual([]);
  });

  test("of another shape is not read", () => {
    expect(readAudience(audienceText([ana]).replace("contacts/", "x/../contacts/"))).toBeUndefined();
  });
});

describe("a circle", () => {
  test.each(["Family", 'The "old" crew', "back\\slash", "line\nbreak", "tab\there", "عائلة", "👩‍👩‍👧", "ends with \\"])("keeps the name %j", (name) => {
    const circle = { name, hue: 3, members: [ana, ben] };
    expect(readCircle(circleText(circle))).toEqual(circle);
  });

  test("without members is one", () => {
    expect(readCircle(circleText({ name: "Nobody", hue: 0, members: [] }))).toEqual({ name: "Nobody", hue: 0, members: [] });
  });

  test.each([
    ["a hue that does not exist", circleText({ name: "x", hue: 3, members: [] }).replace("hue> 3", "hue> 9")],
    ["a name that breaks out of its string", circleText({ name: "x", hue: 3, members: [] }).replace('"x"', '"x" . <#a> <#b> "c"')],
    ["nothing", ""],
  ])("with %s is not read", (_name, text) => {
    expect(readCircle(text)).toBeUndefined();
  });
});

describe("of two concurrent changes the narrower is", () => {
  const sizes: Readonly<Record<string, number>> = { one: 1, three: 3 };
  const acl = (size: "one" | "three"): string => postACL(size.padEnd(20, "a") as AudienceId);
  const sizeOf = (id: AudienceId): number | undefined => sizes[id.replace(/a+$/, "")];
  const card = (more: object): string => JSON.stringify({ "kith:accepts": [], ...more });
  test.each([
    ["the owner alone before an audience", "/social/posts/x/.acl", postACL(), acl("one"), -1],
    ["the smaller audience", "/social/posts/x/.acl", acl("three"), acl("one"), 1],
    ["our list before one that only another app knows", "/social/posts/x/.acl", "other", acl("three"), 1],
    ["neither of two alike", "/social/posts/x/.acl", acl("one"), acl("one"), 0],
    ["the smaller group", `/social/audiences/${ana}`, audienceText([ana]), audienceText([ana, ben, cem]), -1],
    ["the blocked contact", `/contacts/${ana}/card`, card({}), card({ "kith:blocked": true }), 1],
    ["the contact with fewer names", `/contacts/${ana}/card`, card({}), card({ "kith:accepts": ["https://a.example/#me"] }), -1],
    ["neither of two texts that grant nothing", "/social/posts/x/post.jsonld", "a", "bb", 0],
  ] as const)("%s", (_name, path, a, b, side) => {
    expect(narrower(path, a, b, sizeOf)).toBe(side);
    expect(narrower(path, b, a, sizeOf)).toBe(side === 0 ? 0 : -side);
  });
});
