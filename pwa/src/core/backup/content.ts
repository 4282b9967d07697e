/**
 * What is in a backup: the person's own tree and drafts, and the settings that are theirs and not this device's.
 *
 *     record   length u32 | head, JSON | body
 *     head     {kind: "person", label, name, made, device, key}      the first
 *              {kind: "row", …, size, here}      body: its bytes, where they are here
 *              {kind: "set", name, value}
 *              {kind: "end"}                      the last
 *
 * Left out are friends' copies, which friends have; what waits to be sent or answered, since it was sent, perhaps, after the backup; and what this
 * device deleted: a copy that is older than the pod deletes nothing (protocol §3.4).
 */

import { type Bytes, join, utf8 } from "../bytes.ts";
import { type Json, object, objectIn, string, whole } from "../json.ts";
import type { NewRow, Row, Store, Write } from "../store/store.ts";
import { damaged, u32 } from "./file.ts";

/** About is the first record of a backup. */
export interface About {
  readonly label: string;
  readonly name: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly made: number;
  /** The device that made it, and the agreement key by which it proves that. */
  readonly device: string;
  readonly key: string;
}

/** Entry is one record between the first and the last: what to write into a store. */
export type Entry = Extract<Write, { put: NewRow }> | Extract<Write, { set: string }>;

const trees = ["/", "drafts/"] as const;
const single: readonly string[] = ["counter", "known", "unclear", "pod", "pod/was", "audience/last", "receipts/off", "relay/aside"];
const below = ["trace/", "seen/", "differed/", "changed/", "revoked/"] as const;
const maxHead = 1 << 20;
const maxBody = 256 << 20;

/** rowsOf returns the rows that a backup has, as they are now. */
export function rowsOf(store: Store): readonly Row[] {
  return trees.flatMap((tree) => [...store.rows(tree)]);
}

/** settingsOf returns the names of the settings that a backup has. */
export function settingsOf(store: Store): readonly string[] {
  const peers = store.names("peer/").filter((name) => name.endsWith("/seen"));
  return [...single.filter((name) => store.get(name) !== undefined), ...below.flatMap((prefix) => store.names(prefix)), ...peers];
}

/** aboutRecord, rowRecord, settingRecord and endRecord write records. */
export function aboutRecord(about: About): Bytes {
  return record({ kind: "person", ...about });
}

export function rowRecord({ path, id, version, type, etag, modified, note, size }: Row, bytes: Bytes | undefined): Bytes {
  return record({ kind: "row", path, id, version, type, etag, modified, note, size: bytes?.length ?? size, here: bytes !== undefined }, bytes);
}

export function settingRecord(name: string, value: unknown): Bytes {
  return record({ kind: "set", name, value });
}

export function endRecord(): Bytes {
  return record({ kind: "end" });
}

function record(head: Json, body: Bytes = new Uint8Array(0)): Bytes {
  const json = utf8(JSON.stringify(head));
  return join(u32(json.length), json, body);
}

/** readAll reads a body to its end: who it is of first, then each entry, of which one is held at a time. Throws `damaged` when it ends early, goes
 * on after its end, or is not what it says it is. */
export async function readAll(chunks: AsyncIterable<Bytes>, told: (about: About) => Promise<void>, each: (entry: Entry) => Promise<void>): Promise<void> {
  const pipe = new Pipe(chunks);
  await told(aboutOf(await pipe.head()));
  for (let json = await pipe.head(); json.kind !== "end"; json = await pipe.head()) await each(await entryOf(json, pipe));
  if (!(await pipe.ended())) throw damaged();
}

/** must returns a value that was asked for; throws `damaged` where it is none. */
function must<T>(value: T | undefined): T {
  if (value === undefined) throw damaged();
  return value;
}

function aboutOf(json: Json): About {
  if (json.kind !== "person") throw damaged();
  const { label, name, made, device, key } = json;
  return { label: must(string(label, 52)), name: must(string(name, 200)), made: must(whole(made)), device: must(string(device, 64)), key: must(string(key, 64)) };
}

async function entryOf(json: Json, pipe: Pipe): Promise<Entry> {
  const name = string(json.name, 300);
  if (json.kind === "set" && name !== undefined && settable(name)) return { set: name, value: json.value };
  if (json.kind !== "row") throw damaged();
  const put = newRowOf(json);
  return { put, bytes: json.here === true ? await pipe.take(put.size) : null };
}

function settable(name: string): boolean {
  return single.includes(name) || below.some((prefix) => name.startsWith(prefix)) || /^peer\/[^/]+\/seen$/.test(name);
}

function newRowOf(json: Json): NewRow & { readonly size: number } {
  const [path, size] = [must(string(json.path, 2048)), must(whole(json.size))];
  if (size > maxBody || !trees.some((tree) => path.startsWith(tree))) throw damaged();
  const { counter, device } = object(json.version) ?? {};
  const note = object(json.note) as Row["note"];
  const version = { counter: must(whole(counter)), device: must(string(device, 64)) };
  return { path, id: must(string(json.id, 64)), version, type: must(string(json.type, 200)), etag: must(string(json.etag, 100)), modified: must(whole(json.modified)), size, ...(note !== undefined && { note }) };
}

/** Pipe gives out the bytes of chunks in other portions. */
class Pipe {
  readonly #chunks: AsyncIterator<Bytes>;
  #held: Bytes = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Bytes>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** head reads the head of a record. */
  async head(): Promise<Json> {
    const length = new DataView((await this.take(4)).buffer).getUint32(0);
    const json = length > maxHead ? undefined : objectIn(await this.take(length));
    if (json === undefined) throw damaged();
    return json;
  }

  async take(length: number): Promise<Bytes> {
    const parts = [this.#held];
    let have = this.#held.length;
    while (have < length) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw damaged();
      parts.push(value);
      have += value.length;
    }
    const all = parts.length === 1 ? this.#held : join(...parts);
    this.#held = all.subarray(length);
    return all.slice(0, length);
  }

  async ended(): Promise<boolean> {
    return this.#held.length === 0 && (await this.#chunks.next()).done === true;
  }
}

