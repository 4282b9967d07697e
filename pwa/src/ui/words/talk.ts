import { useApp } from "../context.ts";
import { enTalk } from "./en/talk.ts";
import type { Shape } from "./words.ts";

/** TalkWords is what a language provides for a post's own screen and for copies. */
export type TalkWords = Shape<typeof enTalk>;

/** useTalkWords returns the words of a post's own screen and of copies. */
export function useTalkWords(): TalkWords {
  return useApp().spoken.value.talk ?? enTalk;
}
