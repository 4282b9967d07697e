/**
 * What a friend leaves: `PUT social/in/<cid>/<nonce>` with `If-None-Match: *`, which is the same however often it comes, by
 * its name (protocol §5.2).
 */

import type { Tree } from "../pod/tree.ts";
import type { SealedRequest } from "../sealed/request.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import type { Store, Write } from "../store/store.ts";
import { matches } from "./content.ts";
import { Judge, type Realm } from "./judge.ts";
import { exists } from "./listing.ts";
import { isContainer, parentOf, subjectOf, twinOf } from "./names.ts";
import { doneBefore, type Once, remembering } from "./once.ts";
import { problem, Refusal } from "./refusal.ts";
import type { Asked } from "./responder.ts";
import { append, control, has, write } from "./rules.ts";
import { essence, httpDate } from "./spelled.ts";

/** What one container holds for those who may only add to it, in bytes, and what each member counts beside its own. */
const quota = 64 << 20;
const weight = 1 << 10;

/** leave takes what an agent puts at a path, and remembers what it answered. */
export async function leave(tree: Tree, realm: Realm, path: string, { agent, request, once }: Asked): Promise<SealedResponse> {
  try {
    return await taken(tree, new Judge(realm, agent), path, request, once);
  } catch (error) {
    if (error instanceof Refusal) return problem(error);
    throw error;
  }
}

async function taken(tree: Tree, judge: Judge, path: string, request: SealedRequest, once: Once | undefined): Promise<SealedResponse> {
  const { store, env } = tree;
  const type = checkBody(request);
  const before = once && (await doneBefore(store, judge.agent, once, env.now()));
  if (before !== undefined) return before;
  return tree.act("other", async (batch) => {
    await checkAccess(store, judge, path, request.headers);
    await checkQuota(store, judge, path, request.body.length);
    await batch.put(path, type, request.body);
    const answer = made(batch.writes);
    if (once !== undefined) batch.writes.push(...(await remembering(store, judge.agent, once, answer, env.now())));
    return answer;
  });
}

/** made tells of what a batch has just put. */
function made(writes: readonly Write[]): SealedResponse {
  const headers = new Headers();
  for (const write of writes) {
    if (!("put" in write)) continue;
    headers.set("ETag", write.put.etag);
    headers.set("Last-Modified", httpDate(write.put.modified));
  }
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
