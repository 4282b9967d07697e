/**
 * The owner's own tree on this device: each act is one batch of the store, with the outbox entry that
 * brings it to the pod. Acts and pulls take turns, so that what was read is what is replaced.
 */

import type { Env } from "../env.ts";
import { randomName } from "../ids.ts";
import type { OperationId, OutboxItem } from "../kith.ts";
import type { NewRow, Row, Store, Version, Write } from "../store/store.ts";
import { b64u, type Bytes, join, sha256, utf8 } from "../bytes.ts";
import { given } from "../given.ts";
import { factsOf } from "./facts.ts";
import { keep, nameAt, nextNumber, type Step, without } from "./outbox.ts";
import type { Folder } from "./paths.ts";
import { based } from "./bases.ts";
import { type Reading, textIn } from "./reading.ts";
import { forgetTraces, heardOf, traced } from "./traces.ts";

/** turtle is the media type of access lists, circles and audiences. */
export const turtle = "text/turtle";
/** jsonLD is the media type of posts, contact records and messages. */
export const jsonLD = "application/ld+json";
/** jose is the media type of signed lists. */
export const jose = "application/jose";

/** How long a device remembers what it deleted, in milliseconds (protocol §3.2). */
const remembered = 90 * 24 * 3600_000;

/** etagOf returns the strong ETag of a representation, the same on every responder (protocol §3.2). */
export async function etagOf(type: string, bytes: Uint8Array): Promise<string> {
  return `"${b64u((await sha256(join(utf8(type), Uint8Array.of(0), bytes))).subarray(0, 16))}"`;
}

/** newer tells whether version `a` comes after `b`: by counter, then by device. */
export function newer(a: Version, b: Version): boolean {
  return a.counter !== b.counter ? a.counter > b.counter : a.device > b.device;
}

/** Tree is the own tree. `tracked` becomes true with the first pod: from then on acts go to the outbox. */
export class Tree implements Reading {
  readonly store: Store;
  readonly env: Env;
  /** This device's name in versions. */
  readonly device: string;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: Store, env: Env, device: string) {
    this.store = store;
    this.env = env;
    this.device = device;
  }

  /** exclusive runs `act` when all that was asked before has ended. */
  exclusive<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** act lets `build` fill a batch and applies it. `build` may return a value. */
  act<T>(what: OutboxItem["what"], build: (batch: Batch) => Promise<T>, post?: Folder): Promise<T> {
    return this.exclusive(async () => {
      const batch = new Batch(this);
      const value = await build(batch);
      await this.store.apply(await batch.finish(what, post));
      return value;
    });
  }

  /** text returns the text of a resource, undefined when it is not here. */
  text(path: string): Promise<string | undefined> {
    return textIn(this.store, path);
  }

  /** counter is the highest Lamport counter that this device has seen. */
  get counter(): number {
    return (this.store.get("counter") as number | undefined) ?? 0;
  }

  /** tracked tells whether acts are kept for a pod. */
  get tracked(): boolean {
    return this.store.get("pod") !== undefined || this.store.get("pod/was") !== undefined;
  }

  /** goneAt returns the counter at which this device deleted the resource with that handle, when that was at or after that version, or at all. */
  goneAt(id: string, version?: Version): number | undefined {
    const gone = this.store.get(`gone/${id}`) as Gone | undefined;
    return gone !== undefined && gone.counter >= (version?.counter ?? 0) ? gone.counter : undefined;
  }

  /** overtaken returns the write that notes an edit which another device made without knowing of this device's deletion; undefined when there is none that was not noted. */
  overtaken(id: string, version: Version): Write | undefined {
    const name = `gone/${id}`;
    const gone = this.store.get(name) as Gone | undefined;
    if (gone?.was === undefined || version.device === this.device || !newer(version, gone.was)) return undefined;
    return { set: name, value: { ...gone, was: version } satisfies Gone };
  }

  /** forgetOld returns the writes that drop what this device no longer has to remember of its deletions. */
  forgetOld(): readonly Write[] {
    const before = this.env.now() - remembered;
    const old = (name: string): boolean => ((this.store.get(name) as Gone).at ?? 0) < before;
    const gone = this.store.names("gone/").filter(old).map((name) => ({ unset: name }));
    return [...gone, ...forgetTraces(this.store, this.env.now())];
  }
}

/** Batch gathers one act: the writes of the store and the steps for the pod. */
export class Batch {
  readonly writes: Write[] = [];
  readonly #steps: Step[] = [];
  readonly #erased: string[] = [];
  readonly #version: Version;
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#version = { counter: tree.counter + 1, device: tree.device };
  }

  /** put writes a resource; its handle stays when it replaces one. */
  async put(path: string, type: string, bytes: Bytes): Promise<void> {
    const { env, store } = this.#tree;
    const old = store.row(path);
    const id = old?.id ?? newHandle(env);
    this.writes.push({ put: await newRow({ path, type, id, version: this.#version, modified: env.now() }, bytes), bytes });
    this.#steps.push({ put: path, base: old?.version });
  }

  /** putText is `put` of a text. */
  putText(path: string, type: string, written: string): Promise<void> {
    return this.put(path, type, utf8(written));
  }

  /** erase removes a resource, or a folder with all below it, here and at the pod. */
  erase(path: string): void {
    const { store } = this.#tree;
    const below = path.endsWith("/") ? [...store.rows(path)] : [store.row(path)].filter((row) => row !== undefined);
    for (const row of below) this.writes.push({ erase: row.path }, gone(row, this.#version, this.#tree.env.now()));
    this.#erased.push(path);
    this.#steps.push({ del: path, version: this.#version });
  }

  /** set stores a setting with the act. */
  set(name: string, value: unknown): void {
    this.writes.push(value === undefined ? { unset: name } : { set: name, value });
  }

  /** finish returns the whole batch. */
  async finish(what: OutboxItem["what"], post?: Folder): Promise<readonly Write[]> {
    if (this.#steps.length === 0) return this.writes;
    const { store, env } = this.#tree;
    this.set("counter", this.#version.counter);
    this.writes.push(...(await traced(store, this.writes, () => this.#version, env.now())), ...heardOf(store, [this.#version]));
    this.writes.push(...without(this.#tree.store, this.#erased));
    if (this.#tree.tracked) this.writes.push(this.#entry(what, post));
    else this.writes.push(...based(store, this.#steps));
    return this.writes;
  }

  #entry(what: OutboxItem["what"], post?: Folder): Write {
    const { env, store } = this.#tree;
    const id = randomName(env.random, 20) as OperationId;
    return keep({ name: nameAt(nextNumber(store)), id, what, post, steps: this.#steps, since: env.now(), attempts: 0 });
  }
}

/** Gone is what this device remembers of a deletion: its version, its time, and the version that was deleted. */
export interface Gone {
  readonly counter: number;
  readonly device?: string;
  readonly at: number;
  readonly was?: Version;
}

/** gone returns the write that remembers a deletion by handle alone. */
export function gone(row: Row, { counter, device }: Version, at: number): Write {
  return { set: `gone/${row.id}`, value: { counter, device, at, was: row.version } satisfies Gone };
}

/** newHandle returns a random handle of 22 characters. */
export function newHandle(env: Env): string {
  return b64u(env.random(16));
}

/** asTold returns the write that keeps a text as somebody else has it: without a version, so that the next exchange takes the newer one. */
export async function asTold({ env, store }: Pick<Reading, "env" | "store">, path: string, text: string, type = jose): Promise<Write> {
  const bytes = utf8(text);
  return { put: await newRow({ path, id: store.row(path)?.id ?? newHandle(env), version: { counter: 0, device: "" }, type, modified: env.now() }, bytes), bytes };
}

/** newRow completes a row of the own tree with what its bytes say. */
export async function newRow(row: Omit<NewRow, "etag" | "note">, bytes: Bytes): Promise<NewRow> {
  const note = factsOf(row.path, () => new TextDecoder().decode(bytes));
  return given({ ...row, etag: await etagOf(row.type, bytes), note });
}
