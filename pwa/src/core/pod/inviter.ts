/**
 * The phone as the maker of invites, when there is no pod to hold them: it alone has the private half of an invite's
 * key, so that two people can never both win (protocol §7).
 *
 *     invite/<id>      Invite as the views see it
 *     inviting/<id>    Held: what answers an acceptance
 *
 * The private half lies among the key records until the invite has run out: what was lost on the way comes again, sealed to it.
 */

import { b64u, type Bytes, fromB64u, sha256, utf8 } from "../bytes.ts";
import { KithError } from "../errors.ts";
import type { ContactId, Invite } from "../kith.ts";
import { accepted, confirmation, type Introduction } from "../webid/acceptance.ts";
import { type Did, generate, type Signer } from "../webid/key.ts";
import type { Way } from "../webid/way.ts";
import type { KeyRecords } from "../webid/records.ts";
import { putFriend } from "./friends.ts";
import { inviteSettings } from "./paths.ts";
import type { Tree } from "./tree.ts";

/** Held is an invite that this device answers. All parts are base64url. */
interface Held {
  readonly ik: Did;
  readonly secret: string;
  readonly expires: number;
  /** Once it was used: the digest of the acceptance, and what was answered. */
  readonly used?: { readonly by: string; readonly answer: string };
}

const holding = "inviting/";

/** holdInvite makes an invite that this device answers. */
export async function holdInvite({ env, store }: Tree, lifetime: number): Promise<{ readonly id: Bytes; readonly ik: Did; readonly secret: Bytes; readonly expires: number }> {
  const [id, secret, { kid: ik, key }] = [env.random(16), env.random(16), await generate("agree")];
  const expires = env.now() + lifetime;
  // The setting first: a key that no setting names is destroyed.
  await store.apply([{ set: holding + b64u(id), value: { ik, secret: b64u(secret), expires } satisfies Held }]);
  await env.keys.put(ik, key);
  return { id, ik, secret, expires };
}

/** heldInvites returns the ids, base64url, of the invites that this device answers. */
export function heldInvites({ store }: Pick<Tree, "store">): readonly string[] {
  return store.names(holding).map((name) => name.slice(holding.length));
}

/** inviteKeyNames returns the names of the keys to which acceptances of open invites are sealed. */
export function inviteKeyNames({ store, env }: Pick<Tree, "store" | "env">): readonly Did[] {
  const held = store.names(holding).map((name) => store.get(name) as Held);
  return held.filter(({ expires }) => expires > env.now()).map(({ ik }) => ik);
}

/** inviteKeys returns those keys. */
export async function inviteKeys(tree: Pick<Tree, "store" | "env">): Promise<readonly Signer[]> {
  const keys = await Promise.all(inviteKeyNames(tree).map(async (kid) => ({ kid, key: await tree.env.keys.get(kid) })));
  return keys.flatMap(({ kid, key }) => (key === undefined ? [] : [{ kid, key }]));
}

/** forgetInvites drops what is kept of invites that ran out, or of the one of that id. */
export async function forgetInvites({ store, env }: Tree, only?: string): Promise<void> {
  for (const id of heldInvites({ store })) {
    const { ik, expires } = store.get(holding + id) as Held;
    if (only === undefined ? expires > env.now() : id !== only) continue;
    await env.keys.remove(ik);
    await store.apply([{ unset: holding + id }]);
  }
}

/** Host is who answers: how this person introduces themself, and where that friend may reach them. */
export interface Host {
  readonly introduce: () => Promise<Omit<Introduction, "ways">>;
  readonly waysFor: (cid: ContactId, grant: number) => Promise<readonly Way[]>;
}

/**
 * answerInvite makes the contact and returns the sealed confirmation. Undefined for what is wrong, used, run out or unknown, which
 * all look alike; the acceptance that won gets the same bytes again, since its answer may have been lost.
 */
export function answerInvite(tree: Tree, host: Host, id: string, body: Bytes): Promise<Bytes | undefined> {
  const { env, store } = tree;
  return tree.act("contact", async (batch) => {
    const held = store.get(holding + id) as Held | undefined;
    if (held === undefined || held.expires <= env.now()) return undefined;
    const digest = b64u(await sha256(body));
    if (held.used !== undefined) {
      if (held.used.by === digest) return fromB64u(held.used.answer);
      batch.set(inviteSettings + id, triedAgain(store.get(inviteSettings + id)));
      return undefined;
    }
    const opened = await opening(env.keys, id, held, body);
    if (opened === undefined) return undefined;
    const { devices, keys, ways, name } = opened.by;
    const salt = env.random(32);
    const friend = { name, label: devices.label, grant: 1, devices: devices.text, keys: keys.text, accepts: [], ways, salt: b64u(salt), since: env.now() };
    const { cid, kept, known } = await putFriend(tree, batch, { ...friend, muted: false, verified: false, blocked: false, direct: false, note: "" });
    const self = await host.introduce();
    const webid = `https://${self.devices.label}.kith.invalid/contacts/${cid}/card#me`;
    const answer = await confirmation(fromB64u(id) ?? utf8(""), opened.confirmKey, { ...self, ways: await host.waysFor(cid, kept.grant), cid, webid, salt });
    batch.set(holding + id, { ...held, used: { by: digest, answer: b64u(answer) } } satisfies Held);
    if (!known) batch.set(`seen/${cid}`, false);
    batch.set(inviteSettings + id, used(store.get(inviteSettings + id), cid));
    return answer;
  });
}

async function opening(keys: KeyRecords, id: string, { ik, secret }: Held, body: Bytes) {
  const key = await keys.get(ik);
  const [name, shared] = [fromB64u(id), fromB64u(secret)];
  if (key === undefined || name === undefined || shared === undefined) return undefined;
  try {
    return await accepted({ id: name, secret: shared, key: { kid: ik, key } }, body);
  } catch (error) {
    if (error instanceof KithError) return undefined;
    throw error;
  }
}

function triedAgain(invite: unknown): unknown {
  return invite === undefined ? undefined : ({ ...(invite as Invite), triedAgain: true } satisfies Invite);
}

function used(invite: unknown, friend: ContactId): unknown {
  return invite === undefined ? undefined : ({ ...(invite as Invite), state: "used", friend } satisfies Invite);
}
