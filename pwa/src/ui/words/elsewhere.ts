import { useApp } from "../context.ts";
import { enElsewhere } from "./en/elsewhere.ts";
import type { Shape } from "./words.ts";

/** ElsewhereWords is what a language provides about other apps. */
export type ElsewhereWords = Shape<typeof enElsewhere>;

/** useElsewhereWords returns the words about other apps. */
export function useElsewhereWords(): ElsewhereWords {
  return useApp().spoken.value.elsewhere ?? enElsewhere;
}
