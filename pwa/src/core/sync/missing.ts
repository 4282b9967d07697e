/** Outbox entries for resources that the pod lacks, in the order in which they make sense there. */

import { randomName } from "../ids.ts";
import type { OperationId, OutboxItem } from "../kith.ts";
import { type Entry, keep, nameAt, type Step } from "../pod/outbox.ts";
import { type Folder, placeOf, type Place } from "../pod/paths.ts";
import type { Tree } from "../pod/tree.ts";
import type { Write } from "../store/store.ts";

const whats: Readonly<Record<Place["kind"], OutboxItem["what"]>> = {
  post: "post", acl: "post", media: "post", replies: "reply", deleted: "other", contact: "contact", circle: "circle", audience: "other", message: "other", other: "other",
};

/** toPush returns the writes that queue these paths from entry number `first` on: deletions, then what posts refer to, then each post with its access list last. */
export function toPush(tree: Tree, paths: readonly string[], deletions: readonly Extract<Step, { del: string }>[], first: number): readonly Write[] {
  const single: string[] = [];
  const folders = new Map<Folder, string[]>();
  for (const path of paths) {
    const place = placeOf(path);
    if (!("folder" in place) || place.kind === "replies") single.push(path);
    else folders.set(place.folder, [...(folders.get(place.folder) ?? []), path]);
  }
  const one = (path: string): Pick<Entry, "what" | "steps"> => ({ what: whats[placeOf(path).kind], steps: [{ put: path }] });
  const post = ([folder, files]: [Folder, string[]]): Pick<Entry, "what" | "steps" | "post"> => ({ what: "post", post: folder, steps: aclLast(files) });
  const deletion = (step: Step): Pick<Entry, "what" | "steps"> => ({ what: "delete", steps: [step] });
  const all = [...deletions.map(deletion), ...single.map(one), ...[...folders].map(post)];
  const since = tree.env.now();
  return all.map((entry, n) => {
    const id = randomName(tree.env.random, 20) as OperationId;
    return keep({ ...entry, name: nameAt(first + n), id, since, attempts: 0 });
  });
}

function aclLast(paths: readonly string[]): readonly Step[] {
  const late = (path: string): number => (path.endsWith("/.acl") ? 1 : 0);
  return [...paths].sort((a, b) => late(a) - late(b)).map((put) => ({ put }));
}
