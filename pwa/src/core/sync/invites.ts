/**
 * Invites: made and answered by the owner's pod, accepted by friends (docs/protocol.md, Invites; protocol §7).
 *
 *     accept/<id>    the sealed acceptance of somebody's invite, until it was answered
 */

import { b64u, fromB64u, text } from "../bytes.ts";
import { KithError } from "../errors.ts";
import { list, object, parse, string, time, whole } from "../json.ts";
import type { ContactId, Invite } from "../kith.ts";
import { codeOf, Failure } from "../ldp/errors.ts";
import { addFriend } from "../pod/friends.ts";
import { accept, type Acceptance, confirmed } from "../webid/acceptance.ts";
import { type Invite as InviteLink, makeInvite, readInvite } from "../webid/invite.ts";
import { didOf } from "../webid/key.ts";
import { signerOf } from "../webid/records.ts";
import { postOpenly } from "./open.ts";
import { podClient } from "./clients.ts";
import { inviteSettings as prefix } from "../pod/paths.ts";
import type { Session } from "./session.ts";

const accepting = "accept/";
const day = 24 * 3600;
/** An invite that is over is shown for this long, in milliseconds. */
const week = 7 * 24 * 3600_000;
const nameBytes = 24;

/** createInvite lets the pod make an invite that works once, until tomorrow; throws `no-pod`. */
export async function createInvite(session: Session): Promise<Invite> {
  const { me, mustPod, store } = session;
  const body = JSON.stringify({ name: me.name, ttl: day });
  const { bytes } = await podClient(session).ask({ method: "POST", path: ".invites/", headers: { "Content-Type": "application/json" }, body });
  const json = parse(text(bytes));
  const [id, ik, secret] = [json?.id, json?.ik, json?.secret].map((part) => fromB64u(string(part, 100) ?? "!"));
  const expires = time(json?.expires);
  if (id === undefined || ik === undefined || secret === undefined || expires === undefined) throw new KithError("pod-refused", "create invite: the answer is not of the form expected");
  const made: InviteLink = { label: session.list.label, ik: didOf(ik), secret, id, name: shortened(me.name), pods: [mustPod.pod], relays: [] };
  const link = makeInvite(`${mustPod.issuer}/`, made);
  const invite: Invite = { id: b64u(id), link, expires, state: "open", triedAgain: false };
  await store.apply([{ set: prefix + invite.id, value: invite }]);
  session.emit("invites");
  return invite;
}

/** shortened returns as much of a name as a link takes. */
function shortened(name: string): string {
  let short = "";
  for (const c of name) {
    if (new TextEncoder().encode(short + c).length > nameBytes) break;
    short += c;
  }
  return short;
}

/** cancelInvite makes the link of an invite worthless. */
export async function cancelInvite(session: Session, id: string): Promise<void> {
  await podClient(session).ask({ method: "DELETE", path: `.invites/${encodeURIComponent(id)}`, allow: [200, 204, 404] });
  await session.store.apply([{ unset: prefix + id }]);
  session.emit("invites");
}

/** followInvites asks the pod what became of the open invites. */
export async function followInvites(session: Session): Promise<void> {
  const { env, store } = session;
  if (store.names(prefix).length === 0) return;
  const { bytes } = await podClient(session).ask({ method: "GET", path: ".invites/" });
  const json = parse(text(bytes));
  const there = new Map(list(json?.invites).map(object).map((each) => [string(each?.id, 64), each] as const));
  for (const name of store.names(prefix)) {
    const known = store.get(name) as Invite;
    if (known.expires + week < env.now()) {
      await store.apply([{ unset: name }]);
      continue;
    }
    const says = there.get(known.id);
    const used = string(says?.contact, 64) ?? "";
    const by = used === "" ? {} : { friend: used as ContactId };
    const next: Invite = { ...known, ...by, state: used === "" ? known.state : "used", triedAgain: known.triedAgain || (whole(says?.tries) ?? 0) > 0 };
    if (JSON.stringify(next) === JSON.stringify(known)) continue;
    await store.apply([{ set: name, value: next }]);
    session.emit("invites");
  }
}

/** acceptInvite tells the inviter's pod who this is, and keeps the new friend. */
export async function acceptInvite(session: Session, link: string): Promise<ContactId> {
  const { env, tree, store } = session;
  const invite = readInvite(link);
  const [pod] = invite.pods;
  if (invite.label === session.list.label) throw new KithError("own-invite", "accept invite: it is the owner's own");
  if (pod === undefined) throw new KithError("bad-link", "accept invite: it names no pod");
  const { body, confirmKey } = await acceptance(session, invite);
  const answer = await postOpenly(env, `${pod}.invites/${b64u(invite.id)}`, "application/octet-stream", body, "friend");
  if (answer.status === 404) throw new KithError("link-used", "accept invite: the link was used or is too old");
  if (answer.status !== 200) throw new Failure(codeOf(answer.status, "friend"), "accept invite", answer.status);
  const { devices, keys, ways, name, salt } = await confirmed(invite, confirmKey, answer.bytes);
  const friend = {
    label: devices.label, devices: devices.text, keys: keys.text, ways, salt: b64u(salt), name: name === "" ? invite.name : name, since: env.now(),
  };
  const cid = await addFriend(tree, { ...friend, grant: 1, accepts: [], muted: false, verified: false, blocked: false, note: "" });
  await store.apply([{ unset: accepting + b64u(invite.id) }]);
  return cid;
}

/** acceptance seals the acceptance, once: when the answer was lost, the pod answers the same bytes again. */
async function acceptance(session: Session, invite: InviteLink): Promise<Acceptance> {
  const { env, store, me } = session;
  const name = accepting + b64u(invite.id);
  const kept = store.get(name) as { readonly body: string; readonly confirmKey: string } | undefined;
  const [body, confirmKey] = [fromB64u(kept?.body ?? "!"), fromB64u(kept?.confirmKey ?? "!")];
  if (body !== undefined && confirmKey !== undefined) return { body, confirmKey };
  const self = await session.introduction();
  const own = self.keys.agree.find(({ device }) => device === me.device);
  if (own === undefined) throw new KithError("keys-refused", "accept invite: this device has no agreement key");
  const { key } = await signerOf(env.keys, own.key);
  const made = await accept(invite, self, { kid: own.kid, key });
  await store.apply([{ set: name, value: { body: b64u(made.body), confirmKey: b64u(made.confirmKey) } }]);
  return made;
}
