/**
 * The invites that this person made, and what somebody's link says. Nothing is asked for.
 *
 *     invite/<id>    Invite as the views see it
 */

import { given } from "../given.ts";
import type { Invite, InvitePreview } from "../kith.ts";
import { contactsOf } from "../pod/people.ts";
import { inviteSettings } from "../pod/paths.ts";
import { readInvite } from "../webid/invite.ts";
import type { Session } from "./session.ts";

/** invitesOf returns the invites that this person made and did not cancel, newest first. */
export function invitesOf({ store, env }: Pick<Session, "store" | "env">): readonly Invite[] {
  const all = store.names(inviteSettings).map((name) => store.get(name) as Invite);
  const aged = (invite: Invite): Invite => (invite.state === "open" && invite.expires <= env.now() ? { ...invite, state: "expired" } : invite);
  return all.map(aged).sort((a, b) => b.expires - a.expires);
}

/** previewInvite says what accepting a link would mean; nothing is sent. */
export function previewInvite(session: Session | undefined, link: string): InvitePreview {
  const invite = readInvite(link);
  const known = session === undefined ? undefined : contactsOf(session.store).find(({ label }) => label === invite.label)?.cid;
  const at = invite.pods[0] ?? invite.relays[0]?.relay;
  return given({ name: invite.name, host: at === undefined ? "" : new URL(at).host, relayed: invite.pods.length === 0, known, mine: invite.label === session?.list.label });
}
