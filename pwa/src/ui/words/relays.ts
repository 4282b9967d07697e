import { useApp } from "../context.ts";
import { enRelays } from "./en-relays.ts";
import { type Shape, primaryOf } from "./words.ts";

/** RelayWords is what a language provides about reaching others and being reached. */
export type RelayWords = Shape<typeof enRelays>;

/** Languages by their primary tag. */
const languages: Readonly<Record<string, RelayWords>> = { en: enRelays };

/** relayWordsFor returns the words of the language that `wordsFor` chose. */
export function relayWordsFor(tag: string): RelayWords {
  return languages[primaryOf(tag)] ?? enRelays;
}

/** useRelayWords returns the words about reaching others and being reached. */
export function useRelayWords(): RelayWords {
  return relayWordsFor(useApp().tag);
}
