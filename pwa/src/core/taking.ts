/** What those who only ask do not need (answer/responder.ts, Taking). The page has it with all that answers; the service worker loads it when it is needed. */

import { leave } from "./answer/inbox.ts";
import { takeBack } from "./answer/late.ts";
import { register } from "./answer/queues.ts";
import type { Taking } from "./answer/responder.ts";
import { answerInvite } from "./pod/inviter.ts";
import type { Tree } from "./pod/tree.ts";
import { lapsing } from "./sync/leases.ts";
import { type Introducing, introduction, waysFor } from "./sync/introduce.ts";

/** takingFor returns what takes in for the person of a tree. */
export function takingFor(tree: Tree, self: Introducing): Taking {
  return {
    accept: (id, body) => answerInvite(tree, { introduce: () => introduction(self), waysFor: (cid, grant) => waysFor(self, `${cid} ${grant}`) }, id, body),
    leave: (realm, path, asked) => leave(tree, realm, path, asked),
    lapse: () => tree.store.apply(lapsing(tree.store, tree.env.now())),
    takeBack: (realm, net) => takeBack(tree, realm, net),
    register: (mailbox, queue) => register(tree, mailbox, queue),
  };
}
