import { expect, test } from "vitest";
import { addressOf, askedIn, pathOf } from "../../src/ui/route.ts";

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

test.each([
  ["https://pods.example/#consent=Zk3-x_9", "Zk3-x_9"],
  ["https://pods.example/#consent=", undefined],
  ["https://pods.example/#consent=a/../../token", undefined],
  ["https://pods.example/#consent=a&b=c", undefined],
  ["https://pods.example/#i=AQ", undefined],
  [undefined, undefined],
])("what is asked in %j has the id %j", (link, id) => expect(askedIn(link)).toBe(id));
