import { useApp } from "../context.ts";
import { enElsewhere } from "./en-elsewhere.ts";
import { type Shape, primaryOf } from "./words.ts";

/** ElsewhereWords is what a language provides about other apps. */
export type ElsewhereWords = Shape<typeof enElsewhere>;

/** Languages by their primary tag. */
const languages: Readonly<Record<string, ElsewhereWords>> = { en: enElsewhere };

/** elsewhereWordsFor returns the words of the language that `wordsFor` chose. */
export function elsewhereWordsFor(tag: string): ElsewhereWords {
  return languages[primaryOf(tag)] ?? enElsewhere;
}

/** useElsewhereWords returns the words about other apps. */
export function useElsewhereWords(): ElsewhereWords {
  return elsewhereWordsFor(useApp().tag);
}
