/** Who asks which pod: one client each, for as long as the pod stays where it is. */

import type { ContactId } from "../kith.ts";
import { Client } from "../ldp/client.ts";
import type { Role } from "../ldp/errors.ts";
import { contact } from "../pod/people.ts";
import type { PodWay } from "../webid/link.ts";
import type { Session } from "./session.ts";

/** podClient asks the owner's pod; throws `no-pod`. */
export function podClient(session: Session): Client {
  return client(session, "me", session.mustPod, "pod");
}

/** friendClient asks a friend's pod; undefined when they have none. Throws `no-such`. */
export function friendClient(session: Session, cid: ContactId): Client | undefined {
  const { way } = contact(session.store, cid);
  return way && client(session, cid, way, "friend");
}

function client(session: Session, name: string, { pod, issuer }: PodWay, role: Role): Client {
  const held = session.clients.get(name);
  if (held?.way.pod === pod && held.way.issuer === issuer) return held;
  const fresh = new Client(session.env, { pod, issuer }, session.signer, role, () => session.list.text);
  session.clients.set(name, fresh);
  return fresh;
}
