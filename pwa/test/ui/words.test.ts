import { expect, test } from "vitest";
import { KithError } from "../../src/core/errors.ts";
import { en } from "../../src/ui/words/en/words.ts";
import { enElsewhere } from "../../src/ui/words/en/elsewhere.ts";
import { enHome } from "../../src/ui/words/en/home.ts";
import { enPlaces } from "../../src/ui/words/en/places.ts";
import { enTalk } from "../../src/ui/words/en/talk.ts";
import { enRelays } from "../../src/ui/words/en/relays.ts";
import { tagFor } from "../../src/ui/speech.ts";
import { sentenceFor } from "../../src/ui/words/words.ts";

/** All sentences of the messages, those of functions as they read for one and for many. */
function sentences(part: unknown): readonly string[] {
  if (typeof part === "string") return [part];
  if (typeof part === "function") return samples(part as (...given: unknown[]) => unknown);
  return Object.values(part as object).flatMap(sentences);
}

function samples(make: (...given: unknown[]) => unknown): readonly string[] {
  return [[1, 1], [3, 5], ["Ana", "Ben"], [["Ana", "Ben"], 3]].flatMap((given) => {
    try {
      const made = make(...given);
      return typeof made === "string" ? [made] : [];
    } catch {
      return [];
    }
  });
}

test("no word of the machinery is said to a person", () => {
  // Other apps ask for a WebID by that name, so one screen has to say which it is.
  const { copyWebid, webid, noneHint, ...apps } = enElsewhere.apps;
  const all = sentences({ ...en, ...enPlaces, ...enRelays, talk: enTalk, home: enHome, consent: enElsewhere.consent, apps });
  expect([copyWebid, webid, noneHint].filter((text) => !text.includes("WebID"))).toEqual([]);
  expect(all.length).toBeGreaterThan(300);
  expect(all.filter((text) => /\b(WebID|ACL|container|token|keys?|oops|something went wrong|error)\b|!/i.test(text))).toEqual([]);
});

test.each([
  [[], ""],
  [["Ana"], "Ana"],
  [["Ana", "Ben"], "Ana and Ben"],
  [["Ana", "Ben", "Cleo"], "Ana, Ben and Cleo"],
  [["Ana", "Ben", "Cleo", "Dan", "Eve"], "Ana, Ben and 3 more"],
])("%j are named as a person would", (names, words) => expect(en.names(names)).toBe(words));

test("the first language that is spoken counts, English otherwise", () => {
  expect(tagFor(["xx", "en-GB", "en"])).toBe("en-GB");
  expect(tagFor(["xx"])).toBe("en");
});

test("a failure without a code is a mistake of the app", () => {
  expect(sentenceFor(new TypeError("x"), en)).toBe(en.errors.bug);
  expect(sentenceFor(new KithError("pod-full", "x"), en)).toBe(en.errors["pod-full"]);
});
