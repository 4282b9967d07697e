import { useApp } from "../context.ts";
import { enPlaces } from "./en-places.ts";
import { type Shape, primaryOf } from "./words.ts";

/** PlaceWords is what a language provides for the places that are loaded after the first page. */
export type PlaceWords = Shape<typeof enPlaces>;

/** Languages by their primary tag. */
const languages: Readonly<Record<string, PlaceWords>> = { en: enPlaces };

/** placeWordsFor returns the words of the language that `wordsFor` chose. */
export function placeWordsFor(tag: string): PlaceWords {
  return languages[primaryOf(tag)] ?? enPlaces;
}

/** usePlaceWords returns the words of the places. */
export function usePlaceWords(): PlaceWords {
  return placeWordsFor(useApp().tag);
}
