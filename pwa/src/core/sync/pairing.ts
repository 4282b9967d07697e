/** Connecting a person with a pod (docs/protocol.md, Pairing). */

import { KithError } from "../errors.ts";
import { object, objectIn, string } from "../json.ts";
import { codeOf, Failure } from "../ldp/errors.ts";
import { maxList } from "../pod/card.ts";
import { acceptable, changeLists, ownLists, putLists } from "../pod/profile.ts";
import type { AgreementKey } from "../webid/agreement.ts";
import { type Did, didOfJwk, parseDid } from "../webid/key.ts";
import { agreementLife } from "../webid/person.ts";
import { type Pairing, podUrl } from "../webid/link.ts";
import { readPairing } from "../webid/pairlink.ts";
import type { Answer } from "../ldp/wire.ts";
import { without } from "../pod/outbox.ts";
import { devices, inviteSettings, keys, relaysPath } from "../pod/paths.ts";
import { asTold, type Tree } from "../pod/tree.ts";
import type { Write } from "../store/store.ts";
import { atHome } from "./clients.ts";
import { jsonOf, postOpenly } from "./open.ts";
import { isRemoved } from "./others.ts";
import type { Pod, Session } from "./session.ts";
import { asideSetting } from "./waits.ts";
import { tellAll } from "../pod/letters.ts";

/** Nobody writes so often while a device is away. */
const leap = 2 ** 20;

/** Introduced is what a pod says of itself when it was paired. */
interface Introduced {
  readonly pod: Pod;
  readonly device: { readonly kid: Did; readonly name: string; readonly agree: AgreementKey };
}

/** connectPod pairs with the pod of a link and lets it into the device list; what is here goes there from then on. */
export async function connectPod(session: Session, link: string): Promise<void> {
  const { env, tree } = session;
  const pairing = readPairing(link);
  let answer = await send(session, pairing);
  if (answer.status === 409 && (await caughtUp(session, answer))) answer = await send(session, pairing);
  if (answer.status !== 200) throw refusal(answer.status);
  const { pod, device } = introduced(jsonOf(answer, "pod"), pairing, env.now());
  await tree.act("other", async (batch) => {
    for (const write of await settingAside(tree)) batch.writes.push(write);
    const next = await changeLists(tree, env.keys, {
      // A device that may not post is a pod, and this one replaces the one before.
      devices: (now) => [...now.filter(({ may }) => may.includes("post")), { kid: device.kid, name: device.name, may: ["answer", "accept"] }],
      agree: [device.agree],
    });
    await putLists(batch, next);
    // Invites of another pod lead to that one.
    for (const name of session.pod?.pod === pod.pod ? [] : session.store.names(inviteSettings)) batch.set(name, undefined);
    batch.set("pod", pod);
    batch.set("pod/was", true);
    batch.set("pod/cursor", undefined);
    for (const write of tellAll(session)) batch.writes.push(write);
  });
}

/** send asks the pod at its address, or through relays where it was paired by them and this page did not come from it. */
async function send(session: Session, pairing: Pairing): Promise<Answer> {
  const { env, list, carrier, tree, me: { name } } = session;
  const { pod, ik: key, via: relays, secret } = pairing;
  const lists = await ownLists(tree);
  const body = JSON.stringify({ secret, device_list: lists.devices.text, keys: lists.keys.text, name });
  if (key === undefined || relays.length === 0 || atHome(env, pairing)) return postOpenly(env, `${pod}.pair`, "application/json", body, "pod");
  const asking = { method: "POST", path: ".pair", headers: { "Content-Type": "application/json" }, body, allow: [200, 403, 409] } as const;
  return (await carrier()).askStranger({ label: list.label, key, relays, name: `pair ${pairing.secret}` }, asking, "pod");
}

/** caughtUp takes the lists that the pod has, where those that it was shown are older; true when there is something else to show it then. */
async function caughtUp(session: Session, { bytes }: Answer): Promise<boolean> {
  const { tree } = session;
  const said = objectIn(bytes);
  const newer = [[devices, said?.device_list], [keys, said?.keys]] as const;
  const taken = await tree.exclusive(async () => {
    for (const [path, value] of newer) {
      const written = string(value, maxList);
      if (written === undefined || !(await acceptable(tree, path, written, await tree.text(devices)))) return false;
      await tree.store.apply([await asTold(tree, path, written)]);
    }
    // What is written on them has to come after all that the pod has heard of meanwhile.
    await tree.store.apply([{ set: "counter", value: tree.counter + leap }]);
    return true;
  });
  await session.heard([devices]);
  if (isRemoved(session)) throw new KithError("pod-refused", "pair: another device has removed this one");
  return taken;
}

/** settingAside returns the writes that keep this device's relays apart until the pod has told which it has: two of a person's settings would part
 * those who found one from those who found the other. */
async function settingAside(tree: Tree): Promise<readonly Write[]> {
  const own = await tree.text(relaysPath);
  return own === undefined ? [] : [{ set: asideSetting, value: own }, { erase: relaysPath }, ...without(tree.store, [relaysPath])];
}

function introduced(json: ReturnType<typeof jsonOf>, pairing: Pick<Pairing, "pod" | "issuer" | "via">, now: number): Introduced {
  const device = object(json.device);
  const webid = string(json.webid, 2048);
  if (device === undefined || webid === undefined || json.pod !== pairing.pod || json.issuer !== pairing.issuer) {
    throw new KithError("pod-refused", "pair: the pod does not say what its link said");
  }
  const kid = parseDid(device.kid);
  const key = didOfJwk(device.agree);
  const agree = { kid: `k${key.slice(-11)}`, device: kid, key, until: now + agreementLife };
  return { pod: { pod: podUrl(pairing.pod), issuer: pairing.issuer, webid, via: pairing.via }, device: { kid, name: string(device.name, 64) ?? "", agree } };
}

function refusal(status: number): KithError {
  if (status === 403) return new KithError("link-used", "pair: the link was used or is too old");
  if (status === 409) return new KithError("pod-owned-by-other", "pair: the pod has another owner");
  return new Failure(codeOf(status, "pod"), "pair", status);
}
