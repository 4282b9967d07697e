import { useApp } from "../context.ts";
import type { Spoken } from "../speech.ts";
import { enPlaces } from "./en/places.ts";
import type { Shape } from "./words.ts";

/** PlaceWords is what a language provides for the places that are loaded after the first page. */
export type PlaceWords = Shape<typeof enPlaces>;

/** usePlaceWords returns the words of the places. */
export function usePlaceWords(): PlaceWords {
  return placeWordsOf(useApp().spoken.value);
}

/** placeWordsOf returns those of a language. */
export function placeWordsOf({ places }: Spoken): PlaceWords {
  return places ?? enPlaces;
}
