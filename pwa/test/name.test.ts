/** What names are made of, and when two are taken for the same. */

import { expect, test } from "vitest";
import { alike, named, tidied } from "../src/core/name.ts";
import { tidyName } from "../src/core/pod/friends.ts";

test.each([
  ["Ben\u2069\u202e", "Ben"],
  ["\u200fBen\u061c", "Ben"],
  ["Ana\u200b", "Ana"],
  ["\u2060Ana\u00ad", "Ana"],
  ["\ufeffAna\u034f\u3164\u{e0041}", "Ana"],
  ["A\u0000n\na\ud800", "Ana"],
  [" Ana \u2800 Bell\u3000", "Ana Bell"],
  ["Ana\u2028Bell", "Ana Bell"],
  ["\u200dAna\u200c", "Ana"],
  ["Ana\u200d\u200d", "Ana"],
  ["Ana\ufe0f", "Ana"],
])("%j is shown as %j", (given, seen) => expect(tidied(given)).toBe(seen));

test.each(["Ana Bell", "מיה", "علی\u200cرضا", "ක්\u200dෂ", "श्री", "👩\u200d👧", "🏳\ufe0f\u200d🌈", "❤\ufe0f", "Zoë 1\ufe0f\u20e3", "👩🏽\u200d🚀"])("%s stays as it is", (name) => expect(tidied(name)).toBe(name.normalize("NFC")));

test.each(["", " ", "\u200b", "\u2800\u200d\u3164", "\u202e\u2069"])("what nobody would see is no name: %j", (name) => {
  expect(() => tidyName(name)).toThrow("empty");
  expect(named(name)).toBe("?");
});

test.each([["Ana", "ana\u200b"], ["Ana", "\u2060ＡＮＡ"], ["Ana Bell", "anabell"], ["Straße", "STRASSE"], ["Zoë", "Zoe\u0308"], ["علی\u200cرضا", "علیرضا"], ["Σίσυφος", "ΣΊΣΥΦΟΣ"]])("%j and %j are alike", (one, other) => expect(alike(one, other)).toBe(true));

test.each([["Ana", "Anna"], ["Zoë", "Zoe"], ["Ben", "Ana"]])("%j and %j are not", (one, other) => expect(alike(one, other)).toBe(false));
