import { type ReadonlySignal, signal } from "@preact/signals";
import { en } from "./words/en/words.ts";
import type { Language } from "./words/language.ts";
import { type Words, primaryOf } from "./words/words.ts";

/** Languages beside English, by the primary tag. Each is loaded when it is spoken first. */
const others: Readonly<Record<string, () => Promise<{ readonly language: Language }>>> = {
  de: () => import("./words/de/de.ts"),
  fr: () => import("./words/fr/fr.ts"),
  es: () => import("./words/es/es.ts"),
  ar: () => import("./words/ar/ar.ts"),
};

/** What the choice is kept under, on this device alone. */
const kept = "kith-language";

/** So long the app waits for the language it begins with, in milliseconds. */
const patience = 5_000;

/** Spoken is the language that the app speaks, a BCP 47 tag, with its words; what is left out is English. */
export interface Spoken extends Partial<Language> {
  readonly tag: string;
  readonly words: Words;
}

/** Speech is the language that the app speaks, as a signal: a view that reads it is drawn again when another is chosen. */
export interface Speech {
  readonly spoken: ReadonlySignal<Spoken>;
  /** Resolves when the app speaks the language it begins with: English where another cannot be loaded. */
  readonly begun: Promise<void>;
  /** The primary tag that was chosen on this device; undefined when the device's own language counts. */
  chosen(): string | undefined;
  /** Speaks a language and keeps the choice. Rejects, with nothing changed, when it cannot be loaded. */
  choose(primary: string | undefined): Promise<void>;
}

const known = (primary: string): boolean => primary === "en" || primary in others;

/** tagFor returns the tag to speak: of `wanted` (BCP 47 tags, best first) the first that is of the chosen language, or
 * when none was chosen of any that the app speaks; without one the chosen language itself, or English. */
export function tagFor(wanted: readonly string[], chosen?: string): string {
  const choice = chosen !== undefined && known(chosen) ? chosen : undefined;
  return wanted.find((tag) => (choice === undefined ? known(primaryOf(tag)) : primaryOf(tag) === choice)) ?? choice ?? "en";
}

/** openSpeech begins to speak what was chosen on the device, or else what the device speaks. */
export function openSpeech(page: Window): Speech {
  const spoken = signal<Spoken>({ tag: "en", words: en });
  const root = page.document.documentElement;
  let turn = 0;
  const chosen = (): string | undefined => {
    try {
      return page.localStorage.getItem(kept) ?? undefined;
    } catch {
      // A browser that keeps nothing; the app says so when it opens its store.
      return undefined;
    }
  };
  const choose = async (primary: string | undefined): Promise<void> => {
    const mine = ++turn;
    const tag = tagFor(page.navigator.languages, primary);
    const language = (await others[primaryOf(tag)]?.())?.language;
    // Of two choices the later counts, whichever is loaded first.
    if (mine !== turn) return;
    spoken.value = { words: en, ...language, tag };
    root.lang = tag;
    root.dir = language?.dir ?? "ltr";
    if (primary === undefined) page.localStorage.removeItem(kept);
    else page.localStorage.setItem(kept, primary);
  };
  // What comes late is spoken when it comes.
  const late = new Promise<void>((resolve) => page.setTimeout(resolve, patience));
  return { spoken, chosen, choose, begun: Promise.race([late, choose(chosen()).catch(() => undefined)]) };
}
