/**
 * Letting further devices of the same person in, and shutting them out (docs/protocol.md, Pairing). The pod carries who wants to join, but never learns
 * the link's secret, so it cannot let itself in. Where there is no pod, this device is asked itself (linking.ts).
 *
 *     link/<auth>       Link: a secret this device made, until it is too old
 *     admitted/<kid>    Admitted: a device that this one let in
 *     revoked/<kid>     a device that this one took out of the list: a Farewell, or true where it cannot be told
 *     agreed            AgreementKey: the newest that this device made for itself
 *     greeted/<kid>     a device of the list that does not know this one, which came back from a backup: a Farewell until it was told
 */

import { b64u, type Bytes, fromB64u, hmac, join, sha256, utf8 } from "../bytes.ts";
import { KithError } from "../errors.ts";
import { type Json, list, object, objectIn, string } from "../json.ts";
import { named } from "../name.ts";
import { tellAll } from "../pod/letters.ts";
import { relayCount } from "../pod/facts.ts";
import { inviteKeyNames } from "../pod/inviter.ts";
import { devices, keys } from "../pod/paths.ts";
import { changeLists, ownLists, putLists } from "../pod/profile.ts";
import { type Batch, jose, type Tree } from "../pod/tree.ts";
import type { Store, Write } from "../store/store.ts";
import { type AgreementKey, type KeysDocument, newestKey } from "../webid/agreement.ts";
import { type Did, didOfJwk, jwkOf, parseDid } from "../webid/key.ts";
import { can, type Device, type DeviceList, hasNamed, isName, nameBeside } from "../webid/list.ts";
import { agreementLife, makeAgreementKey } from "../webid/person.ts";
import type { RelayWay } from "../webid/way.ts";
import { podClient } from "./clients.ts";
import { relayWays } from "./introduce.ts";
import type { Session } from "./session.ts";
import { renewSetting } from "./waits.ts";

/** Link is a secret that this device made. */
export interface Link {
  readonly secret: string;
  readonly expires: number;
  /** Who was let in by it, where this device answers itself. */
  readonly used?: Did;
}

/** linkSettings is the prefix of the settings that hold links. */
export const linkSettings = "link/";
const links = linkSettings;
const revoked = "revoked/";
const greeted = "greeted/";
const agreed = "agreed";
const admitted = "admitted/";

/** Admitted is what it takes to let a device in once more, which this one let in under a list of that generation. */
interface Admitted extends Pick<Joiner, "name" | "agree"> {
  readonly gen: number;
}

/** Farewell is how a device is reached that knows another list. */
interface Farewell {
  readonly key: Did;
  readonly ways: readonly RelayWay[];
  /** The generation of the list that it was told. */
  readonly told?: number;
}
const domain = utf8("kith join 1");
/** A key is renewed so long before it ends: what was sealed to it may still be on its way, and the sender may have heard of it late. */
const renewBefore = 15 * 86_400_000;

/** admitDevices lets in those who hold a link that this device made; true when somebody came. */
export async function admitDevices(session: Session): Promise<boolean> {
  const { env, store, tree } = session;
  const lasts = store.names(links).filter((name) => (store.get(name) as Link).expires > env.now());
  const old = store.names(links).filter((name) => !lasts.includes(name));
  if (old.length > 0) await store.apply(old.map((name) => ({ unset: name })));
  const open = lasts.filter((name) => (store.get(name) as Link).used === undefined);
  if (open.length === 0 || session.pod === undefined) return false;
  const { bytes } = await podClient(session).ask({ method: "GET", path: ".pair/links" });
  for (const request of list(objectIn(bytes)?.joins).map(object)) {
    const joiner = joinerOf(request, env.now());
    const name = await madeFor(store, open, joiner);
    if (joiner === undefined || name === undefined || can(session.list, joiner.kid, "answer")) continue;
    await tree.act("other", async (batch) => {
      await putJoiner(tree, batch, joiner);
      batch.set(name, undefined);
    });
    await session.heard([devices]);
    return true;
  }
  return false;
}

/** putJoiner writes the lists with one device more, with the rights of all, and remembers that this device let it in. Throws a `Refusal` where the list takes no more. */
export async function putJoiner(tree: Tree, batch: Batch, { kid, name, agree }: Pick<Joiner, "kid" | "name" | "agree">): Promise<void> {
  const device = (now: readonly Device[]): Device => ({ kid, name: nameBeside(now, name), may: ["answer", "accept", "post", "admin"] });
  const next = await changeLists(tree, tree.env.keys, { devices: (now) => (now.some((each) => each.kid === kid) ? now : [...now, device(now)]), agree: [agree] });
  await putLists(batch, next);
  batch.set(admitted + kid, { name, agree, gen: next.devices.gen } satisfies Admitted);
}

/** Joiner is a device that asks to be one of the person's. */
export interface Joiner {
  readonly kid: Did;
  readonly name: string;
  readonly agree: AgreementKey;
  readonly mac: string;
}

/** joinerOf reads who asks; undefined when something lacks, or a key is none. */
export function joinerOf(request: Json | undefined, now: number): Joiner | undefined {
  const [mac, said] = [string(request?.mac, 64), string(request?.name)];
  if (request === undefined || mac === undefined || said === undefined || !isName(named(said))) return undefined;
  try {
    const [kid, key] = [parseDid(request.kid), didOfJwk(request.agree)];
    return { kid, name: named(said), mac, agree: { kid: `k${key.slice(-11)}`, device: kid, key, until: now + agreementLife } };
  } catch (error) {
    if (error instanceof KithError && error.code === "keys-refused") return undefined;
    throw error;
  }
}

/** madeFor returns the link whose secret a request proves to hold. */
export async function madeFor(store: Store, open: readonly string[], joiner: Joiner | undefined): Promise<string | undefined> {
  for (const name of joiner === undefined ? [] : open) {
    const secret = fromB64u((store.get(name) as Link).secret);
    if (secret !== undefined && joiner !== undefined && joiner.mac === (await macOf(secret, joiner.kid, joiner.agree.key))) return name;
  }
  return undefined;
}

/** removeDevice takes a device out of the list; its tokens end at once where the pod hears of it. */
export async function removeDevice(session: Session, kid: string): Promise<void> {
  const { env, tree } = session;
  if (kid === session.me.device || !session.list.devices.some((each) => each.kid === kid)) throw new KithError("no-such", "remove device: it is not another one of the list");
  const farewell = session.pod === undefined ? await farewellTo(session, kid as Did) : undefined;
  await tree.act("other", async (batch) => {
    await putLists(batch, await changeLists(tree, env.keys, { devices: (now) => now.filter((each) => each.kid !== kid) }));
    batch.set(revoked + kid, farewell ?? true);
    if (relayCount(session.store) > 0) batch.set(renewSetting, true);
  });
  await session.heard([devices]);
  await tellRemoved(session, revoked + kid);
  await session.relaysHeard();
}

/** farewellTo returns how a device that nobody answers any more is told why: by the key and the ways that it has had. */
async function farewellTo({ tree }: Session, kid: Did): Promise<Farewell | undefined> {
  return reachedBy(tree, (await ownLists(tree)).keys, kid);
}

async function reachedBy(tree: Pick<Tree, "text">, document: KeysDocument, kid: Did): Promise<Farewell | undefined> {
  const key = newestKey(document, kid)?.key;
  const ways = await relayWays(tree, "own");
  return key === undefined || ways.length === 0 ? undefined : { key, ways };
}

/** introduced returns the writes by which the devices of `before` are told of a list that was made without them: those that are in it hear of this device, others that they are out. */
export async function introduced(tree: Pick<Tree, "text">, before: { readonly devices: DeviceList; readonly keys: KeysDocument }, next: DeviceList): Promise<readonly Write[]> {
  const writes: Write[] = [];
  for (const { kid, may } of before.devices.devices) {
    const reached = may.includes("post") ? await reachedBy(tree, before.keys, kid) : undefined;
    if (reached !== undefined) writes.push({ set: (can(next, kid, "post") ? greeted : revoked) + kid, value: reached });
  }
  return writes;
}

/** tellRemoved brings a device the list on which it is not any more, once a relay has taken it; and once more where the person key has signed another, which it cannot but take. */
async function tellRemoved(session: Session, name: string): Promise<void> {
  const { store, list: { gen, text: body } } = session;
  const farewell = store.get(name) as Farewell | true | undefined;
  if (farewell === undefined || farewell === true || farewell.told === gen) return;
  if (await tell(session, farewell, body)) await store.apply([{ set: name, value: { ...farewell, told: gen } satisfies Farewell }]);
}

async function tell({ carrier }: Session, { key, ways }: Farewell, body: string): Promise<boolean> {
  return (await carrier()).tell(ways, key, { method: "PUT", path: `.replica${devices}`, headers: { "Content-Type": jose }, body });
}

/** greetAgain brings those who do not know this device both lists in which it stands. */
export async function greetAgain(session: Session): Promise<void> {
  const { store, tree } = session;
  for (const name of store.names(greeted)) {
    const farewell = store.get(name) as Farewell;
    const lists = await ownLists(tree);
    if (await tell(session, farewell, `${lists.devices.text}\n${lists.keys.text}`)) await store.apply([{ unset: name }]);
  }
}

/** revokeAgain takes out what this device revoked and a list that came in between has again. */
export async function revokeAgain(session: Session): Promise<void> {
  for (const name of session.store.names(revoked)) {
    const kid = name.slice(revoked.length);
    if (session.list.devices.some((each) => each.kid === kid)) await removeDevice(session, kid);
    else await tellRemoved(session, name);
  }
}

/** admitAgain lets in once more whom this device let in, where another list of the same epoch came to hold that has never named them, or other keys without theirs.
 * A list that follows one with them was meant so, and one of another generation may have been. */
export async function admitAgain(session: Session): Promise<void> {
  const { env, store, tree, me } = session;
  for (const name of store.names(admitted)) {
    const kid = name.slice(admitted.length) as Did;
    const { agree, gen, ...device } = store.get(name) as Admitted;
    const listed = can(session.list, kid, "answer");
    const over = agree.until <= env.now() || gen !== session.list.gen || store.get(revoked + kid) !== undefined || (!listed && hasNamed(session.list, kid));
    if (over) await store.apply([{ unset: name }]);
    if (over || !can(session.list, me.device, "admin") || (listed && newestKey((await ownLists(tree)).keys, kid) !== undefined)) continue;
    await tree.act("other", (batch) => putJoiner(tree, batch, { kid, agree, ...device }));
    await session.heard([devices]);
  }
}

/** authOf returns by what a link is known without its secret. */
export async function authOf(secret: Bytes): Promise<string> {
  return b64u(await sha256(join(domain, secret)));
}

/** macOf ties a joining device's keys to the link's secret. */
export async function macOf(secret: Bytes, kid: Did, agree: Did): Promise<string> {
  const { x, y } = jwkOf(agree);
  return b64u(await hmac(secret, join(domain, utf8(kid), utf8(`${x}.${y}`))));
}

/** renewKeys makes a new agreement key when this device's newest has a fortnight left or its secret half is not here, and destroys those whose time is
 * over. It signs the keys document anew as well where that one's signer is not in the list any more, where it lacks the newest key, or names one that this
 * device does not have; true when it did. */
export async function renewKeys(session: Session): Promise<boolean> {
  const { env, store, tree, me } = session;
  const lists = await ownLists(tree);
  const held: readonly string[] = await env.keys.names();
  const named = lists.keys.agree.filter(({ device }) => device === me.device);
  const made = store.get(agreed) as AgreementKey | undefined;
  const own = newestKey({ agree: [...named, ...(made ? [made] : [])].filter(({ key }) => held.includes(key)) }, me.device);
  // A device that has just joined is not in the lists that it was given.
  if (own !== undefined && named.length > 0) await destroyKeys(session, [own, ...lists.keys.agree]);
  const lasts = own !== undefined && own.until > env.now() + renewBefore;
  const stands = named.some(({ kid }) => kid === own?.kid) && named.every(({ key }) => held.includes(key)) && can(lists.devices, lists.keys.signer, "admin");
  if ((lasts && stands) || !can(lists.devices, me.device, "admin")) return false;
  const agree = lasts ? own : await makeAgreementKey(env.keys, me.device, env.now());
  await tree.act("other", async (batch) => {
    const { keys: next } = await changeLists(tree, env.keys, { devices: (now) => now, agree: [agree] });
    await batch.putText(keys, jose, next.text);
    batch.set(agreed, agree);
    for (const write of tellAll(session)) batch.writes.push(write);
  });
  return true;
}

/** destroyKeys destroys all agreement keys of this device but these: nothing that was sealed to them can be opened again. */
async function destroyKeys({ env, tree, me }: Session, agree: readonly AgreementKey[]): Promise<void> {
  // First what is there, then what is named: what comes meanwhile stays.
  const there = await env.keys.names();
  const named = new Set<string>([me.device, ...agree.map(({ key }) => key), ...inviteKeyNames(tree)]);
  for (const kid of there) if (!named.has(kid)) await env.keys.remove(kid);
}
