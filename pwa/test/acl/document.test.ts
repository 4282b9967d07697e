import { describe, expect, test } from "vitest";
import { inboxACL, postACL, postsACL, readPostACL, rootACL } from "../../src/core/acl/document.ts";
import type { AudienceId } from "../../src/core/acl/group.ts";
import type { ContactId } from "../../src/core/kith.ts";

const aid = "abcdefghijklmnopqrst" as AudienceId;
const cid = "tsrqponmlkjihgfedcba" as ContactId;

describe("an access list of a post", () => {
  test.each([
    ["names the owner alone", postACL(), { kind: "me" }],
    ["names one audience", postACL(aid), { kind: "audience", id: aid }],
    ["of another app is custom", postACL(aid).replace("acl:Read.", "acl:Read, acl:Write."), { kind: "custom" }],
    ["with one more rule is custom", `${postACL(aid)}\n<#more> a acl:Authorization.\n`, { kind: "custom" }],
    ["with two audiences is custom", postACL(aid).replace("#members>", `#members>, <../../audiences/${cid}#members>`), { kind: "custom" }],
    ["that is empty is custom", "", { kind: "custom" }],
  ])("%s", (_name, text, readers) => {
    expect(readPostACL(text)).toEqual(readers);
  });

  test("refers to everything relative to itself", () => {
    const where = "https://host.example/ana/social/posts/2026-11-22-abc/.acl";
    const references = [...postACL(aid).matchAll(/<([^>#]*)(#[^>]*)?>/g)].map(([, path = ""]) => path).filter((path) => !path.startsWith("http") && path !== "");
    expect(new Set(references.map((path) => new URL(path, where).pathname))).toEqual(
      new Set(["/ana/profile/card", "/ana/social/posts/2026-11-22-abc/", `/ana/social/audiences/${aid}`]),
    );
  });
});

test("the tree's own access lists let nobody but the owner read what lies below", () => {
  expect(rootACL).not.toContain("agentClass");
  expect(postsACL.match(/acl:default/g)).toHaveLength(1);
  expect(postsACL).toContain("acl:agentClass acl:AuthenticatedAgent;\n  acl:accessTo <./>;\n  acl:mode acl:Read.");
  expect(inboxACL(cid)).toContain(`acl:agent <../../../contacts/${cid}/card#me>;\n  acl:accessTo <./>; acl:default <./>;\n  acl:mode acl:Append.`);
});
