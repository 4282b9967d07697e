/**
 * Following the pod: its rows are merged into the own tree, page by page. What the pod lacks after a whole
 * comparison goes to the outbox; absence never deletes (protocol §3.4).
 *
 *     pod/cursor    Cursor, once a whole comparison has ended
 *     pod/held      handles that the pod deleted and that wait for the owner's word
 *     restored      when the backup was made from which this device came; until the first whole comparison
 */

import type { Client } from "../ldp/client.ts";
import { nextNumber } from "../pod/outbox.ts";
import type { Tree } from "../pod/tree.ts";
import type { Write } from "../store/store.ts";
import { hold, isLasting } from "./deletions.ts";
import { heldIds } from "./held.ts";
import { toPush } from "./missing.ts";
import { type Cursor, type Page, readPage } from "./replica.ts";
import { settle } from "./settle.ts";

/** For so long a pod is sure to remember what was deleted, in milliseconds (protocol §3.2). */
const remembered = 80 * 86_400_000;

/** Progress is told while a long exchange runs. */
export type Progress = (done: number, total: number) => void;

/** pull follows the pod to its newest row, waiting up to `wait` seconds for the first; returns the paths that changed here. */
export async function pull(tree: Tree, client: Client, progress: Progress, wait = 0, signal?: AbortSignal): Promise<readonly string[]> {
  const cursor = tree.store.get("pod/cursor") as Cursor | undefined;
  const page = await readPage(client, cursor, wait, signal);
  if (cursor !== undefined && page.epoch === cursor.epoch && page.head >= cursor.seq) return follow(tree, client, page);
  const rolledBack = page.epoch === cursor?.epoch;
  return compare(tree, client, rolledBack ? await readPage(client, undefined, 0, signal) : page, progress);
}

async function follow(tree: Tree, client: Client, first: Page): Promise<readonly string[]> {
  const changed: string[] = [];
  for (let page = first; ; page = await readPage(client, page)) {
    const cursor: Write = { set: "pod/cursor", value: cursorOf(page) };
    const idle = page.rows.length + page.gone.length === 0;
    changed.push(...(await settle(tree, client, page, idle ? [] : [cursor])));
    if (!page.more) return changed;
  }
}

/** compare reads everything the pod has; only at its end is the cursor kept, with what the pod lacks. */
async function compare(tree: Tree, client: Client, first: Page, progress: Progress): Promise<readonly string[]> {
  const changed: string[] = [];
  const there = new Set<string>();
  let page = first;
  for (; ; page = await readPage(client, page)) {
    changed.push(...(await settle(tree, client, page, [])));
    for (const { path } of page.rows) there.add(path);
    progress(page.seq, page.head);
    if (!page.more) break;
  }
  const last = cursorOf(page);
  await tree.exclusive(() => queueMissing(tree, there, last));
  return changed;
}

async function queueMissing(tree: Tree, there: ReadonlySet<string>, cursor: Cursor): Promise<void> {
  const { store } = tree;
  const undecided = new Set(heldIds(tree));
  const missing = [...store.rows("/")].filter(({ path, here, id }) => here && !there.has(path) && !undecided.has(id));
  const restored = store.get("restored") as number | undefined;
  // Of an old backup nobody can tell what the pod never had from what was deleted there so long ago that it forgot.
  const old = restored === undefined || tree.env.now() - restored < remembered ? [] : missing.filter(({ modified, path }) => modified <= restored && !isLasting(path));
  const held = old.length === 0 ? [] : [hold(tree, old)];
  const pushed = missing.filter((row) => !old.includes(row)).map(({ path }) => path);
  await store.apply([...toPush(tree, pushed, [], nextNumber(store)), ...held, { unset: "restored" }, { set: "pod/cursor", value: cursor }]);
}

function cursorOf({ epoch, seq }: Page): Cursor {
  return { epoch, seq };
}
