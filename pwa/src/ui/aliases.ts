import type { PostRef } from "../core/kith.ts";

/** Aliases stand for posts in addresses. A browser writes every address into its history on the disk, where a
 * post's own name would outlive the post. An alias means something only as long as the page lives. */
export interface Aliases {
  of(ref: PostRef): string;
  /** The post; undefined when the page was loaded anew since. */
  post(alias: string): PostRef | undefined;
}

/** aliasesOf returns aliases that count up from 1. */
export function aliasesOf(): Aliases {
  const refs: PostRef[] = [];
  const numbers = new Map<PostRef, number>();
  return {
    of(ref) {
      const number = numbers.get(ref) ?? refs.push(ref);
      numbers.set(ref, number);
      return String(number);
    },
    post: (alias) => refs[Number(alias) - 1],
  };
}
