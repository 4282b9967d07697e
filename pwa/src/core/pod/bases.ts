/**
 * Of what version this device's own changes are, as long as another device of the person may not have heard of them. Where there is a
 * pod, the outbox holds that instead.
 *
 *     replica/<kid>    Known: what is known of another device
 *     base/<path>      Base
 */

import type { Store, Version, Write } from "../store/store.ts";
import type { Step } from "./outbox.ts";

/** Known is what is known of another device of the person: how far its changes were followed, and how many of this device's it has. */
export interface Known {
  readonly cursor?: { readonly epoch: string; readonly seq: number };
  /** The highest counter of this device that it has heard of. */
  readonly heard: number;
}

/** Base is what stood before the first change that somebody may not know; absent when there was nothing. */
interface Base {
  readonly version?: Version | undefined;
}

const replicas = "replica/";
const bases = "base/";

/** knownName is the setting of what is known of a device. */
export const knownName = (kid: string): string => replicas + kid;

/** based returns the writes that remember of what version the steps of an act are, where other devices are followed. */
export function based(store: Store, steps: readonly Step[]): readonly Write[] {
  if (store.names(replicas).length === 0) return [];
  return steps.flatMap((step) => ("put" in step && store.get(bases + step.put) === undefined ? [baseAt(step.put, step.base)] : []));
}

/** baseAt returns the write that says of what version a path is. */
export function baseAt(path: string, version: Version | undefined): Write {
  return { set: bases + path, value: { version } satisfies Base };
}

/** unheard returns, by path, the own changes that a device has not heard of which knows this one's up to `heard`. */
export function unheard(store: Store, self: string, heard: number): ReadonlyMap<string, { readonly put: string; readonly base?: Version | undefined }> {
  const own = pathsOf(store).filter((path) => counterOf(store, path, self) > heard);
  return new Map(own.map((path) => [path, { put: path, base: (store.get(bases + path) as Base).version }]));
}

/** forgetBases returns the writes that forget what all these devices have heard of. */
export function forgetBases(store: Store, self: string, devices: readonly string[]): readonly Write[] {
  const least = Math.min(...devices.map((kid) => (store.get(knownName(kid)) as Known | undefined)?.heard ?? 0));
  return pathsOf(store).filter((path) => counterOf(store, path, self) <= least).map((path) => ({ unset: bases + path }));
}

/** stopFollowing returns the writes that forget all of that. */
export function stopFollowing(store: Store): readonly Write[] {
  return [...store.names(replicas), ...store.names(bases)].map((name) => ({ unset: name }));
}

function pathsOf(store: Store): readonly string[] {
  return store.names(bases).map((name) => name.slice(bases.length));
}

/** counterOf returns at what counter this device wrote a path last; 0 when what stands there is another's. */
function counterOf(store: Store, path: string, self: string): number {
  const version = store.row(path)?.version;
  return version?.device === self ? version.counter : 0;
}
