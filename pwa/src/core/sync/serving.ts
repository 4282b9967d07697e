/**
 * What this device answers the person's other devices: the same rows and bytes that a pod would, from its own store, and who wants to be one
 * of them (docs/protocol.md, Replicas, Pairing). A deletion or change is not sent here: whoever made it is asked.
 */

import { b64u, type Bytes, readText, utf8 } from "../bytes.ts";
import type { Stop } from "../env.ts";
import { given } from "../given.ts";
import { iso } from "../json.ts";
import { devices, keys, relaysPath, unescaped } from "../pod/paths.ts";
import { acceptable } from "../pod/profile.ts";
import { knownOf } from "../pod/traces.ts";
import { asTold } from "../pod/tree.ts";
import type { Write } from "../store/store.ts";
import { ownList } from "../webid/list.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import type { SealedRequest } from "../sealed/request.ts";
import { type Change, Changes } from "./changes.ts";
import { remembered } from "./following.ts";
import { admit } from "./linking.ts";
import { isRemoved } from "./others.ts";
import { part, telling } from "./parting.ts";
import type { Session } from "./session.ts";

/** Asker is who asks: one of the person's devices, or somebody who does not say who they are. */
export type Asker = { readonly kind: "owner"; readonly kid: string } | { readonly kind: "nobody" | "contact" };

/** Stored is a resource that is sent under the conditions and for the range of a request. */
export interface Stored {
  readonly type: string;
  readonly etag: string;
  readonly modified: number;
  readonly dated: true;
  readonly size: number;
  readonly bytes: () => Promise<Bytes>;
}

/** So many rows stand in a page; and so many bytes, with those of small resources that come along, so that a page is one message. */
const mostRows = 400;
const mostBytes = 320 << 10;
const small = 32 << 10;
/** The longest that anybody waits for news, in seconds, and how many may: others are answered at the same time. */
const longestWait = 15;
const mostWaiting = 2;

/** Serving answers other devices of the person. `watch` calls back after each change in the app. */
export class Serving {
  readonly #session: Session;
  readonly #changes: Changes;
  readonly #watch: (changed: () => void) => Stop;
  #waiting = 0;

  constructor(session: Session, watch: (changed: () => void) => Stop) {
    this.#session = session;
    this.#changes = new Changes(session.tree);
    this.#watch = watch;
  }

  /** answer returns the answer; undefined where only a pod can give one. */
  async answer(asker: Asker, request: SealedRequest): Promise<SealedResponse | Stored | undefined> {
    const [path = "", query = ""] = request.path.split("?");
    const plain = unescaped(path);
    if (plain === undefined) return empty(404);
    const what = `${request.method} ${plain}`;
    if (what === "POST /.pair") return asker.kind === "nobody" ? admit(this.#session, request.body) : undefined;
    if (asker.kind !== "owner" || !what.includes(" /.replica")) return undefined;
    if (what === telling) return this.#told(request.body);
    // What an old backup brought back may have been deleted long since: first it has to be compared.
    if (this.#old) return empty(503);
    if (what === "GET /.replica") return json(await this.#page(new URLSearchParams(query)));
    return what.startsWith("GET /.replica/") ? this.#bytes(plain.slice("/.replica".length)) : undefined;
  }

  /** unlisted hears what somebody asks who says to be a device of the person and is in no list here; nobody is answered. A list counts by its signatures. */
  async unlisted({ method, path, body }: SealedRequest): Promise<void> {
    if (`${method} ${path}` === telling) await this.#told(body);
  }

  get #old(): boolean {
    const restored = this.#session.store.get("restored") as number | undefined;
    return restored !== undefined && this.#session.env.now() - restored >= remembered;
  }

  async #page(query: URLSearchParams): Promise<object> {
    const { tree, store, pod } = this.#session;
    const { epoch } = this.#changes;
    const follows = query.get("epoch") === epoch;
    const after = follows ? Number(query.get("after")) || 0 : 0;
    if (follows) await this.#news(after, Math.min(longestWait, Number(query.get("wait")) || 0));
    const all = this.#changes.after(after);
    const { rows, seq } = await this.#some(all, Math.max(1, Math.min(mostRows, Number(query.get("limit")) || mostRows)), query.get("bare") === null);
    const { head } = this.#changes;
    const more = rows.length < all.length;
    return given({ epoch, seq: more ? seq : head, head, more, counter: tree.counter, device: tree.device, known: knownOf(store), pod, rows });
  }

  /** some returns as many changes as a page takes, and the number of the last of them. */
  async #some(all: readonly Change[], most: number, whole: boolean): Promise<{ readonly rows: readonly object[]; readonly seq: number }> {
    const rows: object[] = [];
    let [room, seq] = [mostBytes, 0];
    for (const change of all) {
      const spelled = await this.#spelled(change, whole);
      room -= JSON.stringify(spelled).length;
      if (rows.length >= most || (room < 0 && rows.length > 0)) break;
      rows.push(spelled);
      seq = change.seq;
    }
    return { rows, seq };
  }

  async #spelled(change: Change, whole: boolean): Promise<object> {
    if ("gone" in change) return { id: change.gone.id, gone: true, version: [change.gone.version.counter, change.gone.version.device] };
    const { id, path, version: { counter, device }, etag, type, size, modified, here } = change.row;
    const bytes = whole && here && size <= small ? await this.#session.store.bytes(path) : undefined;
    return given({ id, path, version: [counter, device], etag, type, size, modified: iso(modified), bytes: bytes && b64u(bytes) });
  }

  async #bytes(path: string): Promise<SealedResponse | Stored> {
    const { store } = this.#session;
    const row = store.row(path);
    if (row === undefined || !row.here) return empty(404);
    const { type, etag, modified, size } = row;
    const bytes = await store.bytes(path);
    if (bytes === undefined || store.row(path)?.etag !== etag) return empty(404);
    return { type, etag, modified, dated: true, size, bytes: async () => bytes };
  }

  /** news waits until there is a change after a number, for so many seconds at most. */
  async #news(after: number, seconds: number): Promise<void> {
    const { env } = this.#session;
    if (this.#waiting >= mostWaiting) return;
    this.#waiting++;
    const until = env.now() + seconds * 1000;
    while (this.#changes.head <= after && env.now() < until) {
      await new Promise<void>((resolve) => {
        const ends: Stop[] = [];
        const end = (): void => {
          for (const stop of ends) stop();
          resolve();
        };
        ends.push(env.after(until - env.now(), end), this.#watch(end));
      });
    }
    this.#waiting--;
  }

  /** told takes a list that another device brings: it was taken off it, or will be told the rest when it follows. Who is off the list has no relays any more. */
  async #told(body: Bytes): Promise<SealedResponse> {
    const session = this.#session;
    const { tree, me } = session;
    const [list = "", document = ""] = (readText(body) ?? "").split("\n");
    const taken = await tree.exclusive(async () => {
      if (!(await acceptable(tree, devices, list, session.list.text, true))) return false;
      const next = ownList(list);
      const off: readonly Write[] = next !== undefined && isRemoved({ list: next, me }) ? [{ erase: relaysPath }] : [];
      const also = (await acceptable(tree, keys, document, list, true)) ? [await asTold(tree, keys, document)] : [];
      await tree.store.apply([await asTold(tree, devices, list), ...also, ...off]);
      return true;
    });
    if (taken) await session.heard([devices, keys, relaysPath]);
    if (taken || (await part(session, list))) session.emit("me");
    return empty(taken ? 204 : 409);
  }
}

function json(what: object): SealedResponse {
  return { status: 200, headers: new Headers({ "Content-Type": "application/json" }), bytes: utf8(JSON.stringify(what)) };
}

function empty(status: number): SealedResponse {
  return { status, headers: new Headers(), bytes: new Uint8Array(0) };
}
