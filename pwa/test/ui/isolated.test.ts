/** What is put into a sentence turns nothing but itself, in every language. */

import { expect, test } from "vitest";
import { language as ar } from "../../src/ui/words/ar/ar.ts";
import { language as de } from "../../src/ui/words/de/de.ts";
import { en } from "../../src/ui/words/en/words.ts";
import { enPlaces } from "../../src/ui/words/en/places.ts";
import { language as es } from "../../src/ui/words/es/es.ts";
import { language as fr } from "../../src/ui/words/fr/fr.ts";
import { isolated } from "../../src/ui/words/isolated.ts";

const says = isolated({ of: (name: string, n: number) => `${name} (${n})`, all: (list: readonly string[]) => list.join(" + "), said: "x\u202e" });

test("a name of the other direction stands in an isolate, one of the same as it is", () => {
  expect([says.of("Ana", 2), says.of("מיה", 2), says.all(["Ana", "علي"]), says.said]).toEqual(["Ana (2)", "\u2068מיה\u2069 (2)", "Ana + \u2068علي\u2069", "x\u202e"]);
});

test("what would turn or end more than itself is left out, what a message has isolated stays", () => {
  expect(says.of("Ben\u2069\u202e", 2)).toBe("Ben (2)");
  expect(says.of("\u2067Ben\u2066 \u202bbell", 2)).toBe("Ben bell (2)");
  expect(says.of(says.of("מיה", 1), 2)).toBe("\u2068\u2068מיה\u2069 (1)\u2069 (2)");
});

test.each(Object.entries({ en, de: de.words, es: es.words, fr: fr.words, ar: ar.words }))("nothing leaves its place in %s", (_, { audience }) => {
  for (const sentence of [audience.exactly, audience.gains, audience.loses]) {
    const text = sentence(["Ben\u2069\u202e", "מיה\u2069", "Cleo"]);
    expect(text).toContain("\u2068מיה\u2069");
    expect(text).not.toMatch(/[\u202a-\u202e\u2066\u2067]/);
    expect(text.replaceAll(/\u2068[^\u2066-\u2069]*\u2069/g, "")).not.toMatch(/[\u2066-\u2069]/);
  }
});

test("a part of the app that is loaded later does the same", () => {
  expect(Object.values(enPlaces).length).toBeGreaterThan(5);
  expect(JSON.stringify(Object.values(enPlaces).flatMap((each) => (typeof each === "object" ? Object.values(each) : each)).filter((each) => typeof each === "function").map((make) => String((make as (...given: unknown[]) => unknown)("\u202eAna", "\u202eBen"))))).not.toContain("\u202e");
});
