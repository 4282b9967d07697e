/**
 * What friends were asked to delete, and what they said (docs/protocol.md, Receipts). The record names a deleted
 * post by what feeds called it; each receipt is a message that stays in the inbox. When all have answered both go,
 * and a summary without that name stays for a week.
 *
 *     /social/deleted/<handle>    when the post was made and deleted, and who was asked
 *     /social/deleted/<random>    the same, with how many devices of each said that it is gone
 */

import type { ContactId, Deleted } from "../kith.ts";
import { unpacked } from "../pod/facts.ts";
import { deleted, inboxPath, placeOf } from "../pod/paths.ts";
import { card, contactsOf } from "../pod/people.ts";
import { deletedText } from "../pod/posts.ts";
import { jsonLD, type Tree } from "../pod/tree.ts";
import type { Row } from "../store/store.ts";
import { readDeviceList } from "../webid/devices.ts";

const day = 24 * 3600_000;
/** A record is kept this long when everybody has answered, and when somebody has not, in milliseconds. */
const [answered, waiting] = [7 * day, 90 * day];

/** deletedOf returns what was deleted lately, the last one first. */
export async function deletedOf(tree: Tree): Promise<readonly Deleted[]> {
  const all = [...tree.store.rows(deleted)].map((row) => toldOf(tree, row));
  return (await Promise.all(all)).sort((a, b) => b.deleted - a.deleted);
}

async function toldOf(tree: Tree, { path, note }: Row): Promise<Deleted> {
  const asked = new Set(unpacked(note?.asked));
  const counts = new Map(String(note?.gone ?? "").split(",").map((each) => each.split(" ") as [string, string]));
  const friends = contactsOf(tree.store).filter(({ cid }) => asked.has(cid)).map(async ({ cid, name }) => {
    const gone = note?.gone === undefined ? undefined : Number(counts.get(cid) ?? 0);
    return { cid, name, ...(gone === undefined ? await devicesOf(tree, cid, handleIn(path)) : { devices: gone, gone }) };
  });
  return { published: Number(note?.published ?? 0), deleted: Number(note?.deleted ?? 0), friends: await Promise.all(friends) };
}

function handleIn(path: string): string {
  const place = placeOf(path);
  return place.kind === "deleted" ? place.handle : "";
}

/** devicesOf counts the devices on which a friend reads, and those of them that say they have no copy any more. */
async function devicesOf(tree: Tree, cid: ContactId, handle: string): Promise<{ readonly devices: number; readonly gone: number }> {
  const said = new Set(receiptsOf(tree, cid, handle).map(({ note }) => note?.device));
  const list = await readDeviceList((await card(tree, cid)).devices);
  const reading = list.devices.filter(({ may }) => may.includes("post"));
  return { devices: reading.length, gone: reading.filter(({ kid }) => said.has(kid)).length };
}

function receiptsOf({ store }: Tree, cid: ContactId, handle: string): readonly Row[] {
  return [...store.rows(inboxPath(cid))].filter(({ note }) => note?.type === "Accept" && note.object === handle);
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
      for (const { cid } of contactsOf(tree.store)) for (const { path } of receiptsOf(tree, cid, handleIn(row.path))) batch.erase(path);
      // The row's own handle is the same on all of the owner's devices, so that they write one summary.
      if (!old) await batch.putText(deleted + row.id, jsonLD, deletedText(told, told.friends));
    });
    changed.push(row.path);
  }
  return changed;
}
