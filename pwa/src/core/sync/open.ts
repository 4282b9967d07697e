/** A call to a pod that needs no token: pairing, and accepting an invite. */

import type { Env } from "../env.ts";
import { type Answer, ask } from "../ldp/wire.ts";
import type { Role } from "../ldp/errors.ts";
import { type Json, objectIn } from "../json.ts";
import type { Bytes } from "../bytes.ts";
import { KithError } from "../errors.ts";

/** postOpenly sends a body without credentials. */
export function postOpenly(env: Env, url: string, type: string, body: Bytes | string, role: Role): Promise<Answer> {
  return ask(env, { method: "POST", url, headers: { "Content-Type": type }, body }, role);
}

/** jsonOf reads the JSON object in an answer; throws when it is none. */
export function jsonOf(answer: Answer, role: Role): Json {
  const json = objectIn(answer.bytes);
  if (json === undefined) throw new KithError(`${role}-refused`, "read answer: it is no JSON object");
  return json;
}
