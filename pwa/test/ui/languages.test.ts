import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { language as ar } from "../../src/ui/words/ar/ar.ts";
import { language as de } from "../../src/ui/words/de/de.ts";
import { enBackup } from "../../src/ui/words/en/backup.ts";
import { enElsewhere } from "../../src/ui/words/en/elsewhere.ts";
import { enHome } from "../../src/ui/words/en/home.ts";
import { enPlaces } from "../../src/ui/words/en/places.ts";
import { enRelays } from "../../src/ui/words/en/relays.ts";
import { enTalk } from "../../src/ui/words/en/talk.ts";
import { en } from "../../src/ui/words/en/words.ts";
import { language as es } from "../../src/ui/words/es/es.ts";
import { language as fr } from "../../src/ui/words/fr/fr.ts";
import type { Language } from "../../src/ui/words/language.ts";
import { tagFor } from "../../src/ui/speech.ts";
import { clockFor } from "../../src/ui/when.ts";

const english = { words: en, backup: enBackup, elsewhere: enElsewhere, home: enHome, places: enPlaces, relays: enRelays, talk: enTalk };
const others: readonly (readonly [string, Language])[] = Object.entries({ ar, de, es, fr });

type Make = (...given: readonly unknown[]) => unknown;

/** All messages by their place, as `talk.keep.ask`. */
function messages(part: unknown, at: readonly string[] = []): readonly (readonly [string, string | Make])[] {
  if (typeof part === "string" || typeof part === "function") return [[at.join("."), part as string | Make]];
  return Object.entries(part as object).flatMap(([name, each]) => messages(each, [...at, name]));
}

/** What the functions are given: numbers that differ in the plurals of some language, names, and lists of them. */
const given: readonly (readonly unknown[])[] = [...[0, 1, 2, 3, 11, 100].map((n) => [n, 5]), ["Ana", "Ben"], [["Ana"], 3], [["Ana", "Ben", "Cleo", "Dan"], 3]];

/** Texts that a message makes, each of an array too. What is given in vain makes none: a name in place of a list or of a number. */
function texts(message: string | Make): readonly string[] {
  if (typeof message === "string") return [message];
  return given.flatMap((each) => {
    try {
      return [message(...each)].flat().filter((made): made is string => typeof made === "string" && !/NaN/.test(made));
    } catch {
      return [];
    }
  });
}

/** Messages that are the same in English and another language: names, addresses, words that both have. */
const alike: ReadonlySet<string> = new Set([
  "words.app", "words.woken.title", "words.comma", "words.audience.circle", "words.audience.inCircle", "words.feed.title", "words.nav.feed",
  "backup.name", "backup.restore.chosen", "home.backups.example", "home.backups.diskCommand", "home.drive.at.anywhere", "home.drive.user",
  "relays.relays.example", "relays.relays.title", "places.self.relays", "places.self.copies", "talk.copies.title", "elsewhere.apps.passkey",
]);

describe.each(others)("%s", (code, { dir, ...language }) => {
  const all = new Map(messages(language));
  const source = messages(english);

  test("has every message, and no other", () => {
    expect([...all.keys()].sort()).toEqual(source.map(([at]) => at).sort());
    expect(dir).toBe(code === "ar" ? "rtl" : "ltr");
  });

  test("says each in its own words", () => {
    const same = source.filter(([at, message]) => !alike.has(at) && texts(message).length > 0 && texts(message).join("\n") === texts(all.get(at) ?? "").join("\n"));
    expect(same.map(([at]) => at)).toEqual([]);
  });

  test("puts in what it is given, and nothing that is no text", () => {
    for (const [at, message] of all) {
      for (const text of texts(message)) expect(text, at).not.toMatch(/undefined|\[object|\$\{|\s{2}|^\s|\s[.,،]/);
      const from = source.find(([name]) => name === at)?.[1];
      if (typeof from === "function") for (const name of ["Ana", "Ben"]) expect(says(message, name), `${at} and ${name}`).toBe(says(from, name));
    }
  });
});

/** Whether a message makes a text with a name, when it is given names. */
function says(message: string | Make | undefined, name: string): boolean {
  try {
    return typeof message === "function" && [message("Ana", "Ben")].flat().some((text) => String(text).includes(name));
  } catch {
    return false;
  }
}

describe("numbers", () => {
  const friends = ({ words }: Language): readonly string[] => [0, 1, 2, 3, 11, 100].map((n) => words.audience.friends(n));

  test("have the forms that each language needs", () => {
    expect(friends(de)).toEqual(["0 Freunde", "1 Freund", "2 Freunde", "3 Freunde", "11 Freunde", "100 Freunde"]);
    expect(friends(fr)).toEqual(["0 ami", "1 ami", "2 amis", "3 amis", "11 amis", "100 amis"]);
    expect(friends(es)).toEqual(["0 amigos", "1 amigo", "2 amigos", "3 amigos", "11 amigos", "100 amigos"]);
    expect(friends(ar)).toEqual(["لا أصدقاء", "صديق واحد", "صديقان", "3 أصدقاء", "11 صديقًا", "100 صديق"]);
  });

  test("have one sort of digits, in messages and in dates", () => {
    const clock = clockFor("ar-EG", () => Date.UTC(2026, 10, 22, 12), "، ");
    expect(clock.ago(Date.UTC(2026, 4, 3, 12))).toMatch(/^3 /);
    expect(clock.at(Date.UTC(2026, 10, 22, 11))).toMatch(/^اليوم، .*\d/);
    expect(clock.bytes(61_400_000)).toContain("61.4");
  });
});

test.each([
  ["de", ["Ana", "Ben", "Cleo"], "Ana, Ben und Cleo"],
  ["fr", ["Ana", "Ben", "Cleo", "Dan"], "Ana, Ben et 2 autres"],
  ["es", ["Ana", "Inés"], "Ana e Inés"],
  ["ar", ["Ana", "Ben"], "\u2068Ana\u2069 و\u2068Ben\u2069"],
] as const)("%s joins %j as its sentences do", (code, list, joined) => {
  expect(Object.fromEntries(others)[code]?.words.names(list)).toBe(joined);
});

test("French keeps its marks on the line of their word", () => {
  const loose = messages(fr).flatMap(([at, message]) => texts(message).filter((text) => / [?!;:»]|« /.test(text)).map((text) => `${at}: ${text}`));
  expect(loose).toEqual([]);
});

test.each([
  ["the first of the device's that is spoken", ["it", "de-AT", "en"], undefined, "de-AT"],
  ["the chosen one, as the device writes it", ["en-GB", "fr-CA"], "fr", "fr-CA"],
  ["the chosen one when the device does not have it", ["en-GB"], "ar", "ar"],
  ["none that is not spoken, though it was chosen", ["es-MX"], "tlh", "es-MX"],
  ["English otherwise", ["it"], undefined, "en"],
])("the language is %s", (_name, wanted, chosen, tag) => expect(tagFor(wanted, chosen)).toBe(tag));

test("every message is said somewhere", () => {
  const from = fileURLToPath(new URL("../../src/ui/", import.meta.url));
  const files = readdirSync(from, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file) && !/^words\/..\//.test(file));
  const text = files.map((file) => readFileSync(join(from, file), "utf8")).join("\n");
  // What the core names says a message of that name: failures, states, and what the pod tells of.
  const named = /^words\.(errors|standing\.podIs)\.|^backup\.why\.|^home\.(trouble\.(is|does)|backups\.why)\.|^relays\.(relays\.is|waiting\.doing|waiting\.doingFor)\.|^elsewhere\.apps\.(removeText\.)?(app|credentials|passkey|password)$|^home\.drive\.at\./;
  const unused = messages(english).map(([at]) => at).filter((at) => !named.test(at.replace(/\.\d+$/, "")) && !new RegExp(`\\b${name(at)}\\b`).test(text));
  expect(unused).toEqual([]);
});

/** The last name in a message's place that is not a number. */
function name(at: string): string {
  return at.split(".").findLast((part) => !/^\d+$/.test(part)) ?? "";
}

describe("what a pod may tell", () => {
  const protocol = readFileSync(fileURLToPath(new URL("../../../docs/protocol.md", import.meta.url)), "utf8").split("\n");
  /** The words in backticks that follow a text in the row of a request, up to a closing bracket. */
  const named = (request: string, before: string): readonly string[] => {
    const row = protocol.find((line) => line.startsWith(`| \`${request}\``)) ?? "";
    const list = row.slice(row.indexOf(before) + before.length).split(")")[0] ?? "";
    return [...list.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word ?? "");
  };
  const kinds = named("GET .trouble", "`kind` is one word for apps (");
  const whys = named("GET .backups", "where that is a known one (");

  test.each([["en", enHome] as const, ...others.map(([code, { home }]) => [code, home] as const)])("is said in %s", (_, { backups, trouble }) => {
    expect(kinds).toHaveLength(15);
    expect(kinds.filter((kind) => !(kind in trouble.is))).toEqual([]);
    const said = Object.keys(trouble.does).map((key) => key.split(" ")[0]);
    expect(kinds.filter((kind) => !said.includes(kind))).toEqual([]);
    expect(whys).toHaveLength(10);
    expect(whys.filter((why) => !(why in backups.why))).toEqual([]);
  });
});
