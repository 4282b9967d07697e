import { describe, expect, test } from "vitest";
import { clockFor } from "../../src/ui/when.ts";

const now = new Date(2026, 10, 22, 18, 40).getTime();
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const clock = clockFor("en-GB", () => now, ", ");

describe("beside a name", () => {
  test.each([
    ["a moment ago", 20_000, "this minute"],
    ["in the future, by a clock that is ahead", -5 * minute, "this minute"],
    ["within the hour", 52 * minute, "52 min ago"],
    ["earlier today", 9 * hour, "9 hr ago"],
    ["late yesterday", 19 * hour, "yesterday"],
    ["some days ago", 4 * day, "4 days ago"],
    ["weeks ago", 17 * day, "5 Nov"],
    ["in another year", 400 * day, "18 Oct 2025"],
  ])("%s", (_name, age, words) => expect(clock.ago(now - age)).toBe(words));
});

describe("in a sentence", () => {
  test.each([
    ["today", 2 * hour, "today, 16:40"],
    ["yesterday", day, "yesterday, 18:40"],
    ["tomorrow", -day, "tomorrow, 18:40"],
    ["this week", 3 * day, "Thursday, 18:40"],
    ["long ago", 30 * day, "23 October"],
    ["in another year", 400 * day, "18 October 2025"],
  ])("%s", (_name, age, words) => expect(clock.at(now - age)).toBe(words));
});

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1_000, "1 kB"],
  [61_400_000, "61.4 MB"],
  [12_000_000_000, "12 GB"],
  [3_400_000_000_000, "3,400 GB"],
])("%i bytes are %s", (n, words) => expect(clock.bytes(n)).toBe(words));

test("a language with other words has its own", () => {
  expect(clockFor("de", () => now, ", ").ago(now - 19 * hour)).toBe("gestern");
  // The sentence around it ends with a stop.
  expect(clockFor("de", () => now, ", ").ago(now - 5 * minute)).toBe("vor 5 Min");
});
