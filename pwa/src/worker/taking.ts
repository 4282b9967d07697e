/** What the service worker loads when somebody brings a message or accepts an invite, and when answers may have to be taken back (answer.ts). It shares nothing with that script but the store. */

import type { Taking } from "../core/answer/responder.ts";
import type { Env } from "../core/env.ts";
import { Tree } from "../core/pod/tree.ts";
import type { SealedRequest } from "../core/sealed/request.ts";
import type { Store } from "../core/store/store.ts";
import { selfOf } from "../core/sync/introduce.ts";
import { isNews } from "../core/sync/parting.ts";
import { personOf } from "../core/sync/session.ts";
import { takingFor } from "../core/taking.ts";

// One library serves all kinds of worker; this one is a service worker.
const worker = globalThis as unknown as { kithTaking: (store: Store, env: Env) => WorkersTaking | undefined };

/** WorkersTaking also tells what has to wait for a page: what brings a list of the person (core/sync/parting.ts). */
export interface WorkersTaking extends Taking {
  waits(request: SealedRequest): Promise<boolean>;
}

worker.kithTaking = (store, env) => {
  const tree = new Tree(store, env, personOf(store)?.device ?? "");
  const self = selfOf(tree);
  return self && { ...takingFor(tree, self), waits: (request) => isNews(tree, request) };
};
