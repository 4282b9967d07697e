/** Why signed things are refused, in the words that the shared vectors use in every language. */

import { KithError } from "../errors.ts";

/**
 * `malformed`: not in the form that is required, or too large. `wrong header`: a JOSE header that is not
 * exactly the one expected. `bad signature`: not made by the key it names. `wrong label`: about another
 * person. `not signed by an admin`: signed by a key that may not do this. `no chain`: a list that does not
 * come down to one that the person key signed. `broken chain`: a list in a chain that is not the next one
 * after the one before. `stale`: older than what is known. `same epoch, different list`: two lists claim
 * one place. `too far ahead`: a serial that nobody can have counted to.
 */
export type Verdict =
  | "malformed"
  | "wrong header"
  | "bad signature"
  | "wrong label"
  | "not signed by an admin"
  | "no chain"
  | "broken chain"
  | "stale"
  | "same epoch, different list"
  | "too far ahead"
  | "bad proof"
  | "bad binding";

/** The error of everything signed that was not accepted; its code is `keys-refused`. */
export class Refusal extends KithError {
  readonly verdict: Verdict;
  constructor(verdict: Verdict, options?: ErrorOptions) {
    super("keys-refused", `accept keys: ${verdict}`, options);
    this.verdict = verdict;
  }
}
