/** The owner's side of `<pod>.replica`: rows, bytes, and what the pod says to them (docs/protocol.md, Replicas). */

import { statusOf } from "../ldp/errors.ts";
import type { Client } from "../ldp/client.ts";
import { Failure } from "../ldp/errors.ts";
import { iso, type Json, list, object, objectIn, string, time, whole } from "../json.ts";
import { escaped, validPath } from "../pod/paths.ts";
import type { Row, Version } from "../store/store.ts";
import type { Bytes } from "../bytes.ts";

/** RemoteRow is a resource as the pod lists it. */
export type RemoteRow = Pick<Row, "path" | "id" | "version" | "type" | "etag" | "size" | "modified">;

/** Tombstone is what remains of a deleted resource. */
export interface Tombstone {
  readonly id: string;
  readonly version: Version;
}

/** Stands is what the pod has of a resource: its row, or the delete that won. */
export type Stands = RemoteRow | Tombstone;

/** Page is one answer of the exchange. */
export interface Page {
  readonly epoch: string;
  /** The last change in this page, and of all. */
  readonly seq: number;
  readonly head: number;
  readonly more: boolean;
  /** The pod's Lamport counter and name. */
  readonly counter: number;
  readonly device: string;
  readonly rows: readonly RemoteRow[];
  readonly gone: readonly Tombstone[];
}

/** Cursor is how far this device has followed the pod. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

const pageMax = 4 << 20;
/** The largest resource that is exchanged, in bytes. */
const resourceMax = 128 << 20;
const mediaTimeout = 300_000;

/** readPage asks for the rows after a cursor; `wait` seconds for a change when there is none. */
export async function readPage(client: Client, after: Cursor | undefined, wait = 0, signal?: AbortSignal): Promise<Page> {
  const query = new URLSearchParams({ epoch: after?.epoch ?? "", after: String(after?.seq ?? 0), limit: "1000" });
  if (wait > 0) query.set("wait", String(wait));
  const { bytes } = await client.ask({ method: "GET", path: `.replica?${query}`, max: pageMax, timeout: 30_000 + wait * 1000, signal });
  const page = pageOf(objectIn(bytes));
  if (page === undefined) throw notOurs("read replica");
  // There is no end of pages that say there are more, and do not go on.
  if (page.more && page.seq <= (after?.epoch === page.epoch ? after.seq : 0)) throw notOurs("read replica");
  return page;
}

/** pageOf reads a page; undefined when it is none. Rows that are malformed, or lead out of the tree, are left out. */
export function pageOf(json: Json | undefined): Page | undefined {
  const [epoch, device] = [string(json?.epoch, 200), string(json?.device, 200)];
  const [seq, head, counter] = [whole(json?.seq), whole(json?.head), whole(json?.counter)];
  if (epoch === undefined || device === undefined || seq === undefined || head === undefined || counter === undefined) return undefined;
  const all = list(json?.rows).map(object);
  const rows = all.flatMap((row) => rowOf(row) ?? []);
  const gone = all.flatMap((row) => tombstoneOf(row) ?? []);
  return { epoch, device, seq, head, counter, more: json?.more === true, rows, gone };
}

/** rowOf reads a row of a resource; containers, which the phone does not keep, are undefined like what is malformed. */
export function rowOf(row: Json | undefined): RemoteRow | undefined {
  const [path, id, type, etag] = [string(row?.path, 2048), string(row?.id, 64), string(row?.type, 200), string(row?.etag, 100)];
  const [version, size, modified] = [versionOf(row?.version), whole(row?.size), time(row?.modified)];
  if (path === undefined || id === undefined || type === undefined || etag === undefined || version === undefined) return undefined;
  if (!validPath(path) || path.endsWith("/") || row?.gone === true) return undefined;
  return { path, id, version, type, etag, size: size ?? 0, modified: modified ?? 0 };
}

function tombstoneOf(row: Json | undefined): Tombstone | undefined {
  const [id, version] = [string(row?.id, 64), versionOf(row?.version)];
  return row?.gone === true && id !== undefined && version !== undefined ? { id, version } : undefined;
}

function versionOf(value: unknown): Version | undefined {
  const [counter, device] = [whole(list(value)[0]), string(list(value)[1], 200)];
  return counter === undefined || device === undefined ? undefined : { counter, device };
}

/** readBytes returns the bytes of a resource; undefined when it went away meanwhile. */
export async function readBytes(client: Client, path: string): Promise<Bytes | undefined> {
  const answer = await client.ask({ method: "GET", path: below(path), allow: [200, 404, 410], max: resourceMax, timeout: mediaTimeout });
  return answer.status === 200 ? answer.bytes : undefined;
}

/** putRow brings a resource to the pod; returns what the pod has then: this row, one that is newer or that is not the version `base` which was edited, or the delete that won. */
export async function putRow(client: Client, row: Row, bytes: Bytes, base: Version | undefined): Promise<Stands> {
  const headers = {
    ...(base === undefined ? {} : { "Kith-Base": written(base) }),
    "Content-Type": row.type,
    "Kith-Version": written(row.version),
    "Kith-Id": row.id,
    "Kith-Modified": iso(row.modified),
  };
  const answer = await client.ask({ method: "PUT", path: below(row.path), headers, body: bytes, allow: [200, 409], timeout: mediaTimeout });
  const json = objectIn(answer.bytes);
  const stands = answer.status === 409 ? standsOf(json?.winner) : rowOf(json);
  if (answer.status === 409 && stands === undefined) throw new Failure("not-taken", `PUT ${row.path}`, 409);
  if (stands === undefined || ("path" in stands && stands.path !== row.path)) throw notOurs(`PUT ${row.path}`);
  return stands;
}

/** notOurs is the failure of an answer that no pod gives: something in between spoke, so the pod was not reached. */
function notOurs(what: string): Failure {
  return new Failure("pod-unreachable", `${what}: not of the form expected`, 0);
}

/** standsOf reads what won against a row that came too late; undefined when it is neither a row nor a delete. */
export function standsOf(winner: unknown): Stands | undefined {
  const json = object(winner);
  return tombstoneOf(json) ?? rowOf(json);
}

/** deleteRow deletes a resource or a folder with all below it at the pod. What is newer there stays, and comes with the next pull. */
export async function deleteRow(client: Client, path: string, version: Version): Promise<void> {
  const headers = { "Kith-Version": written(version) };
  await client.ask({ method: "DELETE", path: below(path), headers, allow: [204, 404, 409] });
}

function below(path: string): string {
  return `.replica${escaped(path)}`;
}

function written({ counter, device }: Version): string {
  return `${counter}.${device}`;
}

/** unreachable tells whether asking the same server more makes no sense now: no answer, no entry, or it asks for patience. What it cannot do (500) or has no room for (507) says nothing of other requests. */
export function unreachable(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && (status === 0 || status === 401 || status === 403 || status === 429 || status > 500) && status !== 507;
}
