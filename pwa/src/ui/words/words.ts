import { type ErrorCode, KithError } from "../../core/errors.ts";
import type { PodState } from "../../core/kith.ts";
import { en } from "./en/words.ts";

/** Shape widens the literal strings of one language to what every language has to provide. */
export type Shape<T> = T extends string ? string
  : T extends readonly string[] ? readonly string[]
  : T extends (...given: infer G) => infer R ? (...given: G) => Shape<R>
  : { readonly [K in keyof T]: Shape<T[K]> };

/** Words is what a language provides: the shape of the English messages. */
export type Words = Shape<typeof en>;

/** primaryOf returns the language of a BCP 47 tag, without its region. */
export function primaryOf(tag: string): string {
  return tag.split("-")[0] ?? "";
}

/** codeOf returns the code of a failure; one without a code is a mistake of the app. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof KithError ? error.code : "bug";
}

/** sentenceFor returns what to tell a person about a failure: what happened and what to do. */
export function sentenceFor(error: unknown, words: Words): string {
  return words.errors[codeOf(error)];
}

/** podIs returns how it stands with the pod, in a word or two. */
export function podIs({ error, kind }: PodState, { standing }: Words): string {
  return error?.code === "pod-full" ? standing.full : error?.code === "waiting" ? standing.asleep : standing.podIs[kind];
}
