/** Where the owner's pod stands, as the views see it. */

import { KithError } from "../errors.ts";
import { given } from "../given.ts";
import type { PodState, PostRef } from "../kith.ts";
import { entries } from "../pod/outbox.ts";
import { placeOf } from "../pod/paths.ts";
import type { Tree } from "../pod/tree.ts";
import { heldCount, heldRows } from "./held.ts";
import type { Session } from "./session.ts";

/** podState returns where the pod stands. */
export function podState({ store, tree, pod, status }: Session): PodState {
  const waits = entries(store);
  const waiting = waits.length;
  const asks = { askDeletions: heldCount(tree) || undefined, askPosts: heldPosts(tree) };
  if (pod === undefined) return given({ kind: "none" as const, waiting, ...asks });
  const lastSync = store.get("pod/last") as number | undefined;
  const kind = kindOf(status.error?.code, store.get("pod/cursor") !== undefined);
  // A pod that is full answers as ever, and takes what is small.
  const full = waits.some(({ error }) => error === "pod-full") ? new KithError("pod-full", "exchange: something waits for room") : undefined;
  return given({ kind, url: pod.pod, waiting, lastSync, ...status, error: status.error ?? full, ...asks });
}

/** So many of the posts that wait for the owner's word are named. */
const mostPosts = 20;

function heldPosts(tree: Tree): readonly PostRef[] | undefined {
  const refs = new Set(heldRows(tree).flatMap(({ path }) => {
    const place = placeOf(path);
    return place.kind === "post" ? [`me/${place.folder}` as PostRef] : [];
  }));
  return refs.size === 0 ? undefined : [...refs].slice(0, mostPosts);
}

function kindOf(error: string | undefined, followed: boolean): PodState["kind"] {
  if (error !== undefined) return error === "pod-refused" ? "refused" : "unreachable";
  return followed ? "connected" : "connecting";
}
