/** What the pod wants deleted and the owner has not decided about (protocol §3.4; deletions.ts carries it out). */

import { type Folder, placeOf, postPath } from "../pod/paths.ts";
import type { Tree } from "../pod/tree.ts";
import type { Row } from "../store/store.ts";

/** held is the setting with the handles that the pod deleted and that wait for the owner's word. */
export const held = "pod/held";

/** thing names what a person sees of a path: the post to which it belongs, or the path itself. */
export function thing(path: string): Folder | string {
  const place = placeOf(path);
  return "folder" in place ? place.folder : path;
}

/** postOf returns the folder of the post whose text lies at a path. */
export function postOf(path: string): string | undefined {
  const place = placeOf(path);
  return place.kind === "post" ? postPath(place.folder) : undefined;
}

/** heldIds returns the handles of what waits. */
export function heldIds(tree: Tree): readonly string[] {
  return (tree.store.get(held) as readonly string[] | undefined) ?? [];
}

/** heldCount returns how many posts and other things wait for the owner's word. */
export function heldCount(tree: Tree): number {
  return new Set(heldRows(tree).map(({ path }) => thing(path))).size;
}

/** isHeld tells whether what lies at a path waits for the owner's word. */
export function isHeld(tree: Tree, path: string): boolean {
  return heldIds(tree).includes(tree.store.row(path)?.id ?? "");
}

/** heldRows returns the rows of what waits. */
export function heldRows(tree: Tree): readonly Row[] {
  const ids = new Set(heldIds(tree));
  return ids.size === 0 ? [] : [...tree.store.rows("/")].filter(({ id }) => ids.has(id));
}
