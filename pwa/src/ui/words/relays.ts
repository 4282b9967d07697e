import { useApp } from "../context.ts";
import { enRelays } from "./en/relays.ts";
import type { Shape } from "./words.ts";

/** RelayWords is what a language provides about reaching others and being reached. */
export type RelayWords = Shape<typeof enRelays>;

/** useRelayWords returns the words about reaching others and being reached. */
export function useRelayWords(): RelayWords {
  return useApp().spoken.value.relays ?? enRelays;
}
