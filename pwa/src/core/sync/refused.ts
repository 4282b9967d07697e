/** What a device does whom its own pod refuses: the pod shows it the list by which another device of the person removed it. */

import { Failure } from "../ldp/errors.ts";
import { devices } from "../pod/paths.ts";
import { acceptable } from "../pod/profile.ts";
import { asTold } from "../pod/tree.ts";
import type { Session } from "./session.ts";

/** hearRemoval takes the list that a refusal brings, if it may replace the one that is here. */
export async function hearRemoval(session: Session, error: unknown): Promise<void> {
  const text = error instanceof Failure ? error.deviceList : undefined;
  if (text === undefined) return;
  const { store, tree } = session;
  await tree.exclusive(async () => {
    if (await acceptable(tree, devices, text, await tree.text(devices))) await store.apply([await asTold(tree, devices, text)]);
  });
  await session.heard([devices]);
}
