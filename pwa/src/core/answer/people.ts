/** Who may ask this device, as the owner's records say: their agreement keys, and what they are called in access lists. */

import type { Env } from "../env.ts";
import { fromB64u } from "../bytes.ts";
import { object, parse, string } from "../json.ts";
import type { ContactId } from "../kith.ts";
import { type Card, maxList, readCard } from "../pod/card.ts";
import { cardPath } from "../pod/paths.ts";
import { contactsOf } from "../pod/people.ts";
import { ownLists } from "../pod/profile.ts";
import type { Reading } from "../pod/reading.ts";
import { ownSalt, type Pair } from "../sealed/pair.ts";
import type { SealedRequest } from "../sealed/request.ts";
import { acceptKeysDocument, type AgreementKey, keptKeysDocument, type KeysDocument } from "../webid/agreement.ts";
import { acceptDeviceList, readDeviceList } from "../webid/devices.ts";
import { can, type DeviceList } from "../webid/list.ts";
import type { Label, Signer } from "../webid/key.ts";
import { Refusal } from "../webid/verdict.ts";
import type { Agent } from "./judge.ts";

/** Peer is a device that may ask: whose it is, and what is shared with it. */
export interface Peer extends Pair {
  readonly agent: Agent;
}

/** findPeer returns the device of the person `label` whose agreement key their keys document calls `kid`; undefined for strangers, for the blocked, and for keys that ran out.
 * A friend's new device may bring the lists in which it stands: the message that says where they are reached has them (docs/protocol.md, Messages). */
export async function findPeer(tree: Reading, self: Label, label: Label, kid: string, request: SealedRequest): Promise<Peer | undefined> {
  return label === self ? own(tree, self, kid) : contactOf(tree, label, kid, request);
}

async function own(tree: Reading, self: Label, kid: string): Promise<Peer | undefined> {
  const { devices, keys } = await ownLists(tree);
  const agree = current(tree.env, devices, keys, kid);
  if (agree === undefined || !can(devices, agree.device, "post")) return undefined;
  return { key: agree.key, salt: await ownSalt(self), agent: { kind: "owner", kid: agree.device } };
}

async function contactOf(tree: Reading, label: Label, kid: string, request: SealedRequest): Promise<Peer | undefined> {
  for (const { cid } of contactsOf(tree.store).filter((each) => each.label === label)) {
    const card = readCard((await tree.text(cardPath(cid))) ?? "");
    if (card === undefined || card.blocked) continue;
    const peer = (await peerOf(tree.env, cid, card, kid)) ?? (await broughtPeer(tree.env, cid, card, kid, request));
    if (peer !== undefined) return peer;
  }
  return undefined;
}

/** broughtPeer is `peerOf` by the lists in a message, where these follow the ones that are pinned. */
async function broughtPeer(env: Env, cid: ContactId, card: Card, kid: string, { method, path, body }: SealedRequest): Promise<Peer | undefined> {
  const said = method === "PUT" && path.startsWith("/social/in/") ? object(parse(new TextDecoder().decode(body))?.object) : undefined;
  const [devices, keys] = [string(said?.device_list, maxList), string(said?.keys, maxList)];
  if (said?.type !== "kith:Ways" || devices === undefined || keys === undefined) return undefined;
  try {
    const list = await acceptDeviceList(devices, await readDeviceList(card.devices));
    return await peerOf(env, cid, { ...card, devices: list.text, keys: (await acceptKeysDocument(keys, list)).text }, kid);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

async function peerOf(env: Env, cid: ContactId, card: Card, kid: string): Promise<Peer | undefined> {
  const salt = fromB64u(card.salt);
  if (salt?.length !== 32) return undefined;
  const { devices, keys, grant, accepts: also } = card;
  try {
    const list = await readDeviceList(devices);
    const agree = current(env, list, await keptKeysDocument(keys, list), kid);
    const hints = agree !== undefined && !can(list, agree.device, "post");
    return agree && { key: agree.key, salt, agent: { kind: "contact", cid, grant, kid: agree.device, also, hints } };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** current returns the key of that name while it counts: the newest of a device always, one that was superseded until its time. */
function current(env: Env, list: DeviceList, { agree }: KeysDocument, kid: string): AgreementKey | undefined {
  const found = agree.find((each) => each.kid === kid);
  if (found === undefined || !(can(list, found.device, "post") || can(list, found.device, "answer"))) return undefined;
  const newest = agree.every(({ device, until }) => device !== found.device || until <= found.until);
  return newest || found.until > env.now() ? found : undefined;
}

/** agreementKeys returns the private agreement keys of this device, those that were superseded among them. */
export async function agreementKeys({ env, device }: Reading): Promise<readonly Signer[]> {
  const names = (await env.keys.names()).filter((name) => name !== device);
  const kept = await Promise.all(names.map(async (kid) => ({ kid, key: await env.keys.get(kid) })));
  return kept.flatMap(({ kid, key }) => (key?.algorithm.name === "ECDH" ? [{ kid, key }] : []));
}
