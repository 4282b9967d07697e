/**
 * Which of two states of one path holds: the device's or the pod's (protocol §3.4). Pure, so that every
 * device that knows the same decides the same.
 */

import type { Row, Version } from "../store/store.ts";
import { newer } from "../pod/tree.ts";
import type { RemoteRow } from "./replica.ts";

/** Pending is a change of the path that the pod does not have; `base` is what the pod had when it was made. */
export interface Pending {
  readonly base?: Version | undefined;
}

/** Case is what is known about a path when the pod's row arrives. */
export interface Case {
  readonly local: Row | undefined;
  readonly remote: RemoteRow;
  readonly pending: Pending | undefined;
  /** This device's name. */
  readonly self: string;
  /** The path grants something: less than zero when the device's text lets fewer in, more when the pod's does, else 0. */
  readonly narrower: -1 | 0 | 1;
}

/** Verdict is what to do: nothing, take the pod's, or keep the device's and bring it to the pod. `lost` says whose edit a person may want back. */
export type Verdict =
  | { readonly do: "nothing" }
  | { readonly do: "take"; readonly lost: boolean }
  | { readonly do: "keep"; readonly lost: boolean };

/** concurrent tells whether the pod's row was written by somebody who did not know of the pending change. */
export function concurrent({ remote, pending, self }: Pick<Case, "remote" | "pending" | "self">): boolean {
  if (pending === undefined || remote.version.device === self || remote.version.counter === 0) return false;
  const { base } = pending;
  return base === undefined || base.counter !== remote.version.counter || base.device !== remote.version.device;
}

/** merge decides one path whose bytes differ. */
export function merge(known: Case): Verdict {
  const { local, remote, pending, narrower } = known;
  if (local === undefined) return { do: "take", lost: false };
  const podWins = newer(remote.version, local.version);
  // Of one version the pod holds what it made of ours, so its bytes are the ones that others see.
  const behind = pending === undefined && !newer(local.version, remote.version);
  if (!concurrent(known)) return { do: behind ? "take" : "keep", lost: false };
  const take = narrower === 0 ? podWins : narrower > 0;
  return { do: take ? "take" : "keep", lost: true };
}
