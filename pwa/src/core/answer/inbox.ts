/**
 * What a friend leaves: `PUT social/in/<cid>/<nonce>` with `If-None-Match: *`, which is the same however often it comes, by
 * its name (protocol §5.2). A request that is sent again, because its answer was lost, is answered as it was.
 *
 *     asked/<digest of device and nonce>    Done, until the request runs out
 */

import { b64u, sha256 } from "../bytes.ts";
import type { Tree } from "../pod/tree.ts";
import type { SealedRequest } from "../sealed/request.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import type { Row, Store, Write } from "../store/store.ts";
import { matches } from "./content.ts";
import type { Agent, Judge } from "./judge.ts";
import { exists } from "./listing.ts";
import { isContainer, parentOf, subjectOf, twinOf } from "./names.ts";
import { Refusal } from "./refusal.ts";
import { append, control, has, write } from "./rules.ts";
import { essence, httpDate } from "./spelled.ts";

/** Once is by what a request is known when it comes again, and until when it may. */
export interface Once {
  readonly nonce: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

interface Done {
  readonly path: string;
  readonly until: number;
}

const asked = "asked/";
/** What one container holds for those who may only add to it, in bytes, and what each member counts beside its own. */
const quota = 64 << 20;
const weight = 1 << 10;

/** leave takes what an agent puts at a path; throws a `Refusal`. */
export async function leave(tree: Tree, judge: Judge, path: string, request: SealedRequest, once: Once | undefined): Promise<SealedResponse> {
  const type = checkBody(request);
  const name = once && asked + (await nameOf(judge.agent, once));
  if (name !== undefined && (tree.store.get(name) as Done | undefined)?.path === path) return made(tree.store, path);
  await tree.act("other", async (batch) => {
    await checkAccess(tree.store, judge, path, request.headers);
    await checkQuota(tree.store, judge, path, request.body.length);
    await batch.put(path, type, request.body);
    if (name !== undefined) batch.set(name, { path, until: once?.expires ?? 0 } satisfies Done);
  });
  return made(tree.store, path);
}

/** forgetAsked returns the writes that drop what was remembered of requests that ran out. */
export function forgetAsked(store: Store, now: number): readonly Write[] {
  return store.names(asked).filter((name) => (store.get(name) as Done).until <= now).map((name) => ({ unset: name }));
}

async function nameOf(agent: Agent, { nonce }: Once): Promise<string> {
  const kid = agent.kind === "nobody" ? "" : agent.kid;
  return b64u((await sha256(`${kid}\n${nonce}`)).subarray(0, 16));
}

/** made tells of what lies there; who had it made hears the same if it was read and erased meanwhile. */
function made(store: Store, path: string): SealedResponse {
  const headers = new Headers();
  const row: Row | undefined = store.row(path);
  if (row !== undefined) headers.set("ETag", row.etag);
  if (row !== undefined) headers.set("Last-Modified", httpDate(row.modified));
  return { status: 201, headers, bytes: new Uint8Array(0) };
}

function checkBody({ headers, body }: SealedRequest): string {
  const type = headers.get("Content-Type") ?? "";
  const media = essence(type);
  if (headers.has("Content-Range")) throw new Refusal("part");
  if (type === "") throw new Refusal("untyped");
  if (media === "") throw new Refusal("type");
  if (media === "text/turtle" || media === "application/n-triples") throw new Refusal("kind");
  if (media === "application/ld+json" && !isJSON(body)) throw new Refusal("malformed");
  return type;
}

function isJSON(body: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return true;
  } catch {
    return false;
  }
}

/** checkAccess asks for Append on what the name inherits and on the container, and that nothing is there (WAC §access-modes). */
async function checkAccess(store: Store, judge: Judge, path: string, headers: Headers): Promise<void> {
  const creates = (headers.get("If-None-Match") ?? "").trim() === "*";
  const need = creates ? append : write;
  if (isContainer(path) || subjectOf(path) !== path || !has(await judge.modes(path), need)) throw judge.refusal();
  const there = store.row(path);
  if (there === undefined) await checkContainers(store, judge, path);
  const match = headers.get("If-Match");
  if (match !== null && (there === undefined || !matches(match, there.etag, (a, b) => a === b))) throw new Refusal("condition");
  if (creates && there !== undefined) throw new Refusal("condition");
  const twin = twinOf(path);
  if (twin !== undefined && exists(store, twin)) throw new Refusal("conflict");
}

async function checkContainers(store: Store, judge: Judge, path: string): Promise<void> {
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) {
    if (!has(await judge.modes(at), append)) throw judge.refusal();
    if (exists(store, at)) return;
  }
}

/** checkQuota bounds what those keep who may only add. */
async function checkQuota(store: Store, judge: Judge, path: string, size: number): Promise<void> {
  const container = parentOf(path);
  const modes = await judge.modes(container);
  if ((modes & (write | control)) !== append) return;
  let kept = 0;
  for (const row of store.rows(container)) {
    if (row.path !== path && folded(row.path) === folded(path)) throw new Refusal("conflict");
    if (subjectOf(row.path) === row.path) kept += row.size + weight;
  }
  if (size > quota - kept - weight) throw new Refusal("full");
}

/** folded makes names comparable that some system takes for one. */
function folded(path: string): string {
  return path.normalize("NFKC").toLowerCase();
}
