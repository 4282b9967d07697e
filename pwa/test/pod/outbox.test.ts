import { describe, expect, test } from "vitest";
import type { OperationId } from "../../src/core/kith.ts";
import { type Entry, nameAt, ready } from "../../src/core/pod/outbox.ts";
import type { Folder } from "../../src/core/pod/paths.ts";

const now = 1_800_000_000_000;
const minute = 60_000;

function entry(number: number, post?: string, refused?: Entry["refused"]): Entry {
  const about = { what: "other", steps: [{ put: "/a" }], since: now, attempts: 0 } as const;
  return { ...about, name: nameAt(number), id: String(number) as OperationId, post: post as Folder | undefined, ...(refused && { refused }) };
}

const going = (...all: readonly Entry[]): readonly string[] => ready(all, now).map(({ id }) => id);

describe("ready to go out is", () => {
  test("what was not refused, in its order", () => {
    expect(going(entry(1), entry(2, "a"), entry(3))).toEqual(["1", "2", "3"]);
  });

  test("not what was refused just now, nor what follows it in the same post", () => {
    const refused = { times: 1, at: now - 1_000 };
    expect(going(entry(1, "a"), entry(2, "a", refused), entry(3, "b"), entry(4, "a"), entry(5, undefined, refused), entry(6))).toEqual(["1", "3", "6"]);
  });

  test.each([
    ["once, a moment ago", 1, 3_000, false], ["once, a while ago", 1, 5_000, true], ["five times, a minute ago", 5, minute, false], ["five times, two minutes ago", 5, 2 * minute, true],
    ["for ever, a quarter of an hour ago", 1e6, 16 * minute, true], ["by a clock that was a year ahead", 9, -365 * 24 * 60 * minute, true],
  ] as const)("or not what was refused %s", (_name, times, ago, goes) => {
    expect(going(entry(1, "a", { times, at: now - ago }))).toEqual(goes ? ["1"] : []);
  });
});
