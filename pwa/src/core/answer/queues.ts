/**
 * What this device tells the relays about the person's queues: by which send ids messages may be left there, and by which
 * tokens the person's devices read them (docs/protocol.md, Relays). It is said again at each connection, since the pod and
 * the other devices say it too and none knows what the others could say.
 *
 *     sends/<relay> <queue>    the names for which this device has registered send ids
 */

import type { ContactId, Invite } from "../kith.ts";
import { pushSetting } from "../wakes.ts";
import { heldInvites } from "../pod/inviter.ts";
import { acceptSettings, inviteSettings, relaysPath } from "../pod/paths.ts";
import { card, contactsOf } from "../pod/people.ts";
import { ownLists } from "../pod/profile.ts";
import type { Reading } from "../pod/reading.ts";
import type { Bytes } from "../bytes.ts";
import type { Mailbox, PushSubscription } from "../relay/mailbox.ts";
import { readRelays, type SendName, sendOf, tokenOf } from "../relay/settings.ts";

/** OwnQueue is a queue of the person at a relay, and the secret from which its send ids and tokens are derived. */
export interface OwnQueue {
  readonly url: string;
  readonly queue: string;
  readonly secret: Bytes;
}

const registered = "sends/";

/** queuesOf returns the person's queues, those that friends may still know of among them. */
export async function queuesOf(tree: Reading): Promise<readonly OwnQueue[]> {
  const settings = readRelays((await tree.text(relaysPath)) ?? "");
  if (settings === undefined) return [];
  const current = settings.relays.map(({ url, queue }) => ({ url, queue, secret: settings.secret }));
  const old = settings.old.filter(({ until }) => until > tree.env.now()).map(({ url, queue, secret }) => ({ url, queue, secret }));
  return [...current, ...old];
}

/** register tells a relay the send ids, the tokens and where this device is woken; false when it did not take all of that. */
export async function register(tree: Reading, mailbox: Mailbox, { url, queue, secret }: OwnQueue): Promise<boolean> {
  const name = `${registered}${url} ${queue}`;
  const wanted = await namesOf(tree);
  const before = (tree.store.get(name) as readonly SendName[] | undefined) ?? [];
  const dropped = before.filter((each) => !wanted.includes(each));
  const sends = (names: readonly SendName[]): Promise<Bytes[]> => Promise.all(names.map((each) => sendOf(secret, url, each)));
  const tokens = await Promise.all((await ownLists(tree)).devices.devices.map(({ kid }) => tokenOf(secret, url, kid)));
  const done = [
    dropped.length === 0 || (await mailbox.change(queue, { op: "send.remove", sends: await sends(dropped) })),
    await mailbox.change(queue, { op: "send.add", sends: await sends(wanted) }),
    await mailbox.change(queue, { op: "token.add", tokens }),
    await subscribed(tree, mailbox, queue),
  ].every((each) => each);
  if (done && JSON.stringify(before) !== JSON.stringify(wanted)) await tree.store.apply([{ set: name, value: wanted }]);
  return done;
}

/** subscribed tells the relay where this device is woken, where the person wants that. */
async function subscribed({ store }: Reading, mailbox: Mailbox, queue: string): Promise<boolean> {
  const push = store.get(pushSetting) as PushSubscription | null | undefined;
  return push === undefined || mailbox.change(queue, { op: "push", push });
}

/** namesOf returns for whom there are send ids: each friend, each open invite, the person's own devices. */
async function namesOf(tree: Reading): Promise<readonly SendName[]> {
  const { store } = tree;
  const friends = await Promise.all(contactsOf(store).map(async ({ cid }): Promise<SendName> => `${cid} ${(await card(tree, cid)).grant}`));
  const made = store.names(inviteSettings).map((name) => store.get(name) as Invite);
  const open = made.filter(({ state, expires }) => state === "open" && expires > tree.env.now()).map(({ id }) => id);
  const invites = [...new Set([...heldInvites(tree), ...open])].map((id): SendName => `invite ${id}`);
  // They were told already where they reach this person, and may ask before this device hears that they agreed.
  const coming = store.names(acceptSettings).map((name): SendName => `${(store.get(name) as { readonly cid: ContactId }).cid} 1`);
  const own: SendName = "own";
  return [...new Set([...friends, ...coming, ...invites, own])].sort();
}
