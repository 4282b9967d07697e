/** Telling every friend where this person is reached. */

import type { Env } from "../env.ts";
import { randomName } from "../ids.ts";
import type { Store, Write } from "../store/store.ts";
import { type Letter, letterName, letters } from "./letters.ts";
import { contactsOf } from "./people.ts";

/** tellAll returns the writes that make every friend hear where this person is reached, and by which devices. */
export function tellAll({ store, env }: { readonly store: Store; readonly env: Env }): readonly Write[] {
  const old = letters(store).filter(({ what }) => what === "ways").map((letter) => ({ unset: letterName(letter) }));
  const since = env.now();
  const anew = contactsOf(store).map(({ cid }): Letter => ({ cid, nonce: randomName(env.random, 20), what: "ways", body: "", since, attempts: 0 }));
  return [...old, ...anew.map((letter) => ({ set: letterName(letter), value: letter }))];
}
