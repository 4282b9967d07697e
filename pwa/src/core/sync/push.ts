/** Bringing the outbox to the pod: deletions first, then what posts refer to, then posts, each in its own order. */

import { KithError } from "../errors.ts";
import { given } from "../given.ts";
import { Failure } from "../ldp/errors.ts";
import type { Client } from "../ldp/client.ts";
import { entries, type Entry, keep, ready, rebased, type Step } from "../pod/outbox.ts";
import { devices, keys } from "../pod/paths.ts";
import { newer, type Tree } from "../pod/tree.ts";
import type { Row, Write } from "../store/store.ts";
import { isHeld } from "./held.ts";
import { isKit } from "./kits.ts";
import { pool } from "./pool.ts";
import type { Progress } from "./pull.ts";
import { deleteRow, type Page, putRow, type Stands, unreachable } from "./replica.ts";
import { settle } from "./settle.ts";

/** So many posts are on their way at once. */
const width = 4;

/** push carries out what waits; returns the paths that a newer state of the pod changed here. Rejects when the pod cannot be reached; what only one entry met is kept with that entry, and others go on. With `patient`, what was refused is not tried again at once. */
export async function push(tree: Tree, client: Client, progress: Progress, patient: boolean): Promise<readonly string[]> {
  const changed: string[] = [];
  const waits = entries(tree.store);
  const all = patient ? ready(waits, tree.env.now()) : waits;
  let done = 0;
  const one = async (entry: Entry): Promise<boolean> => {
    const good = await carry(tree, client, entry.name, changed);
    progress(++done, all.length);
    return good;
  };
  const deletions = all.filter(({ steps }) => steps.some((step) => "del" in step));
  const rest = all.filter((entry) => !deletions.includes(entry));
  for (const entry of [...deletions, ...rest.filter(({ post }) => post === undefined)]) await one(entry);
  await pool(width, byPost(rest), async (chain) => {
    for (const entry of chain) if (!(await one(entry))) return;
  });
  return changed;
}

/** byPost gathers the entries of each post in their order. */
function byPost(all: readonly Entry[]): readonly (readonly Entry[])[] {
  const chains = new Map<string, Entry[]>();
  for (const entry of all) {
    if (entry.post !== undefined) chains.set(entry.post, [...(chains.get(entry.post) ?? []), entry]);
  }
  return [...chains.values()];
}

/** carry sends the steps of one entry; false when the pod refused one of them. */
async function carry(tree: Tree, client: Client, name: string, changed: string[]): Promise<boolean> {
  const sent: Step[] = [];
  for (let step = nextStep(tree, name, sent); step !== undefined; step = nextStep(tree, name, sent)) {
    try {
      changed.push(...(await send(tree, client, step)));
    } catch (error) {
      await failed(tree, name, sent, step, error);
      if (unreachable(error) || !(error instanceof KithError)) throw error;
      return false;
    }
    if (!undecided(tree, step)) sent.push(step);
  }
  await complete(tree, name, sent, (entry) => entry);
  return true;
}

/** nextStep looks at the entry again each time: an act may have taken steps out of it meanwhile. */
function nextStep(tree: Tree, name: string, sent: readonly Step[]): Step | undefined {
  const entry = tree.store.get(name) as Entry | undefined;
  return entry?.steps.find((step) => !undecided(tree, step) && !sent.some((each) => pathOf(each) === pathOf(step)));
}

/** undecided tells whether a step brings what the pod has deleted, and waits for the owner's word. */
function undecided(tree: Tree, step: Step): boolean {
  return "put" in step && isHeld(tree, step.put);
}

/** send carries out one step. Where the pod has something else then, that is merged like what was pulled, and what still differs is sent again. */
async function send(tree: Tree, client: Client, step: Step): Promise<readonly string[]> {
  if ("del" in step) {
    await deleteRow(client, step.del, step.version);
    return [];
  }
  const changed: string[] = [];
  let { base } = step;
  for (let tries = 3; tries > 0; tries--) {
    const row = tree.store.row(step.put);
    const bytes = await tree.store.bytes(step.put);
    if (row === undefined || bytes === undefined) return changed;
    const stands = await putRow(client, row, bytes, base);
    if (agree(row, stands)) return changed;
    changed.push(...(await settle(tree, client, pageOf(stands), [])));
    const now = tree.store.row(step.put);
    if (now === undefined || isHeld(tree, step.put) || ("path" in stands && now.etag === stands.etag)) return changed;
    base = stands.version;
    await tree.exclusive(() => tree.store.apply(rebased(tree.store, step.put, stands.version)));
  }
  throw new Failure("not-taken", `PUT ${step.put}: no end of it`, 409);
}

function agree(row: Row, stands: Stands): boolean {
  return "path" in stands && stands.etag === row.etag && stands.id === row.id && !newer(stands.version, row.version);
}

/** pageOf makes a page of what stands at the pod. */
function pageOf(stands: Stands): Pick<Page, "rows" | "gone" | "counter"> {
  const [rows, gone] = "path" in stands ? [[stands], []] : [[], [stands]];
  return { rows, gone, counter: stands.version.counter };
}

/** failed keeps what went wrong with the entry. A list or kit that the pod does not accept came second: the pod's is read again from its beginning. */
function failed(tree: Tree, name: string, sent: readonly Step[], step: Step, error: unknown): Promise<void> {
  const code = error instanceof KithError ? error.code : "bug";
  const secondList = error instanceof Failure && error.status === 422 && "put" in step && (step.put === devices || step.put === keys || isKit(step.put));
  const note = (entry: Entry): Entry => {
    const refused = unreachable(error) ? entry.refused : { times: (entry.refused?.times ?? 0) + 1, at: tree.env.now() };
    return given({ ...entry, attempts: entry.attempts + 1, error: code, refused });
  };
  return complete(tree, name, secondList ? [...sent, step] : sent, note, secondList ? [{ unset: "pod/cursor" }] : []);
}

function complete(tree: Tree, name: string, sent: readonly Step[], change: (entry: Entry) => Entry, also: readonly Write[] = []): Promise<void> {
  return tree.exclusive(async () => {
    const entry = tree.store.get(name) as Entry | undefined;
    if (entry === undefined) return;
    const steps = entry.steps.filter((step) => !sent.some((each) => pathOf(each) === pathOf(step)));
    await tree.store.apply([keep(change({ ...entry, steps })), ...also]);
  });
}

function pathOf(step: Step): string {
  return "put" in step ? `put ${step.put}` : `del ${step.del}`;
}
