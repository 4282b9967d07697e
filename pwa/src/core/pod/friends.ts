/** Changes to friends and circles. Each act is one batch. */

import { circleText } from "../acl/group.ts";
import { inboxACL } from "../acl/document.ts";
import { KithError } from "../errors.ts";
import { randomName } from "../ids.ts";
import type { CircleId, ContactId } from "../kith.ts";
import { named, tidied } from "../name.ts";
import { type Card, cardText } from "./card.ts";
import { card, type CircleFacts, circlesOf, contact, contactsOf } from "./people.ts";
import { lettersTo } from "./letters.ts";
import { cardPath, circlePath, contacts, inboxPath, peers } from "./paths.ts";
import { type Batch, jsonLD, type Tree, turtle } from "./tree.ts";

/** maxName is the longest name of a person or circle, in UTF-16 code units. */
export const maxName = 40;
const hues = 8;

/** tidyName returns a name as it is kept; throws `empty` or `too-long`. */
export function tidyName(name: string): string {
  const tidy = tidied(name);
  if (tidy === "") throw new KithError("empty", "name: it is empty");
  if (tidy.length > maxName) throw new KithError("too-long", `name: it has more than ${maxName} characters`);
  return tidy;
}

/** addFriend writes the record of a new friend and the folder into which they may put things; of a friend who is there already, the older id stays; a new one gets the id `wanted`. */
export function addFriend(tree: Tree, friend: Card, wanted?: ContactId): Promise<ContactId> {
  return tree.act("contact", async (batch) => {
    const { cid } = await putFriend(tree, batch, friend, wanted);
    batch.set(`seen/${cid}`, true);
    return cid;
  });
}

/** putFriend is `addFriend` within an act; it returns the record as it is kept. */
export async function putFriend(tree: Tree, batch: Batch, friend: Card, wanted?: ContactId): Promise<{ readonly cid: ContactId; readonly kept: Card; readonly known: boolean }> {
  const known = contactsOf(tree.store).find(({ label }) => label === friend.label)?.cid;
  const cid = known ?? wanted ?? (randomName(tree.env.random, 20) as ContactId);
  const kept = known === undefined ? { ...friend, name: named(friend.name) } : renewed(await card(tree, known), friend);
  await batch.putText(cardPath(cid), jsonLD, cardText(kept));
  if (known === undefined) await batch.putText(`${inboxPath(cid)}.acl`, turtle, inboxACL(cid));
  return { cid, kept, known: known !== undefined };
}

/** renewed keeps what the owner decided about a friend and takes the rest from a new acceptance. */
function renewed(old: Card, { devices, keys, ways, salt }: Card): Card {
  return { ...old, devices, keys, ways, salt };
}

/** changeFriend rewrites a friend's record; nothing happens when nothing changes. */
export function changeFriend(tree: Tree, cid: ContactId, change: (card: Card) => Card): Promise<void> {
  return tree.act("contact", async (batch) => {
    const old = await card(tree, cid);
    const next = cardText(change(old));
    if (next !== cardText(old)) await batch.putText(cardPath(cid), jsonLD, next);
  });
}

/** removeFriend erases the record, what they sent, their places in circles, and the copies of their posts. */
export function removeFriend(tree: Tree, cid: ContactId): Promise<void> {
  return tree.act("contact", async (batch) => {
    const { store } = tree;
    contact(store, cid);
    batch.erase(`${contacts}${cid}/`);
    batch.erase(inboxPath(cid));
    for (const circle of circlesOf(store).filter(({ members }) => members.includes(cid))) {
      await putCircle(batch, { ...circle, members: circle.members.filter((each) => each !== cid) });
    }
    for (const row of store.rows(`${peers}${cid}/`)) batch.writes.push({ erase: row.path });
    for (const name of [...store.names(`peer/${cid}/`), ...store.names(lettersTo(cid))]) batch.set(name, undefined);
    for (const about of ["seen", "changed", "differed"]) batch.set(`${about}/${cid}`, undefined);
  });
}

/** addCircle makes a circle with the first hue that no other has. */
export function addCircle(tree: Tree, name: string, members: readonly ContactId[]): Promise<CircleId> {
  return tree.act("circle", async (batch) => {
    const id = randomName(tree.env.random, 20) as CircleId;
    const used = circlesOf(tree.store).map(({ hue }) => hue);
    const free = Array.from({ length: hues }, (_, hue) => hue).find((hue) => !used.includes(hue));
    await putCircle(batch, { id, name: tidyName(name), hue: free ?? used.length % hues, members });
    return id;
  });
}

/** changeCircle renames a circle or replaces its members; throws `no-such`. */
export function changeCircle(tree: Tree, id: CircleId, change: { readonly name?: string; readonly members?: readonly ContactId[] }): Promise<void> {
  return tree.act("circle", async (batch) => {
    const circle = circlesOf(tree.store).find((each) => each.id === id);
    if (circle === undefined) throw new KithError("no-such", "change circle: there is none of that id");
    await putCircle(batch, { ...circle, ...change });
  });
}

/** removeCircle erases a circle; posts that it could see keep their audience. */
export function removeCircle(tree: Tree, id: CircleId): Promise<void> {
  return tree.act("circle", async (batch) => batch.erase(circlePath(id)));
}

function putCircle(batch: Batch, circle: CircleFacts): Promise<void> {
  return batch.putText(circlePath(circle.id), turtle, circleText(circle));
}
