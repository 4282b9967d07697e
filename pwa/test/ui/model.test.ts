import { expect, test } from "vitest";
import { type ErrorCode, KithError } from "../../src/core/errors.ts";
import type { ContactId, Friend } from "../../src/core/kith.ts";
import { heard } from "../../src/ui/model.ts";

const friend = (code: ErrorCode | undefined, lastSeen?: number): Friend => ({
  cid: "c" as ContactId, name: "Ben", since: 0, circles: [], muted: false, verified: false, keysChanged: false, differed: false,
  reachable: true, isNew: false, cachedBytes: 0, asks: [],
  ...(lastSeen === undefined ? {} : { lastSeen }), ...(code === undefined ? {} : { error: new KithError(code, "asked") }),
});

test.each([
  ["refuses before it ever answered: it has not heard yet", "friend-refused", undefined, "behind"],
  ["refuses after it answered: it refuses", "friend-refused", 1, "friend-refused"],
  ["does not answer at all: it is not reached", "friend-unreachable", undefined, "friend-unreachable"],
  ["answers: nothing is told", undefined, 1, undefined],
] as const)("a friend's pod %s", (_name, code, lastSeen, told) => {
  expect(heard(friend(code, lastSeen)).error?.code).toBe(told);
});
