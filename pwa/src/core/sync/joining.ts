/** Making a link for one more device of the same person, and using it (docs/protocol.md, Pairing). What happens at the device that lets it in is in admitting.ts and linking.ts. */

import { b64u, type Bytes, fromB64u, readText } from "../bytes.ts";
import type { Env, Stop } from "../env.ts";
import { KithError } from "../errors.ts";
import { objectIn, string, time } from "../json.ts";
import { type Client, PodClient } from "../ldp/client.ts";
import { codeOf, Failure, statusOf } from "../ldp/errors.ts";
import type { Answer } from "../ldp/wire.ts";
import { network } from "../loaded.ts";
import { named } from "../name.ts";
import { type Known, knownName } from "../pod/bases.ts";
import { maxList } from "../pod/card.ts";
import { relayCount } from "../pod/facts.ts";
import { holdInvite } from "../pod/inviter.ts";
import { devices, keys, relaysPath } from "../pod/paths.ts";
import { ownLists } from "../pod/profile.ts";
import { asTold, jose } from "../pod/tree.ts";
import { ownSalt } from "../sealed/pair.ts";
import type { Store, Write } from "../store/store.ts";
import { type AgreementKey, newestKey } from "../webid/agreement.ts";
import { acceptDeviceList } from "../webid/devices.ts";
import { type Joining, makeJoining, type PodLink, readJoining } from "../webid/joinlink.ts";
import { type Did, generate, jwkOf, type Signer } from "../webid/key.ts";
import { isName } from "../webid/list.ts";
import { makeAgreementKey } from "../webid/person.ts";
import { signerOf } from "../webid/records.ts";
import type { Link } from "./admitting.ts";
import { atHome, podClient } from "./clients.ts";
import { relayWays } from "./introduce.ts";
import type { askOnce as AskOnce } from "./sealed.ts";
import type { Person, Pod, Session } from "./session.ts";

export { connectPod } from "./pairing.ts";

/** How long a device waits to be let in, in milliseconds. */
const patience = 15 * 60_000;
/** How often it asks. */
const interval = 2_000;

/** linkDevice makes a link with which one more device may ask to join. */
export async function linkDevice(session: Session): Promise<{ readonly link: string; readonly expires: number }> {
  if (session.pod === undefined && relayCount(session.store) > 0) return linkWithoutPod(session);
  const { env, mustPod, me, store } = session;
  const { appAddress, authOf, linkSettings } = await network();
  const secret = env.random(16);
  const auth = await authOf(secret);
  const headers = { "Content-Type": "application/json" };
  const { bytes } = await podClient(session).ask({ method: "POST", path: ".pair/links", headers, body: JSON.stringify({ secret: auth }) });
  const expires = time(objectIn(bytes)?.expires) ?? env.now() + patience;
  await store.apply([{ set: linkSettings + auth, value: { secret: b64u(secret), expires } satisfies Link }]);
  const { pod, issuer } = mustPod;
  const facts = { pod, issuer, secret: b64u(secret), label: session.list.label, name: me.name, ...(await byRelays(session)) };
  return { link: makeJoining(await appAddress(session), facts), expires };
}

/** linkWithoutPod makes one by which this device itself is asked, at the person's relays. */
async function linkWithoutPod(session: Session): Promise<{ readonly link: string; readonly expires: number }> {
  const { env, me, store, tree, list } = session;
  const { appAddress, authOf, linkSettings } = await network();
  const { id, ik, expires } = await holdInvite(tree, patience);
  const secret = env.random(16);
  const held: Link = { secret: b64u(secret), expires };
  await store.apply([{ set: linkSettings + (await authOf(secret)), value: held }]);
  const via = await relayWays(tree, `invite ${b64u(id)}`);
  return { link: makeJoining(await appAddress(session), { label: list.label, name: me.name, secret: b64u(secret), via, ik }), expires };
}

/** byRelays returns how a pod that was paired through relays is asked by a device that knows nothing yet. */
async function byRelays({ tree, pod, list }: Session): Promise<Pick<Joining, "via" | "ik">> {
  const device = list.devices.find(({ may }) => !may.includes("post"))?.kid;
  const key = device === undefined || (pod?.via ?? []).length === 0 ? undefined : newestKey((await ownLists(tree)).keys, device)?.key;
  return key === undefined ? { via: [] } : { via: await relayWays(tree, "pair"), ik: key };
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
  const me: Person = { name: named(joining.name), label, device: signer.kid, since: env.now() };
  const writes: Write[] = [{ set: "me", value: me }, ...("pod" in joining ? podWrites(joining, via) : [{ set: knownName((await acceptDeviceList(lists[0]?.[1] ?? "")).signer), value: { heard: 0 } satisfies Known }])];
  await store.apply([...(await Promise.all(lists.map(([path, list]) => asTold({ env, store }, path, list, path === relaysPath ? "application/json" : jose)))), ...writes]);
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
  const { postOpenly } = await network();
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

async function askToJoin(joining: Joining, { openly }: PodWay, { kid }: Signer, agree: AgreementKey, name: string): Promise<readonly (readonly [string, string])[]> {
  const { authOf, jsonOf, macOf } = await network();
  const { secret, label } = joining;
  const key = fromB64u(secret) as Bytes;
  const body = { secret: await authOf(key), kid, name: clipped(name), agree: jwkOf(agree.key), mac: await macOf(key, kid, agree.key) };
  const answer = await openly({ path: ".pair", body: JSON.stringify(body) });
  if (answer.status === 403) throw new KithError("link-used", "join: the link was used or is too old");
  if (answer.status === 409 && !("pod" in joining)) throw new KithError("too-many-devices", "join: the list takes no more");
  if (answer.status !== 202) throw new Failure(codeOf(answer.status, "pod"), "join", answer.status);
  const json = jsonOf(answer, "pod");
  const pinned = await acceptDeviceList(string(json.device_list, maxList) ?? "");
  if (pinned.label !== label) throw new KithError("pod-refused", "join: the pod is not that of the link's person");
  return [[devices, pinned.text], [keys, string(json.keys, maxList) ?? ""]];
}

/** clipped returns a device's name as far as a list takes it. */
function clipped(name: string): string {
  let short = "";
  for (const sign of named(name)) {
    if (!isName(short + sign)) break;
    short += sign;
  }
  return short;
}

/** admitted asks until the pod knows this device; it returns the lists with this device in them where they have to be read at once. */
async function admitted(env: Env, { client, rereads }: PodWay, closing: AbortSignal): Promise<readonly (readonly [string, string])[] | undefined> {
  const until = env.now() + patience;
  while (!closing.aborted && env.now() < until) {
    const pod = client();
    try {
      await pod.ask({ method: "GET", path: ".replica?after=0&limit=1" });
      if (rereads.length === 0) return undefined;
      return await Promise.all(rereads.map(async (path) => [path, readText((await pod.ask({ method: "GET", path: `.replica${path}` })).bytes) ?? ""] as const));
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
