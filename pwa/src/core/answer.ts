/** Answering for a person on this device: the responder with its mailboxes, as the page and the service worker both open it. */

import { Answering } from "./answer/answering.ts";
import type { House, Taking } from "./answer/responder.ts";
import { b64u, type Bytes } from "./bytes.ts";
import type { Env, Stop } from "./env.ts";
import type { ContactId } from "./kith.ts";
import type { Reading } from "./pod/reading.ts";
import type { OpenLine } from "./relay/line.ts";
import type { MailboxState } from "./relay/mailbox.ts";
import type { ReplyTo } from "./sealed/request.ts";
import { ownRelays, selfOf, waysFor } from "./sync/introduce.ts";
import { Leaving } from "./sync/leaving.ts";
import type { Label } from "./webid/key.ts";

/** Around is what is told of what happens. */
export interface Around {
  /** Calls `changed` after each change of the tree; without it nobody waits for news. */
  readonly watch?: (changed: () => void) => Stop;
  /** A friend has something new. */
  readonly hinted: (cid: ContactId) => void;
  /** Somebody left something at that path. */
  readonly left: (path: string) => void;
  /** An invite of this person was accepted. */
  readonly accepted: () => void;
  /** Answers the person's other devices what a pod would, as far as this one can. */
  readonly own?: House["own"];
  /** Hears what a device asks that says to be the person's and is in no list here. */
  readonly unlisted?: House["unlisted"];
  /** Takes a friend's offer of a direct connection; undefined where there is to be none. */
  readonly direct?: (cid: ContactId, offer: string) => Promise<string | undefined>;
  /** How relays are asked, and that it is for a moment only (Office). */
  readonly poll?: OpenLine;
  readonly brief?: boolean;
  readonly state?: (url: string, state: MailboxState) => void;
  readonly refused?: (url: string, queue: string, refused: boolean) => void;
}

/** answeringFor returns what answers from a tree; undefined while there is nobody. It does nothing before its `start`, and asks for `taking` when somebody brings something. */
export function answeringFor(env: Env, tree: Reading, around: Around, taking: () => Promise<Taking>): Answering | undefined {
  const self = selfOf(tree);
  if (self === undefined) return undefined;
  const accept = async (id: string, body: Bytes): Promise<Bytes | undefined> => {
    const answer = await (await taking()).accept(id, body);
    around.accepted();
    // What the confirmation says of ways holds before it is sent.
    await answering.refresh().catch(() => undefined);
    return answer;
  };
  const { hinted, left, watch, own, unlisted, direct, poll, brief, state, refused } = around;
  const house: House = {
    tree, label: self.me.label as Label, hinted, left,
    waysFor: (cid, grant) => waysFor(self, `${cid} ${grant}`),
    taking: async () => ({ ...(await taking()), accept }),
    get aliases(): readonly string[] { return self.pod === undefined ? [] : [self.pod.pod]; },
    ...(watch !== undefined && { watch }),
    ...(own !== undefined && { own }),
    ...(unlisted !== undefined && { unlisted }),
    ...(direct !== undefined && { direct }),
  };
  const leaving = new Leaving(env, tree.store, () => ownRelays(tree), () => undefined);
  const deliver = ({ relay, send }: ReplyTo, answer: Bytes): ReturnType<Leaving["leave"]> => leaving.leave({ relay, send: b64u(send) }, answer, 0);
  const answering = new Answering(house, { net: env, deliver, brief: brief === true, ...(poll && { poll }), ...(state && { state }), ...(refused && { refused }) });
  return answering;
}
