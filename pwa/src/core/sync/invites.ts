/**
 * Invites: held by the owner's pod, or by this device where there is none, and accepted by friends (docs/protocol.md, Invites; protocol §7).
 *
 *     accept/<id>    Accepting: the acceptance of somebody's invite, until it was answered
 */

import { b64u, type Bytes, fromB64u } from "../bytes.ts";
import { KithError } from "../errors.ts";
import { list, object, objectIn, string, time, whole } from "../json.ts";
import { given } from "../given.ts";
import type { ContactId, Invite, InvitePreview } from "../kith.ts";
import { randomName } from "../ids.ts";
import { codeOf, Failure, statusOf } from "../ldp/errors.ts";
import type { Answer } from "../ldp/wire.ts";
import { named, tidied } from "../name.ts";
import { relayCount } from "../pod/facts.ts";
import { addFriend } from "../pod/friends.ts";
import { forgetInvites, heldInvites, holdInvite } from "../pod/inviter.ts";
import { card, contactsOf } from "../pod/people.ts";
import { newestKey } from "../webid/agreement.ts";
import { accept, type Acceptance, confirmed } from "../webid/acceptance.ts";
import { type Invite as InviteLink, makeInvite, maxWays, readInvite } from "../webid/invite.ts";
import { didOf } from "../webid/key.ts";
import { isRelay } from "../webid/way.ts";
import { signerOf } from "../webid/records.ts";
import { postOpenly } from "./open.ts";
import { podClient } from "./clients.ts";
import { introduction, isHidden, waysFor } from "./introduce.ts";
import { acceptSettings as accepting, inviteSettings as prefix } from "../pod/paths.ts";
import type { Session } from "./session.ts";

const day = 24 * 3600;
/** An invite that is over is shown for this long, in milliseconds. */
const week = 7 * 24 * 3600_000;
const nameBytes = 24;

/** createInvite makes an invite that works once, until tomorrow: the pod holds it, or this device where there is no pod. Throws `no-reach` when
 * nobody could answer it. */
export async function createInvite(session: Session): Promise<Invite> {
  const { me, pod, store, tree } = session;
  if (pod === undefined && relayCount(store) === 0) throw new KithError("no-reach", "create invite: there is neither pod nor relay");
  const { id, ik, secret, expires } = pod === undefined ? await holdInvite(tree, day * 1000) : await heldByPod(session);
  const written = b64u(id);
  const ways = await waysFor(session, `invite ${written}`);
  const pods = ways.flatMap((way) => (isRelay(way) ? [] : [way.pod]));
  const made: InviteLink = { label: session.list.label, ik, secret, id, name: shortened(me.name), pods, relays: ways.filter(isRelay) };
  const invite: Invite = { id: written, link: fitting(await appAddress(session), made), expires, state: "open", triedAgain: false };
  await store.apply([{ set: prefix + written, value: invite }]);
  session.emit("invites");
  return invite;
}

async function heldByPod(session: Session): ReturnType<typeof holdInvite> {
  const body = JSON.stringify({ name: session.me.name, ttl: day });
  const { bytes } = await podClient(session).ask({ method: "POST", path: ".invites/", headers: { "Content-Type": "application/json" }, body });
  const json = objectIn(bytes);
  const [id, ik, secret] = [json?.id, json?.ik, json?.secret].map((part) => fromB64u(string(part, 100) ?? "!"));
  const expires = time(json?.expires);
  if (id === undefined || ik === undefined || secret === undefined || expires === undefined) throw new KithError("pod-refused", "create invite: the answer is not of the form expected");
  return { id, ik: didOf(ik), secret, expires };
}

/** appAddress returns where links open the app: at the pod, at a relay that hands it out, else where this one came from. */
export async function appAddress({ pod, env, carrier }: Session): Promise<string> {
  if (pod !== undefined && !isHidden(pod)) return `${pod.issuer}/`;
  return (await (await carrier()).appAt()) ?? env.page;
}

/** fitting makes a link with as many ways as it has room for. */
function fitting(base: string, invite: InviteLink): string {
  for (let most = maxWays; ; most--) {
    const relays = invite.relays.slice(0, most - invite.pods.length);
    try {
      return makeInvite(base, { ...invite, relays });
    } catch (error) {
      if (relays.length === 0) throw error;
    }
  }
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
  if (heldInvites(session.tree).includes(id)) await forgetInvites(session.tree, id);
  else await podClient(session).ask({ method: "DELETE", path: `.invites/${encodeURIComponent(id)}`, allow: [200, 204, 404] });
  await session.store.apply([{ unset: prefix + id }]);
  session.emit("invites");
}

/** followInvites asks the pod what became of the open invites that it holds. */
export async function followInvites(session: Session): Promise<void> {
  const { env, store, tree } = session;
  const here = new Set(heldInvites(tree));
  const names = store.names(prefix).filter((name) => !here.has(name.slice(prefix.length)));
  if (names.length === 0) return;
  const { bytes } = await podClient(session).ask({ method: "GET", path: ".invites/" });
  const json = objectIn(bytes);
  const there = new Map(list(json?.invites).map(object).map((each) => [string(each?.id, 64), each] as const));
  for (const name of names) {
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

/** Accepting is an acceptance that is not confirmed yet; `body` and `confirmKey` in base64url. */
interface Accepting {
  readonly body: string;
  readonly confirmKey: string;
  /** What the inviter will be called among the contacts: the ways that they were told lead to this name. */
  readonly cid: ContactId;
  readonly link: string;
}

/** acceptInvite tells whoever holds the invite who this is, and keeps the new friend. It rejects with `waiting` when a relay keeps the acceptance
 * until they are awake: `goOn` finishes it then. */
export async function acceptInvite(session: Session, link: string): Promise<ContactId> {
  const { env, tree, store } = session;
  const invite = readInvite(link);
  if (invite.label === session.list.label) throw new KithError("own-invite", "accept invite: it is the owner's own");
  if (invite.pods.length + invite.relays.length === 0) throw new KithError("bad-link", "accept invite: it names no way");
  const { cid, body, confirmKey } = await acceptance(session, invite, link);
  const answer = await send(session, invite, body);
  if (answer.status === 404) {
    await store.apply([{ unset: accepting + b64u(invite.id) }]);
    throw new KithError("link-used", "accept invite: the link was used or is too old");
  }
  if (answer.status !== 200) throw new Failure(codeOf(answer.status, "friend"), "accept invite", answer.status);
  const { devices, keys, ways, name, salt } = await confirmed(invite, confirmKey, answer.bytes);
  const friend = {
    label: devices.label, devices: devices.text, keys: keys.text, ways, salt: b64u(salt), name: tidied(name) || invite.name, since: env.now(),
  };
  const kept = await addFriend(tree, { ...friend, grant: 1, accepts: [], muted: false, verified: false, blocked: false, direct: false, note: "" }, cid);
  await store.apply([{ unset: accepting + b64u(invite.id) }]);
  return kept;
}

/** goOn asks again for the confirmation of an invite that was accepted; the new friend, or undefined when it is over. It rejects with `waiting` when there
 * is still none. */
export async function goOn(session: Session, id: string): Promise<ContactId | undefined> {
  const kept = session.store.get(accepting + id) as Accepting | undefined;
  return kept === undefined ? undefined : acceptInvite(session, kept.link);
}

/** send brings an acceptance to the pod of the link, or by way of its relays to whoever is awake. */
async function send(session: Session, invite: InviteLink, body: Bytes): Promise<Answer> {
  const { env, store } = session;
  const id = b64u(invite.id);
  const type = "application/octet-stream";
  const [pod] = invite.pods;
  try {
    if (pod !== undefined) return await postOpenly(env, `${pod}.invites/${id}`, type, body, "friend");
  } catch (error) {
    if (statusOf(error) !== 0 || invite.relays.length === 0) throw error;
  }
  const { label, ik: key, relays, name } = invite;
  const asking = { method: "POST", path: `.invites/${id}`, headers: { "Content-Type": type }, body, allow: [200, 404] } as const;
  try {
    return await (await session.carrier()).askStranger({ label, key, relays, name: `invite ${id}`, called: name }, asking, "friend");
  } catch (error) {
    if (statusOf(error) !== 0 || relayCount(store) > 0) throw error;
    throw new KithError("no-reach", "accept invite: nobody is awake, and no answer could wait for this device", { cause: error });
  }
}

/** acceptance seals the acceptance, once: when the answer was lost, the same bytes are answered again. */
async function acceptance(session: Session, invite: InviteLink, link: string): Promise<Acceptance & Pick<Accepting, "cid">> {
  const { env, store, me, tree } = session;
  const name = accepting + b64u(invite.id);
  const kept = store.get(name) as Partial<Accepting> | undefined;
  const [body, confirmKey] = [fromB64u(kept?.body ?? "!"), fromB64u(kept?.confirmKey ?? "!")];
  if (body !== undefined && confirmKey !== undefined && kept?.cid !== undefined) return { body, confirmKey, cid: kept.cid };
  const known = contactsOf(store).find(({ label }) => label === invite.label)?.cid;
  const cid = known ?? (randomName(env.random, 20) as ContactId);
  const grant = known === undefined ? 1 : (await card(tree, known)).grant;
  const self = { ...(await introduction(session)), ways: await waysFor(session, `${cid} ${grant}`) };
  const own = newestKey(self.keys, me.device);
  if (own === undefined) throw new KithError("keys-refused", "accept invite: this device has no agreement key");
  const { key } = await signerOf(env.keys, own.key);
  const made = await accept(invite, self, { kid: own.kid, key });
  await store.apply([{ set: name, value: { body: b64u(made.body), confirmKey: b64u(made.confirmKey), cid, link } satisfies Accepting }]);
  session.emit("invites");
  return { ...made, cid };
}

/** previewInvite says what accepting a link would mean; nothing is sent. */
export function previewInvite(session: Session | undefined, link: string): InvitePreview {
  const invite = readInvite(link);
  const known = session === undefined ? undefined : contactsOf(session.store).find(({ label }) => label === invite.label)?.cid;
  const at = invite.pods[0] ?? invite.relays[0]?.relay;
  return given({ name: named(invite.name), host: at === undefined ? "" : new URL(at).host, relayed: invite.pods.length === 0, known, mine: invite.label === session?.list.label });
}
