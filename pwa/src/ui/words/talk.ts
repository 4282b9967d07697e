import { useApp } from "../context.ts";
import { enTalk } from "./en-talk.ts";
import { type Shape, primaryOf } from "./words.ts";

/** TalkWords is what a language provides for a post's own screen and for copies. */
export type TalkWords = Shape<typeof enTalk>;

/** Languages by their primary tag. */
const languages: Readonly<Record<string, TalkWords>> = { en: enTalk };

/** talkWordsFor returns the words of the language that `wordsFor` chose. */
export function talkWordsFor(tag: string): TalkWords {
  return languages[primaryOf(tag)] ?? enTalk;
}

/** useTalkWords returns the words of a post's own screen and of copies. */
export function useTalkWords(): TalkWords {
  return talkWordsFor(useApp().tag);
}
