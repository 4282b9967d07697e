/**
 * The outbox: every change of the own tree waits here, in the same batch in which the phone's store
 * took it, until the pod has it (protocol §3.4).
 *
 *     outbox/<16 digits>   one Entry, in the order of the acts
 */

import type { ErrorCode } from "../errors.ts";
import type { OperationId, OutboxItem } from "../kith.ts";
import type { Store, Version, Write } from "../store/store.ts";
import type { Folder } from "./paths.ts";

/** Step is one request to the pod. A `put` carries what the path holds when it is sent; `base` is the version that the pod had when the path was changed. */
export type Step = { readonly put: string; readonly base?: Version | undefined } | { readonly del: string; readonly version: Version };

/** Entry is one act, with the steps that are left. */
export interface Entry {
  readonly name: string;
  readonly id: OperationId;
  readonly what: OutboxItem["what"];
  readonly post?: Folder | undefined;
  readonly steps: readonly Step[];
  readonly since: number;
  readonly attempts: number;
  readonly error?: ErrorCode;
  /** How often the pod answered and did not take it, and when last, in milliseconds since the epoch. */
  readonly refused?: { readonly times: number; readonly at: number };
}

const prefix = "outbox/";

/** entries returns what waits, oldest first. */
export function entries(store: Store): readonly Entry[] {
  return [...store.names(prefix)].sort().map((name) => store.get(name) as Entry);
}

const [firstRest, longestRest] = [2_000, 15 * 60_000];

/** ready returns the entries that may go out: not what was refused and rests, ever longer, nor what follows that in the same post. */
export function ready(all: readonly Entry[], now: number): readonly Entry[] {
  const held = new Set<Folder>();
  return all.filter(({ post, refused }) => {
    const rest = refused === undefined ? 0 : Math.min(longestRest, firstRest * 2 ** Math.min(refused.times, 20));
    // A clock that was set back must not make it rest for long.
    const waits = (post !== undefined && held.has(post)) || Math.abs(now - (refused?.at ?? 0)) < rest;
    if (waits && post !== undefined) held.add(post);
    return !waits;
  });
}

/** nextNumber returns the number of an entry after all that wait. */
export function nextNumber(store: Store): number {
  const numbers = store.names(prefix).map((name) => Number(name.slice(prefix.length)));
  return numbers.reduce((most, each) => Math.max(most, each), 0) + 1;
}

/** nameAt returns the name of the entry with that number. */
export function nameAt(number: number): string {
  return prefix + String(number).padStart(16, "0");
}

/** keep returns the write that stores an entry, or removes it once it has no steps. */
export function keep(entry: Entry): Write {
  return entry.steps.length === 0 ? { unset: entry.name } : { set: entry.name, value: entry };
}

/** Waiting is what the outbox still has to tell the pod: for each path to put the oldest step, and the deletions. */
export interface Waiting {
  readonly puts: ReadonlyMap<string, Extract<Step, { put: string }>>;
  readonly dels: readonly Extract<Step, { del: string }>[];
}

/** waiting gathers the steps of all entries. */
export function waiting(store: Store): Waiting {
  const puts = new Map<string, Extract<Step, { put: string }>>();
  const dels: Extract<Step, { del: string }>[] = [];
  for (const step of entries(store).flatMap(({ steps }) => steps)) {
    if ("del" in step) dels.push(step);
    else if (!puts.has(step.put)) puts.set(step.put, step);
  }
  return { puts, dels };
}

/** covers tells whether a path is the one named, or lies below the folder named. */
export function covers(named: string, path: string): boolean {
  return path === named || (named.endsWith("/") && path.startsWith(named));
}

/** rebased returns the writes after which every change of a path that waits is one of that version: it was merged with what the pod has. */
export function rebased(store: Store, path: string, base: Version): readonly Write[] {
  const about = (step: Step): boolean => "put" in step && step.put === path;
  return entries(store)
    .filter(({ steps }) => steps.some(about))
    .map((entry) => keep({ ...entry, steps: entry.steps.map((step) => (about(step) ? { ...step, base } : step)) }));
}

/** without returns the writes that take every step about those paths, or below those folders, out of the outbox. */
export function without(store: Store, paths: readonly string[]): readonly Write[] {
  const about = (step: Step): boolean => paths.some((each) => covers(each, "put" in step ? step.put : step.del));
  return entries(store)
    .filter(({ steps }) => steps.some(about))
    .map((entry) => keep({ ...entry, steps: entry.steps.filter((step) => !about(step)) }));
}
