/** The shared corpus (conformance/corpus): one tree, and requests about it that every responder answers alike. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { cardText } from "../../src/core/pod/card.ts";
import type { SealedRequest } from "../../src/core/sealed/request.ts";
import type { SealedResponse } from "../../src/core/sealed/answer.ts";
import { type Somebody, somebody } from "./world.ts";

const folder = new URL("../../../conformance/corpus/", import.meta.url);
const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as T;

interface Drawn {
  readonly contacts: readonly { readonly name: string; readonly cid: string; readonly grant: number; readonly blocked: boolean }[];
  readonly resources: readonly { readonly path: string; readonly type: string; readonly modified: string; readonly text?: string; readonly fill?: number }[];
}

/** What came back, as far as all responders agree on it. */
export interface Told {
  readonly declined?: boolean;
  readonly status?: number;
  readonly type?: string;
  readonly etag?: string;
  readonly modified?: string;
  readonly range?: string;
  readonly accepts?: string;
  readonly body?: string;
  readonly size?: number;
  readonly digest?: string;
}

/** Case is one request of the corpus. */
export interface Case {
  readonly name: string;
  readonly as: string;
  readonly method: string;
  readonly path: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly only?: string;
  readonly expect: Told;
}

/** cases are those that sealed requests are for. */
export const cases: readonly Case[] = read<readonly Case[]>("requests.json")
  .filter(({ only }) => only !== "https")
  .map((each) => ({ ...each, expect: { ...each.expect, ...(each.expect.body !== undefined && { body: each.expect.body.replace(/(The body is not well formed)[^"]*/, "$1") }) } }));

/** salt is shared by the owner of the corpus and each friend. */
export const salt = utf8("corpus corpus corpus corpus corp");

/** Thing is a resource as a device of the owner brings it. */
export interface Thing {
  readonly path: string;
  readonly type: string;
  readonly bytes: Bytes;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

/** Stage is the tree, and the people who ask. */
export interface Stage {
  readonly things: readonly Thing[];
  readonly people: ReadonlyMap<string, Somebody>;
  readonly cids: ReadonlyMap<string, string>;
}

/** draw makes the people and what lies in the owner's tree. */
export async function draw(): Promise<Stage> {
  const { contacts, resources } = read<Drawn>("tree.json");
  const people = new Map(await Promise.all(contacts.map(async ({ name }) => [name, await somebody(name)] as const)));
  const cards = contacts.map(({ name, cid, grant, blocked }): Thing => {
    const { label, made } = people.get(name) as Somebody;
    const known = { devices: made.devices.text, keys: made.keys.text, accepts: [], ways: [], salt: Buffer.from(salt).toString("base64url"), since: 0, muted: false, verified: false, direct: false, note: "" };
    return { path: `/contacts/${cid}/card`, type: "application/ld+json", bytes: utf8(cardText({ name, label, grant, blocked, ...known })), modified: Date.now() };
  });
  const things = resources.map(({ path, type, modified, text = "", fill }): Thing => {
    const bytes = fill === undefined ? utf8(text) : Uint8Array.from({ length: fill }, (_, i) => (i * 31 + 7) % 251);
    return { path, type, bytes, modified: Date.parse(modified) };
  });
  return { things: [...cards, ...things], people, cids: new Map(contacts.map(({ name, cid }) => [name, cid])) };
}

/** Ask puts one request as somebody, whole; undefined when it is declined. */
export type Ask = (as: string, request: SealedRequest) => Promise<SealedResponse | undefined>;

/** whole asks for all that a request is for: what is too large for one answer comes in pieces, of a part that was asked for too. */
export async function whole(request: SealedRequest, ask: (request: SealedRequest) => Promise<SealedResponse>): Promise<SealedResponse> {
  const first = await ask(request);
  const [from, to, size] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(first.headers.get("Content-Range") ?? "") ?? []).slice(1).map(Number);
  if (first.status !== 206 || from === undefined || to === undefined || size === undefined) return first;
  const part = partOf(request.headers, first.headers, size);
  const headers = new Headers([...request.headers].filter(([name]) => name !== "range" && name !== "if-range"));
  const parts = [first.bytes];
  const end = part?.end ?? size;
  for (let at = to + 1; at < end; at += parts.at(-1)?.length ?? end) {
    headers.set("Range", `bytes=${at}-${end - 1}`);
    headers.set("If-Range", first.headers.get("ETag") ?? "");
    parts.push((await ask({ ...request, headers })).bytes);
  }
  const told = new Headers(first.headers);
  if (part === undefined) told.delete("Content-Range");
  else told.set("Content-Range", `bytes ${from}-${end - 1}/${size}`);
  return { status: part === undefined ? 200 : 206, headers: told, bytes: join(...parts) };
}

/** partOf returns what a `Range` asks for; undefined where it does not count (docs/protocol.md, Conditions and parts). */
function partOf(asked: Headers, answer: Headers, size: number): { readonly end: number } | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(asked.get("Range") ?? "") ?? [];
  const condition = asked.get("If-Range");
  const held = condition === null || [answer.get("ETag"), answer.get("Last-Modified")].includes(condition);
  if (from === undefined || to === undefined || !held || (from === "" && !/[1-9]/.test(to)) || (from !== "" && to !== "" && Number(from) > Number(to))) return undefined;
  return { end: from === "" || to === "" ? size : Math.min(size, Number(to) + 1) };
}

/** Player puts the requests one after another. */
export class Player {
  readonly #ask: Ask;
  readonly #given = new Map<string, string>();

  constructor(run: string, ask: Ask) {
    this.#ask = ask;
    this.#given.set("run", run);
  }

  /** put puts a request and returns what came back. */
  async put({ as, method, path, header = {}, body = "" }: Case): Promise<Told> {
    const at = this.#filled(as, path);
    if (JSON.stringify(header).match(/\{(etag|modified)\}/)) {
      const { headers } = (await this.#ask(as, { method: "HEAD", path: at, headers: new Headers(), body: utf8("") })) ?? { headers: new Headers() };
      this.#given.set(`${as} etag`, headers.get("ETag") ?? "").set(`${as} modified`, headers.get("Last-Modified") ?? "");
    }
    const headers = new Headers(Object.entries(header).map(([name, value]): [string, string] => [name, this.#filled(as, value)]));
    const answer = await this.#ask(as, { method, path: at, headers, body: utf8(body) });
    if (answer === undefined) return { declined: true };
    if (path === "/social/feed" || path === "/social/feed?limit=2") this.#learn(as, answer);
    return told(at, answer);
  }

  #learn(as: string, { bytes, status }: SealedResponse): void {
    if (status !== 200 || bytes.length === 0) return;
    const page = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, string>>;
    this.#given.set(`${as} cursor`, page["kith:cursor"] ?? "").set(`cursor of ${as}`, page["kith:cursor"] ?? "");
    if (page.next !== undefined) this.#given.set(`${as} next`, `/social/${page.next}`);
  }

  #filled(as: string, text: string): string {
    return text.replace(/\{([a-z ]+)\}/g, (whole, name: string) => this.#given.get(`${as} ${name}`) ?? this.#given.get(name) ?? whole);
  }
}

/** told is what there is to compare. */
function told(path: string, { status, headers, bytes }: SealedResponse): Told {
  const own = path.startsWith("/social/door") || path.startsWith("/social/feed");
  const head = (name: string): string => headers.get(name) ?? "";
  const range = head("Content-Range");
  const all = {
    status, type: head("Content-Type"), accepts: head("Accept-Ranges"),
    etag: own && head("ETag") !== "" ? "{own}" : head("ETag"),
    modified: status === 201 ? "{own}" : head("Last-Modified"),
    range: own && range !== "" ? `${range.slice(0, range.lastIndexOf("/") + 1)}{own}` : range,
    ...content(bytes, own),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "" && value !== 0));
}

function content(bytes: Bytes, own: boolean): Pick<Told, "body" | "size" | "digest"> {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const plain = Buffer.from(text).equals(Buffer.from(bytes));
  if ((bytes.length > 4096 && !own) || !plain) return { size: bytes.length, digest: createHash("sha256").update(bytes).digest("base64url") };
  // Where a body breaks off is said by each in its own words.
  const broken = text.replace(/(The body is not well formed)[^"]*/, "$1");
  const ofOwner = /"(label|device_list|keys)":"[^"]*"|"(ways)":\[[^\]]*\]/g;
  return { body: broken.replace(/[A-Za-z0-9_-]{502}/g, "{cursor}").replace(ofOwner, (_all, one: string | undefined, ways: string | undefined) => `"${one ?? ways}":"{own}"`) };
}
