/** `social/door`: who the owner is, where they are reached, and what the asker is called here (docs/protocol.md, Door and feed). */

import { given } from "../given.ts";
import type { ContactId } from "../kith.ts";
import { devices, keys, namePath } from "../pod/paths.ts";
import type { Reading } from "../pod/reading.ts";
import type { Way } from "../webid/way.ts";
import { type Representation, textOf } from "./content.ts";
import type { Agent } from "./judge.ts";
import { spelledJSON } from "./spelled.ts";

/** WaysFor returns where a contact reaches the person, the best way first. */
export type WaysFor = (cid: ContactId, grant: number) => Promise<readonly Way[]>;

/** door returns what the door tells an agent who is the owner or a contact. */
export async function door(tree: Reading, label: string, waysFor: WaysFor, agent: Exclude<Agent, { kind: "nobody" }>): Promise<Representation> {
  const [name = "", list = "", document = ""] = await Promise.all([namePath, devices, keys].map((path) => tree.text(path)));
  const contact = agent.kind === "contact" ? agent : undefined;
  const told = given({
    label, name, device_list: list, keys: document,
    ways: contact === undefined ? [] : await waysFor(contact.cid, contact.grant),
    webid: contact === undefined ? "../profile/card#me" : `../contacts/${contact.cid}/card#me`,
    inbox: contact === undefined ? undefined : `in/${contact.cid}/`,
    feed: "feed",
  });
  return textOf("application/json", spelledJSON(told));
}
