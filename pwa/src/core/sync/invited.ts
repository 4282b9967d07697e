/**
 * The invites that this person made. Nothing is asked for.
 *
 *     invite/<id>    Invite as the views see it
 */

import type { Invite } from "../kith.ts";
import { inviteSettings } from "../pod/paths.ts";
import type { Session } from "./session.ts";

/** invitesOf returns the invites that this person made and did not cancel, newest first. */
export function invitesOf({ store, env }: Pick<Session, "store" | "env">): readonly Invite[] {
  const all = store.names(inviteSettings).map((name) => store.get(name) as Invite);
  const aged = (invite: Invite): Invite => (invite.state === "open" && invite.expires <= env.now() ? { ...invite, state: "expired" } : invite);
  return all.map(aged).sort((a, b) => b.expires - a.expires);
}
