import { expect, test } from "vitest";
import { addressOf, pathOf } from "../../src/ui/route.ts";

test.each([
  [[], "#/"],
  [["friends"], "#/friends"],
  [["post", "me/2026-11-22-abc"], "#/post/me%2F2026-11-22-abc"],
  [["circles", "a b#?%"], "#/circles/a%20b%23%3F%25"],
])("the path %j has an address that leads back to it", (path, address) => {
  expect(addressOf(...path)).toBe(address);
  expect(pathOf(address)).toEqual(path);
});

test.each(["", "#", "#main", "#i=AQ", "#/%E0%A4%A", "#//"])("%j is the feed", (hash) => {
  expect(pathOf(hash)).toEqual([]);
});
