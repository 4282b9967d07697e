/**
 * Further devices of a person who has no pod: this one answers who holds its link, at the person's own relays, and lets them in
 * (docs/protocol.md, Pairing).
 *
 *     link/<auth>    Link, as where a pod carries it (admitting.ts)
 */

import { type Bytes, text, utf8 } from "../bytes.ts";
import { parse } from "../json.ts";
import { knownName } from "../pod/bases.ts";
import { devices } from "../pod/paths.ts";
import { changeLists, ownLists, putLists } from "../pod/profile.ts";
import { tellAll } from "../pod/letters.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import { KithError } from "../errors.ts";
import { can, type Device } from "../webid/list.ts";
import { network } from "../loaded.ts";
import type { Joiner, Link } from "./admitting.ts";
import type { Session } from "./session.ts";

/** admit lets in who holds an open link of this device, once; whoever was let in gets the same answer again. Wrong, used and run out look alike. */
export async function admit(session: Session, body: Bytes): Promise<SealedResponse> {
  const { env, store, tree } = session;
  const { joinerOf, linkSettings, madeFor } = await network();
  const names = store.names(linkSettings).filter((name) => (store.get(name) as Link).expires > env.now());
  const joiner = await joinerOf(parse(text(body)), env.now()).catch(ignored);
  const name = await madeFor(store, names, joiner);
  const used = name === undefined ? undefined : (store.get(name) as Link).used;
  if (joiner === undefined || name === undefined || (used ?? joiner.kid) !== joiner.kid) return answer(403, {});
  if (used === undefined) await letIn(session, joiner, name);
  const { devices: next, keys } = await ownLists(tree);
  return answer(202, { device_list: next.text, keys: keys.text });
}

async function letIn(session: Session, { kid, name, agree }: Joiner, link: string): Promise<void> {
  const { env, store, tree } = session;
  const device: Device = { kid, name, may: ["answer", "accept", "post", "admin"] };
  await tree.act("other", async (batch) => {
    if (can(session.list, kid, "answer")) return;
    await putLists(batch, await changeLists(tree, env.keys, { devices: (now) => [...now, device], agree: [agree] }));
    batch.set(link, { ...(store.get(link) as Link), used: kid } satisfies Link);
    batch.set(knownName(kid), { heard: 0 });
    for (const write of tellAll(session)) batch.writes.push(write);
  });
  await session.heard([devices]);
}

function answer(status: number, what: object): SealedResponse {
  return { status, headers: new Headers({ "Content-Type": "application/json" }), bytes: utf8(JSON.stringify(what)) };
}

/** What names no keys is no device. */
function ignored(error: unknown): undefined {
  if (!(error instanceof KithError)) throw error;
}
