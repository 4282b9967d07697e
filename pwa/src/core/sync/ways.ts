/**
 * Telling friends where this person is reached, and hearing it from them: a message in the inbox that
 * each keeps for the other (docs/protocol.md, Door and feed).
 *
 *     tell/<cid>    the message's name, until the friend's pod has it
 */

import { randomName } from "../ids.ts";
import { object, parse, string } from "../json.ts";
import type { ContactId } from "../kith.ts";
import { unreachable } from "./replica.ts";
import { Failure } from "../ldp/errors.ts";
import { type Card, cardText, maxList, readWays } from "../pod/card.ts";
import { inbox, placeOf, cardPath } from "../pod/paths.ts";
import { card, contactsOf } from "../pod/people.ts";
import { jsonLD } from "../pod/tree.ts";
import type { Write } from "../store/store.ts";
import { acceptKeysDocument } from "../webid/agreement.ts";
import { acceptDeviceList, readDeviceList } from "../webid/devices.ts";
import type { Way } from "../webid/link.ts";
import { friendClient } from "./clients.ts";
import type { Session } from "./session.ts";
import { text } from "../bytes.ts";
import { KithError } from "../errors.ts";

const tells = "tell/";

/** tellAll returns the writes that make every friend hear where this person is reached. */
export function tellAll({ store, env }: Session): readonly Write[] {
  return contactsOf(store).map(({ cid }) => ({ set: tells + cid, value: randomName(env.random, 20) }));
}

/** sendTells tells those friends who can be reached and do not know yet. */
export async function sendTells(session: Session): Promise<void> {
  const { store } = session;
  for (const name of store.names(tells)) {
    const cid = name.slice(tells.length) as ContactId;
    const known = contactsOf(store).find((each) => each.cid === cid);
    if (known !== undefined && known.way === undefined) continue;
    if (known === undefined || (await told(session, cid, String(store.get(name))))) await store.apply([{ unset: name }]);
  }
}

/** told puts the message into a friend's inbox; true when nothing is left to do. */
async function told(session: Session, cid: ContactId, nonce: string): Promise<boolean> {
  const client = friendClient(session, cid);
  if (client === undefined) return false;
  try {
    const door = parse(text((await client.ask({ method: "GET", path: "social/door" })).bytes));
    const folder = string(door?.inbox, 200);
    if (folder === undefined || !/^in\/[A-Za-z0-9._-]+\/$/.test(folder)) return true;
    const { devices, keys, ways } = await session.introduction();
    const body = JSON.stringify({
      "@context": ["https://www.w3.org/ns/activitystreams", { kith: "https://kith.invalid/ns#" }],
      type: "Update",
      object: { type: "kith:Ways", ways, device_list: devices.text, keys: keys.text },
    });
    const headers = { "Content-Type": jsonLD, "If-None-Match": "*" };
    await client.ask({ method: "PUT", path: `social/${folder}${nonce}`, headers, body, allow: [200, 201, 204, 409, 412] });
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.status === 401 || error.status === 403 || (error.status !== 500 && !unreachable(error));
  }
}

/** readMessages applies what friends put into the inbox and erases it; what another kind of app sent stays. */
export async function readMessages(session: Session): Promise<readonly string[]> {
  const { tree, store } = session;
  const changed: string[] = [];
  for (const row of [...store.rows(inbox)]) {
    const place = placeOf(row.path);
    if (place.kind !== "message") continue;
    const update = readUpdate((await tree.text(row.path)) ?? "");
    if (update === undefined) continue;
    await tree.act("contact", async (batch) => {
      const known = await card(tree, place.cid).catch(() => undefined);
      const next = known === undefined ? undefined : await updated(known, update);
      if (next !== undefined && known !== undefined && cardText(next) !== cardText(known)) await batch.putText(cardPath(place.cid), jsonLD, cardText(next));
      batch.erase(row.path);
    });
    changed.push(cardPath(place.cid));
  }
  return changed;
}

/** Update is what a friend says of themself, in their door or in a message. */
export interface Update {
  readonly devices: string | undefined;
  readonly keys: string | undefined;
  readonly ways: readonly Way[];
}

function readUpdate(written: string): Update | undefined {
  const message = object(parse(written)?.object);
  if (message?.type !== "kith:Ways") return undefined;
  return updateOf(message);
}

/** updateOf reads the members that door and message share. */
export function updateOf(json: NonNullable<ReturnType<typeof object>>): Update {
  return { devices: string(json.device_list, maxList), keys: string(json.keys, maxList), ways: readWays(json.ways) };
}

/** updated returns a friend's record after an update; lists that do not follow the pinned ones are left out. */
export async function updated(known: Card, { devices, keys, ways }: Update): Promise<Card> {
  const pinned = await readDeviceList(known.devices);
  const list = devices === undefined ? pinned : await orKept(acceptDeviceList(devices, pinned), pinned);
  const old = await orKept(acceptKeysDocument(known.keys, list), undefined);
  const document = keys === undefined ? old : await orKept(acceptKeysDocument(keys, list, old), old);
  return { ...known, devices: list.text, keys: document?.text ?? known.keys, ways };
}

async function orKept<T>(next: Promise<T>, kept: T): Promise<T> {
  try {
    return await next;
  } catch (error) {
    if (error instanceof KithError) return kept;
    throw error;
  }
}
