import { useApp } from "../context.ts";
import { enHome } from "./en-home.ts";
import { type Shape, primaryOf } from "./words.ts";

/** HomeWords is what a language provides about looking after one's own pod. */
export type HomeWords = Shape<typeof enHome>;

/** Languages by their primary tag. */
const languages: Readonly<Record<string, HomeWords>> = { en: enHome };

/** homeWordsFor returns the words of the language that `wordsFor` chose. */
export function homeWordsFor(tag: string): HomeWords {
  return languages[primaryOf(tag)] ?? enHome;
}

/** useHomeWords returns the words about looking after one's own pod. */
export function useHomeWords(): HomeWords {
  return homeWordsFor(useApp().tag);
}
