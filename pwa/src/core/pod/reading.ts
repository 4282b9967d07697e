/** The own tree for those who only read it: `Tree` is one, and a store and a name are enough for another. */

import { readText } from "../bytes.ts";
import type { Env } from "../env.ts";
import type { Store } from "../store/store.ts";

/** Reading is the own tree as it is read. */
export interface Reading {
  readonly store: Store;
  readonly env: Env;
  /** This device's name in versions. */
  readonly device: string;
  /** text returns the text of a resource, undefined when it is not here, or is no text: friends and other apps put bytes into the tree too. */
  text(path: string): Promise<string | undefined>;
}

/** readingOf returns the tree in a store. */
export function readingOf(store: Store, env: Env, device: string): Reading {
  return { store, env, device, text: (path) => textIn(store, path) };
}

/** textIn returns the text of a resource, undefined when it is not here, or is no text: friends and other apps put bytes into the tree too. */
export async function textIn(store: Pick<Store, "bytes">, path: string): Promise<string | undefined> {
  const bytes = await store.bytes(path);
  return bytes === undefined ? undefined : readText(bytes);
}
