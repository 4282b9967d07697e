/**
 * What friends were asked to delete, and what they said (docs/protocol.md, Receipts). The record (pod/asking.ts) names the
 * post by what feeds call it; each receipt is a message that stays in the inbox. When all have answered both go,
 * and a summary without that name stays for a week: the record under a random name, with how many devices of each said that it is gone.
 */

import type { ContactId, Deleted } from "../kith.ts";
import { named } from "../name.ts";
import { recordText, unpacked } from "../pod/facts.ts";
import { receiptsOf } from "../pod/letters.ts";
import { deleted, placeOf, recordPath } from "../pod/paths.ts";
import { card, contactsOf } from "../pod/people.ts";
import { jsonLD, type Tree } from "../pod/tree.ts";
import type { Row } from "../store/store.ts";
import { readDeviceList } from "../webid/devices.ts";

const day = 24 * 3600_000;
/** A record is kept this long when everybody has answered, and when somebody has not, in milliseconds. */
const [answered, waiting] = [7 * day, 90 * day];

/** deletedOf returns what was deleted or narrowed lately, the last one first. */
export async function deletedOf(tree: Tree): Promise<readonly Deleted[]> {
  const all = [...tree.store.rows(deleted)].map((row) => toldOf(tree, row));
  return (await Promise.all(all)).sort((a, b) => b.deleted - a.deleted);
}

async function toldOf(tree: Tree, { path, note }: Row): Promise<Deleted> {
  const { handle, narrowed } = nameIn(path);
  const asked = new Set(unpacked(note?.asked));
  const counts = new Map(String(note?.gone ?? "").split(",").map((each) => each.split(" ") as [string, string]));
  const friends = contactsOf(tree.store).filter(({ cid }) => asked.has(cid)).map(async ({ cid, name }) => {
    const gone = note?.gone === undefined ? undefined : Number(counts.get(cid) ?? 0);
    return { cid, name: named(name), ...(gone === undefined ? await devicesOf(tree, cid, handle) : { devices: gone, gone }) };
  });
  return { published: Number(note?.published ?? 0), deleted: Number(note?.deleted ?? 0), narrowed, friends: await Promise.all(friends) };
}

function nameIn(path: string): { readonly handle: string; readonly narrowed: boolean } {
  const place = placeOf(path);
  return place.kind === "deleted" ? place : { handle: "", narrowed: false };
}

/** devicesOf counts the devices on which a friend reads, and those of them that say they have no copy any more. */
async function devicesOf(tree: Tree, cid: ContactId, handle: string): Promise<{ readonly devices: number; readonly gone: number }> {
  const said = new Set(receiptsOf(tree.store, cid, handle).map(({ note }) => note?.device));
  const list = await readDeviceList((await card(tree, cid)).devices);
  const reading = list.devices.filter(({ may }) => may.includes("post"));
  return { devices: reading.length, gone: reading.filter(({ kid }) => said.has(kid)).length };
}

/** forgetDeleted sums up what all have answered, and erases what is old; returns the paths that changed. */
export async function forgetDeleted(tree: Tree): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const row of [...tree.store.rows(deleted)]) {
    const told = await toldOf(tree, row);
    const complete = told.friends.every(({ devices, gone }) => gone >= devices);
    const summed = row.note?.gone !== undefined;
    const old = tree.env.now() - told.deleted > (complete ? answered : waiting);
    if (!old && (summed || !complete)) continue;
    await tree.act("other", async (batch) => {
      batch.erase(row.path);
      for (const { cid } of contactsOf(tree.store)) for (const { path } of receiptsOf(tree.store, cid, nameIn(row.path).handle)) batch.erase(path);
      // The row's own handle is the same on all of the owner's devices, so that they write one summary.
      if (!old) await batch.putText(recordPath(row.id, told.narrowed), jsonLD, recordText(told, told.friends));
    });
    changed.push(row.path);
  }
  return changed;
}
