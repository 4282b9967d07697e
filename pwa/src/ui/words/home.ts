import { useApp } from "../context.ts";
import { enHome } from "./en/home.ts";
import type { Shape } from "./words.ts";

/** HomeWords is what a language provides about looking after one's own pod. */
export type HomeWords = Shape<typeof enHome>;

/** useHomeWords returns the words about looking after one's own pod. */
export function useHomeWords(): HomeWords {
  return useApp().spoken.value.home ?? enHome;
}
