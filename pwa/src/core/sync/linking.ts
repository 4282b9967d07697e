/**
 * Further devices of a person who has no pod: this one answers who holds its link, at the person's own relays, and lets them in
 * (docs/protocol.md, Pairing).
 *
 *     link/<auth>    Link, as where a pod carries it (admitting.ts)
 */

import { type Bytes, utf8 } from "../bytes.ts";
import { objectIn } from "../json.ts";
import { knownName } from "../pod/bases.ts";
import { devices } from "../pod/paths.ts";
import { ownLists } from "../pod/profile.ts";
import { tellAll } from "../pod/letters.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import { can } from "../webid/list.ts";
import { Refusal } from "../webid/verdict.ts";
import { network } from "../loaded.ts";
import type { Joiner, Link } from "./admitting.ts";
import type { Session } from "./session.ts";

/** admit lets in who holds an open link of this device, once; whoever was let in gets the same answer again while they are in the list. Wrong, used and run out look alike. */
export async function admit(session: Session, body: Bytes): Promise<SealedResponse> {
  const { env, store, tree, pod } = session;
  // Where there is a pod, that carries who asks.
  if (pod !== undefined) return answer(403, {});
  const { joinerOf, linkSettings, madeFor } = await network();
  try {
    const joiner = joinerOf(objectIn(body), env.now());
    const name = await madeFor(store, store.names(linkSettings), joiner);
    if (joiner === undefined || name === undefined || !(await letIn(session, joiner, name))) return answer(403, {});
  } catch (error) {
    // One device more than a list may name.
    if (!(error instanceof Refusal)) throw error;
    return answer(409, {});
  }
  const { devices: next, keys } = await ownLists(tree);
  return answer(202, { device_list: next.text, keys: keys.text });
}

/** letIn tells whether the link holds for that device, which is in the list then. Of two that ask at the same time the second finds the link used. */
async function letIn(session: Session, joiner: Joiner, link: string): Promise<boolean> {
  const { env, store, tree } = session;
  const { putJoiner } = await network();
  const came = await tree.act("other", async (batch) => {
    const held = store.get(link) as Link | undefined;
    if (held === undefined || held.expires <= env.now()) return "not";
    if (held.used !== undefined) return held.used === joiner.kid && can((await ownLists(tree)).devices, joiner.kid, "answer") ? "again" : "not";
    await putJoiner(tree, batch, joiner);
    batch.set(link, { ...held, used: joiner.kid } satisfies Link);
    batch.set(knownName(joiner.kid), { heard: 0 });
    for (const write of tellAll(session)) batch.writes.push(write);
    return "anew";
  });
  if (came === "anew") await session.heard([devices]);
  return came !== "not";
}

function answer(status: number, what: object): SealedResponse {
  return { status, headers: new Headers({ "Content-Type": "application/json" }), bytes: utf8(JSON.stringify(what)) };
}
