import { describe, expect, test } from "vitest";
import { merge, type Pending } from "../../src/core/sync/merge.ts";
import type { Row, Version } from "../../src/core/store/store.ts";

const self = "phone";
const other = "laptop";
const at = (counter: number, device: string): Version => ({ counter, device });
const row = (version: Version, etag: string): Row => ({ path: "/a", id: "i", version, type: "text/plain", etag, size: 1, modified: 0, here: true, used: 0 });

const decide = (local: Version | undefined, remote: Version, pending?: Pending, narrower: -1 | 0 | 1 = 0) =>
  merge({ local: local && row(local, "mine"), remote: row(remote, "theirs"), pending, self, narrower });

describe("without a change of our own", () => {
  test.each([
    ["what is new is taken", undefined, at(1, other), "take"],
    ["a later version is taken", at(1, self), at(2, other), "take"],
    ["of one version the pod's bytes are taken", at(1, self), at(1, self), "take"],
    ["an older version of a pod that went back is brought up to date", at(3, other), at(2, other), "keep"],
    ["a file without a history does not replace what has one", at(3, self), at(0, ""), "keep"],
  ] as const)("%s", (_name, local, remote, verdict) => {
    expect(decide(local, remote)).toEqual({ do: verdict, lost: false });
  });
});

describe("with a change that the pod does not have", () => {
  test("what the change was made from does not undo it", () => {
    expect(decide(at(5, self), at(4, other), { base: at(4, other) })).toEqual({ do: "keep", lost: false });
  });

  test("an older change of the same device does not undo it", () => {
    expect(decide(at(5, self), at(4, self), { base: at(3, other) })).toEqual({ do: "keep", lost: false });
  });

  test.each([
    ["the higher counter wins, the pod's", at(5, self), at(6, other), "take"],
    ["the higher counter wins, ours", at(7, self), at(6, other), "keep"],
    ["of one counter the device decides", at(5, self), at(5, other), "keep"],
  ] as const)("concurrent with another device: %s, and the loser is kept for its author", (_name, local, remote, verdict) => {
    expect(decide(local, remote, { base: at(4, other) })).toEqual({ do: verdict, lost: true });
  });

  test.each([
    ["ours, though older", at(5, self), at(9, other), -1, "keep"],
    ["the pod's, though older", at(9, self), at(5, other), 1, "take"],
  ] as const)("the narrower of two concurrent grants wins: %s", (_name, local, remote, narrower, verdict) => {
    expect(decide(local, remote, { base: at(4, other) }, narrower).do).toBe(verdict);
  });

  test("a grant that was widened knowingly stays wide", () => {
    expect(decide(at(5, self), at(4, other), { base: at(4, other) }, 1).do).toBe("keep");
  });
});

test("two devices that know the same decide the same", () => {
  for (const [mine, theirs] of [[at(5, "a"), at(5, "b")], [at(6, "a"), at(5, "b")], [at(5, "b"), at(6, "a")]] as const) {
    const here = merge({ local: row(mine, "1"), remote: row(theirs, "2"), pending: { base: at(1, "x") }, self: mine.device, narrower: 0 }).do;
    const there = merge({ local: row(theirs, "2"), remote: row(mine, "1"), pending: { base: at(1, "x") }, self: theirs.device, narrower: 0 }).do;
    expect(new Set([here, there])).toEqual(new Set(["take", "keep"]));
  }
});
