/** What anybody can verify of a recovery kit: the person key signs its document (docs/protocol.md, The recovery kit). */

import type { Json } from "../json.ts";
import { open } from "./jws.ts";
import { type Label, labelOf } from "./key.ts";
import { Refusal } from "./verdict.ts";

/** kitTyp is the type of the document. */
export const kitTyp = "kith-kit+jwt";

/** signedKit returns what a kit of the person with that label says; throws a `Refusal` when somebody else wrote it. */
export async function signedKit(jws: string, label: Label): Promise<Json> {
  const { payload, signer } = await open(jws, kitTyp);
  if (payload.label !== label || (await labelOf(signer)) !== label) throw new Refusal("wrong label");
  return payload;
}
