/** Making a person and naming them; no network is needed. */

import { postsACL, rootACL } from "../acl/document.ts";
import { b64u } from "../bytes.ts";
import type { Env } from "../env.ts";
import { namePath } from "../pod/paths.ts";
import { putLists } from "../pod/profile.ts";
import { Tree, turtle } from "../pod/tree.ts";
import type { Store } from "../store/store.ts";
import { makePerson, recoverySetting } from "../webid/person.ts";
import { inviteSettings } from "../pod/paths.ts";
import type { Person, Session } from "./session.ts";

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

/** disconnectPod forgets the pod here. Changes are still gathered, for when it comes back. */
export async function disconnectPod(session: Session): Promise<void> {
  const names = session.store.names(inviteSettings);
  const dropped = ["pod", "pod/cursor", "pod/held", ...names].map((name) => ({ unset: name }));
  await session.tree.exclusive(() => session.store.apply(dropped));
}
