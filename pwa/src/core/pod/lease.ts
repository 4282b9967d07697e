/** For how long friends' copies of the owner's posts last (protocol §4). */

import { leasePath } from "./paths.ts";
import type { Tree } from "./tree.ts";

/** usualLease is for how many days a friend's copy lasts where the owner says nothing. */
export const usualLease = 30;

/** leaseOf returns for how many days copies of the next posts last; 0: for good. */
export async function leaseOf(tree: Tree): Promise<number> {
  const days = Number((await tree.text(leasePath)) ?? usualLease);
  return Number.isSafeInteger(days) && days >= 0 ? days : usualLease;
}
