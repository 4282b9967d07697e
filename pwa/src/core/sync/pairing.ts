/** Making a person, and connecting them with a pod (contract B4). */

import { rootACL, postsACL } from "../acl/document.ts";
import type { Env } from "../env.ts";
import { KithError } from "../errors.ts";
import { object, string } from "../json.ts";
import { codeOf, Failure } from "../ldp/errors.ts";
import { changeLists, ownLists, putLists } from "../pod/profile.ts";
import { namePath } from "../pod/paths.ts";
import { Tree, turtle } from "../pod/tree.ts";
import type { Store } from "../store/store.ts";
import { b64u } from "../bytes.ts";
import type { AgreementKey } from "../webid/agreement.ts";
import { type Did, didOfJwk, parseDid } from "../webid/key.ts";
import { readPairing, podUrl } from "../webid/link.ts";
import { makePerson, recoverySetting } from "../webid/person.ts";
import { jsonOf, postOpenly } from "./open.ts";
import type { Person, Pod, Session } from "./session.ts";
import { tellAll } from "./ways.ts";

/** How long others may seal to a pod's agreement key before the list says so again, in milliseconds. */
const agreementLife = 14 * 24 * 3600_000;

/** startPerson makes a person on this device: keys, lists, and an empty tree with its access lists. */
export async function startPerson(env: Env, store: Store, name: string): Promise<void> {
  const made = await makePerson(env.keys, env.deviceName, env.now());
  const tree = new Tree(store, env, made.device);
  await tree.act("other", async (batch) => {
    await batch.putText("/.acl", turtle, rootACL);
    await batch.putText("/social/posts/.acl", turtle, postsACL);
    await batch.putText(namePath, "text/plain", name);
    await putLists(batch, made);
    batch.set(recoverySetting, b64u(made.recovery));
    batch.set("me", { name, label: made.devices.label, device: made.device, since: env.now() } satisfies Person);
  });
}

/** renamePerson changes the person's name; friends hear of it from the pod. */
export async function renamePerson({ tree, me }: Session, name: string): Promise<void> {
  await tree.act("other", async (batch) => {
    await batch.putText(namePath, "text/plain", name);
    batch.set("me", { ...me, name } satisfies Person);
  });
}

/** Introduced is what a pod says of itself when it was paired. */
interface Introduced {
  readonly pod: Pod;
  readonly device: { readonly kid: Did; readonly name: string; readonly agree: AgreementKey };
}

/** connectPod pairs with the pod of a link and lets it into the device list; what is here goes there from then on. */
export async function connectPod(session: Session, link: string): Promise<void> {
  const { env, tree } = session;
  const pairing = readPairing(link);
  const lists = await ownLists(tree);
  const body = { secret: pairing.secret, device_list: lists.devices.text, keys: lists.keys.text, name: session.me.name };
  const answer = await postOpenly(env, `${pairing.pod}.pair`, "application/json", JSON.stringify(body), "pod");
  if (answer.status !== 200) throw refusal(answer.status);
  const { pod, device } = introduced(jsonOf(answer, "pod"), pairing, env.now());
  await tree.act("other", async (batch) => {
    const next = await changeLists(tree, env.keys, {
      // A device that may not post is a pod, and this one replaces the one before.
      devices: (now) => [...now.filter(({ may }) => may.includes("post")), { kid: device.kid, name: device.name, may: ["answer", "accept"] }],
      agree: [device.agree],
    });
    await putLists(batch, next);
    batch.set("pod", pod);
    batch.set("pod/was", true);
    batch.set("pod/cursor", undefined);
    for (const write of tellAll(session)) batch.writes.push(write);
  });
}

function introduced(json: ReturnType<typeof jsonOf>, pairing: Pick<Pod, "pod" | "issuer">, now: number): Introduced {
  const device = object(json.device);
  const webid = string(json.webid, 2048);
  if (device === undefined || webid === undefined || json.pod !== pairing.pod || json.issuer !== pairing.issuer) {
    throw new KithError("pod-refused", "pair: the pod does not say what its link said");
  }
  const kid = parseDid(device.kid);
  const key = didOfJwk(device.agree);
  const agree = { kid: `k${key.slice(-11)}`, device: kid, key, until: now + agreementLife };
  return { pod: { pod: podUrl(pairing.pod), issuer: pairing.issuer, webid }, device: { kid, name: string(device.name, 64) ?? "", agree } };
}

function refusal(status: number): KithError {
  if (status === 403) return new KithError("link-used", "pair: the link was used or is too old");
  if (status === 409) return new KithError("pod-owned-by-other", "pair: the pod has another owner");
  return new Failure(codeOf(status, "pod"), "pair", status);
}

/** disconnectPod forgets the pod here. Changes are still gathered, for when it comes back. */
export async function disconnectPod(session: Session): Promise<void> {
  const names = session.store.names("invite/");
  const dropped = ["pod", "pod/cursor", "pod/held", ...names].map((name) => ({ unset: name }));
  await session.tree.exclusive(() => session.store.apply(dropped));
}
