/**
 * Further devices of the same person (docs/protocol.md, Pairing). The pod carries who wants to join, but never learns
 * the link's secret, so it cannot let itself in.
 *
 *     link/<auth>       Link: a secret this device made, until it is too old
 *     revoked/<kid>     a device that this one took out of the list: a Farewell until it can be told, then true
 */

import { b64u, type Bytes, fromB64u, hmac, join, sha256, text, utf8 } from "../bytes.ts";
import type { Env, Stop } from "../env.ts";
import { KithError } from "../errors.ts";
import { type Json, list, object, parse, string, time } from "../json.ts";
import { type Client, PodClient } from "../ldp/client.ts";
import type { Answer } from "../ldp/wire.ts";
import { codeOf, Failure, statusOf } from "../ldp/errors.ts";
import { maxList } from "../pod/card.ts";
import { relayCount } from "../pod/facts.ts";
import { inviteKeyNames } from "../pod/inviter.ts";
import { devices, keys, relaysPath } from "../pod/paths.ts";
import { type Known, knownName } from "../pod/bases.ts";
import { part } from "../loaded.ts";
import { changeLists, ownLists, putLists } from "../pod/profile.ts";
import { jose, newHandle, newRow } from "../pod/tree.ts";
import type { Store, Write } from "../store/store.ts";
import { type AgreementKey, type KeysDocument, newestKey } from "../webid/agreement.ts";
import { acceptDeviceList } from "../webid/devices.ts";
import { can, type Device } from "../webid/list.ts";
import { type Did, didOfJwk, generate, jwkOf, parseDid, type Signer } from "../webid/key.ts";
import { type Joining, makeJoining, type PodLink, readJoining } from "../webid/link.ts";
import { agreementLife, makeAgreementKey } from "../webid/person.ts";
import type { RelayWay } from "../webid/way.ts";
import { jsonOf, postOpenly } from "./open.ts";
import { ownSalt } from "../sealed/pair.ts";
import { signerOf } from "../webid/records.ts";
import { atHome, podClient } from "./clients.ts";
import { relayWays } from "./introduce.ts";
import { appAddress } from "./invites.ts";
import type { askOnce as AskOnce } from "./sealed.ts";
import type { Person, Pod, Session } from "./session.ts";
import { renewSetting } from "./waits.ts";
import { tellAll } from "../pod/letters.ts";

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

/** Farewell is how a device is reached that was taken out. */
interface Farewell {
  readonly key: Did;
  readonly ways: readonly RelayWay[];
}

const domain = utf8("kith join 1");
/** How long a device waits to be let in, in milliseconds. */
export const patience = 15 * 60_000;
/** How often it asks. */
const interval = 2_000;
/** A key is renewed so long before it ends: what was sealed to it may still be on its way, and the sender may have heard of it late. */
const renewBefore = 15 * 86_400_000;

const linking = (): Promise<typeof import("./linking.ts")> => part(() => import("./linking.ts"));

/** linkDevice makes a link with which one more device may ask to join. */
export async function linkDevice(session: Session): Promise<{ readonly link: string; readonly expires: number }> {
  if (session.pod === undefined && relayCount(session.store) > 0) return (await linking()).linkWithoutPod(session);
  const { env, mustPod, me, store } = session;
  const secret = env.random(16);
  const auth = await authOf(secret);
  const headers = { "Content-Type": "application/json" };
  const { bytes } = await podClient(session).ask({ method: "POST", path: ".pair/links", headers, body: JSON.stringify({ secret: auth }) });
  const expires = time(parse(text(bytes))?.expires) ?? env.now() + patience;
  await store.apply([{ set: links + auth, value: { secret: b64u(secret), expires } satisfies Link }]);
  const { pod, issuer } = mustPod;
  const facts = { pod, issuer, secret: b64u(secret), label: session.list.label, name: me.name, ...(await byRelays(session)) };
  return { link: makeJoining(await appAddress(session), facts), expires };
}

/** byRelays returns how a pod that was paired through relays is asked by a device that knows nothing yet. */
async function byRelays({ tree, pod, list }: Session): Promise<Pick<Joining, "via" | "ik">> {
  const device = list.devices.find(({ may }) => !may.includes("post"))?.kid;
  const key = device === undefined || (pod?.via ?? []).length === 0 ? undefined : newestKey((await ownLists(tree)).keys, device)?.key;
  return key === undefined ? { via: [] } : { via: await relayWays(tree, "pair"), ik: key };
}

/** admitDevices lets in those who hold a link that this device made; true when somebody came. */
export async function admitDevices(session: Session): Promise<boolean> {
  const { env, store, tree } = session;
  const open = store.names(links).filter((name) => (store.get(name) as Link).expires > env.now());
  const old = store.names(links).filter((name) => !open.includes(name));
  if (old.length > 0) await store.apply(old.map((name) => ({ unset: name })));
  if (open.length === 0 || session.pod === undefined) return false;
  const { bytes } = await podClient(session).ask({ method: "GET", path: ".pair/links" });
  for (const request of list(parse(text(bytes))?.joins).map(object)) {
    const joiner = await joinerOf(request, env.now());
    const name = await madeFor(store, open, joiner);
    if (joiner === undefined || name === undefined || can(session.list, joiner.kid, "answer")) continue;
    await tree.act("other", async (batch) => {
      const device: Device = { kid: joiner.kid, name: joiner.name, may: ["answer", "accept", "post", "admin"] };
      await putLists(batch, await changeLists(tree, env.keys, { devices: (now) => [...now, device], agree: [joiner.agree] }));
      batch.set(name, undefined);
    });
    await session.heard([devices]);
    return true;
  }
  return false;
}

/** Joiner is a device that asks to be one of the person's. */
export interface Joiner {
  readonly kid: Did;
  readonly name: string;
  readonly agree: AgreementKey;
  readonly mac: string;
}

/** joinerOf reads who asks; undefined when something lacks. Throws a `Refusal` for keys that are none. */
export async function joinerOf(request: Json | undefined, now: number): Promise<Joiner | undefined> {
  const mac = string(request?.mac, 64);
  const name = string(request?.name, 64);
  if (request === undefined || mac === undefined || name === undefined) return undefined;
  const kid = parseDid(request.kid);
  const key = didOfJwk(request.agree);
  return { kid, name, mac, agree: { kid: `k${key.slice(-11)}`, device: kid, key, until: now + agreementLife } };
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
  const key = newestKey((await ownLists(tree)).keys, kid)?.key;
  const ways = await relayWays(tree, "own");
  return key === undefined || ways.length === 0 ? undefined : { key, ways };
}

/** tellRemoved brings a device the list on which it is not any more, once a relay has taken it. */
async function tellRemoved({ carrier, store, list: { text: body } }: Session, name: string): Promise<void> {
  const farewell = store.get(name) as Farewell | true | undefined;
  if (farewell === undefined || farewell === true) return;
  const told = await (await carrier()).tell(farewell.ways, farewell.key, { method: "PUT", path: `.replica${devices}`, headers: { "Content-Type": jose }, body });
  if (told) await store.apply([{ set: name, value: true }]);
}

/** revokeAgain takes out what this device revoked and a list that came in between has again. */
export async function revokeAgain(session: Session): Promise<void> {
  for (const name of session.store.names(revoked)) {
    const kid = name.slice(revoked.length);
    if (session.list.devices.some((each) => each.kid === kid)) await removeDevice(session, kid);
    else await tellRemoved(session, name);
  }
}

/** joinDevice asks to join the person of a link and waits until an admin device has let this one in; then the store holds who it is. */
export async function joinDevice(env: Env, store: Store, link: string, name: string, closing: AbortSignal, sealed: () => Promise<typeof AskOnce>): Promise<void> {
  const joining = readJoining(link);
  const signer = await generate("sign");
  await env.keys.put(signer.kid, signer.key);
  const agree = await makeAgreementKey(env.keys, signer.kid, env.now());
  const way = await podWay(env, joining, signer, agree, sealed);
  let lists: Awaited<ReturnType<typeof askToJoin>>;
  try {
    const shown = await askToJoin(joining, way, signer, agree, name);
    const anew = await admitted(env, way, closing);
    if (anew !== undefined) await acceptDeviceList(anew[0]?.[1] ?? "", await acceptDeviceList(shown[0]?.[1] ?? ""));
    lists = anew ?? shown;
  } catch (error) {
    await Promise.all([signer.kid, agree.key].map((kid) => env.keys.remove(kid)));
    throw error;
  }
  const { label, via } = joining;
  const me: Person = { name: joining.name, label, device: signer.kid, since: env.now() };
  const writes: Write[] = [{ set: "me", value: me }, ...("pod" in joining ? podWrites(joining, via) : [{ set: knownName((await acceptDeviceList(lists[0]?.[1] ?? "")).signer), value: { heard: 0 } satisfies Known }])];
  await store.apply([...(await Promise.all(lists.map(([path, list]) => listRow(env, path, list)))), ...writes]);
}

function podWrites({ pod, issuer }: PodLink, via: Joining["via"]): readonly Write[] {
  return [{ set: "pod", value: { pod, issuer, webid: `${pod}profile/card#me`, via } satisfies Pod }, { set: "pod/was", value: true }];
}

/** PodWay is how a device that is no device yet asks the pod: as nobody, and as itself once it was let in. */
interface PodWay {
  readonly openly: (asking: { readonly path: string; readonly body: string }) => Promise<Answer>;
  readonly client: () => Pick<Client, "ask">;
  /** What has to be read, and the lists again, before anything else: a sealed request names a key that has to be in them. */
  readonly rereads: readonly string[];
}

async function podWay(env: Env, joining: Joining, signer: Signer, agree: AgreementKey, sealed: () => Promise<typeof AskOnce>): Promise<PodWay> {
  const { label, via, ik } = joining;
  if ("pod" in joining && (ik === undefined || atHome(env, joining))) {
    const { pod, issuer } = joining;
    return {
      openly: ({ path, body }) => postOpenly(env, pod + path, "application/json", body, "pod"),
      // A client of its own each time: none keeps what an earlier refusal left.
      client: () => new PodClient(env, { pod, issuer }, signer, "pod", () => undefined),
      rereads: [],
    };
  }
  const [askOnce, { key }, salt] = [await sealed(), await signerOf(env.keys, agree.key), await ownSalt(label)];
  const to = { label, to: [{ key: ik as Did }] };
  const headers = { "Content-Type": "application/json" };
  return {
    openly: ({ path, body }) => askOnce(env, via, to, { method: "POST", path, headers, body, allow: [202, 403, 404, 409] }),
    client: () => ({ ask: (asking) => askOnce(env, via, { ...to, from: { label, kid: agree.kid, key, salt } }, asking) }),
    rereads: "pod" in joining ? [devices, keys] : [devices, keys, relaysPath],
  };
}

async function askToJoin({ secret, label }: Joining, { openly }: PodWay, { kid }: Signer, agree: AgreementKey, name: string): Promise<readonly (readonly [string, string])[]> {
  const key = fromB64u(secret) as Bytes;
  const body = { secret: await authOf(key), kid, name, agree: jwkOf(agree.key), mac: await macOf(key, kid, agree.key) };
  const answer = await openly({ path: ".pair", body: JSON.stringify(body) });
  if (answer.status === 403) throw new KithError("link-used", "join: the link was used or is too old");
  if (answer.status !== 202) throw new Failure(codeOf(answer.status, "pod"), "join", answer.status);
  const json = jsonOf(answer, "pod");
  const pinned = await acceptDeviceList(string(json.device_list, maxList) ?? "");
  if (pinned.label !== label) throw new KithError("pod-refused", "join: the pod is not that of the link's person");
  return [[devices, pinned.text], [keys, string(json.keys, maxList) ?? ""]];
}

/** admitted asks until the pod knows this device; it returns the lists with this device in them where they have to be read at once. */
async function admitted(env: Env, { client, rereads }: PodWay, closing: AbortSignal): Promise<readonly (readonly [string, string])[] | undefined> {
  const until = env.now() + patience;
  while (!closing.aborted && env.now() < until) {
    const pod = client();
    try {
      await pod.ask({ method: "GET", path: ".replica?after=0&limit=1" });
      if (rereads.length === 0) return undefined;
      return await Promise.all(rereads.map(async (path) => [path, text((await pod.ask({ method: "GET", path: `.replica${path}` })).bytes)] as const));
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
    }
    await pause(env, interval, closing);
  }
  throw new KithError("pod-refused", "join: nobody let this device in");
}

function pause(env: Env, milliseconds: number, closing: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop: Stop = env.after(milliseconds, resolve);
    closing.addEventListener("abort", () => (stop(), resolve()), { once: true });
  });
}

/** listRow keeps a list as the pod had it, without a version, so that the first pull takes the newer one. */
async function listRow(env: Env, path: string, list: string): Promise<Write> {
  const bytes = utf8(list);
  const row = { path, id: newHandle(env), version: { counter: 0, device: "" }, type: path === relaysPath ? "application/json" : jose, modified: env.now() };
  return { put: await newRow(row, bytes), bytes };
}

/** authOf returns by what a link is known without its secret. */
export async function authOf(secret: Bytes): Promise<string> {
  return b64u(await sha256(join(domain, secret)));
}

/** macOf ties a joining device's keys to the link's secret. */
async function macOf(secret: Bytes, kid: Did, agree: Did): Promise<string> {
  const { x, y } = jwkOf(agree);
  return b64u(await hmac(secret, join(domain, utf8(kid), utf8(`${x}.${y}`))));
}

/** renewKeys makes a new agreement key when this device's has a fortnight left, and destroys those whose time is over; true when it made one. */
export async function renewKeys(session: Session): Promise<boolean> {
  const { env, tree, me } = session;
  const lists = await ownLists(tree);
  const own = newestKey(lists.keys, me.device);
  // A device that has just joined is not in the lists that it was given.
  if (own !== undefined) await destroyKeys(session, lists.keys);
  if ((own !== undefined && own.until > env.now() + renewBefore) || !can(lists.devices, me.device, "admin")) return false;
  const agree = await makeAgreementKey(env.keys, me.device, env.now());
  await tree.act("other", async (batch) => {
    const { keys: next } = await changeLists(tree, env.keys, { devices: (now) => now, agree: [agree] });
    await batch.putText(keys, jose, next.text);
    for (const write of tellAll(session)) batch.writes.push(write);
  });
  return true;
}

/** destroyKeys destroys the agreement keys that the keys document does not name any more: nothing that was sealed to them can be opened again. */
async function destroyKeys({ env, tree, me }: Session, { agree }: KeysDocument): Promise<void> {
  // First what is there, then what is named: what comes meanwhile stays.
  const there = await env.keys.names();
  const named = new Set<string>([me.device, ...agree.map(({ key }) => key), ...inviteKeyNames(tree)]);
  for (const kid of there) if (!named.has(kid)) await env.keys.remove(kid);
}
