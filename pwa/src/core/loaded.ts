/** The parts of the app that its first page does not wait for. */

import { KithError } from "./errors.ts";
import type { Replicas } from "./sync/replicas.ts";
import type { Session } from "./sync/session.ts";

/** part loads a part of the app that the first page does not wait for; rejects with `pod-unreachable` when it cannot be had now. */
export async function part<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new KithError("pod-unreachable", "load a part of the app", { cause });
  }
}

/** acting loads `acts.ts`. */
export const acting = (): Promise<typeof import("./acts.ts")> => part(() => import("./acts.ts"));
/** network loads `sync/online.ts`. */
export const network = (): Promise<typeof import("./sync/online.ts")> => part(() => import("./sync/online.ts"));
/** talking loads `sync/talk.ts`. */
export const talking = (): Promise<typeof import("./sync/talk.ts")> => part(() => import("./sync/talk.ts"));
/** backing loads `backup/backups.ts`. */
export const backing = (): Promise<typeof import("./backup/backups.ts")> => part(() => import("./backup/backups.ts"));
/** replicasOf returns what keeps this device equal with the person's others, which it loads at the first call. */
export function replicasOf(session: Session): Promise<Replicas> {
  session.replicas ??= part(() => import("./sync/replicas.ts")).then(({ Replicas: Opened }) => new Opened(session));
  session.replicas.catch(() => (session.replicas = undefined));
  return session.replicas;
}

/** joining loads `sync/joining.ts`. */
export const joining = (): Promise<typeof import("./sync/joining.ts")> => part(() => import("./sync/joining.ts"));
/** sealed loads `sync/sealed.ts`. */
export const sealed = (): Promise<typeof import("./sync/sealed.ts")> => part(() => import("./sync/sealed.ts"));
