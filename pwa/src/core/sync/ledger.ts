/**
 * What was asked through relays and is not answered, and answers that came when nobody waited (protocol §6: 202 is not delivery).
 *
 *     waits/<id>              Asked (waits.ts)
 *     answers/<whom>/<key>    row: a binary HTTP response, for the next who asks the same
 *
 * Both end with the request's expiry.
 */

import { b64u, sha256, utf8 } from "../bytes.ts";
import { newHandle } from "../pod/tree.ts";
import { readPending, type SealedResponse } from "../sealed/answer.ts";
import { decodeResponse, encodeResponse } from "../sealed/bhttp.ts";
import type { Pending, SealedRequest } from "../sealed/request.ts";
import type { Write } from "../store/store.ts";
import type { Session } from "./session.ts";
import { type Asked, askedOf, askedSettings } from "./waits.ts";
import { wanted } from "./wanted.ts";

const answers = "answers/";

/** keyOf names a request by all that it says. */
export async function keyOf({ method, path, headers, body }: SealedRequest): Promise<string> {
  const said = [...headers].filter(([name]) => name !== "kith-seen");
  return b64u(await sha256(JSON.stringify([method, path, said, b64u(await sha256(body))]))).slice(0, 22);
}

/** Ledger keeps both in the phone's store. */
export class Ledger {
  readonly #session: Pick<Session, "store" | "env">;

  constructor(session: Pick<Session, "store" | "env">) {
    this.#session = session;
  }

  /** all returns what is not answered, oldest first. */
  all(): readonly Asked[] {
    return askedOf(this.#session.store);
  }

  find(whom: string, key: string): Asked | undefined {
    return this.all().find((each) => each.whom === whom && each.key === key);
  }

  /** superseded returns what was asked of the same resource in other words: a write that a later one replaces. */
  superseded({ whom, method, path, key }: Pick<Asked, "whom" | "method" | "path" | "key">): readonly Asked[] {
    return method === "GET" ? [] : this.all().filter((each) => each.whom === whom && each.method === method && each.path === path && each.key !== key);
  }

  /** awaiting returns the request that an answer of that id is for, with what opens it. */
  awaiting(id: string): { readonly asked: Asked; readonly pending: Pending } | undefined {
    for (const asked of this.all()) {
      for (const { pending } of asked.sent) {
        const read = readPending(pending);
        if (read?.id === id) return { asked, pending: read };
      }
    }
    return undefined;
  }

  /** note keeps a request to which a message was added. */
  async note(asked: Asked): Promise<void> {
    await this.#session.store.apply([{ set: askedSettings + asked.id, value: asked }]);
  }

  async drop({ id }: Pick<Asked, "id">): Promise<void> {
    await this.#session.store.apply([{ unset: askedSettings + id }]);
  }

  /** answer keeps the answer to a request in its place. */
  async answer({ id, whom, key }: Pick<Asked, "id" | "whom" | "key">, response: SealedResponse): Promise<void> {
    await this.#session.store.apply([{ unset: askedSettings + id }, this.#row(whom, key, response)]);
  }

  /** keep keeps an answer of which more is to come. */
  async keep(whom: string, key: string, response: SealedResponse): Promise<void> {
    await this.#session.store.apply([this.#row(whom, key, response)]);
  }

  /** kept returns the answer that was kept for who asks that. */
  async kept(whom: string, key: string): Promise<SealedResponse | undefined> {
    const bytes = await this.#session.store.bytes(pathOf(whom, key));
    if (bytes === undefined) return undefined;
    const { status, fields, body } = decodeResponse(bytes);
    return { status, headers: new Headers(fields.map(([name, value]): [string, string] => [name, value])), bytes: body.slice() };
  }

  /** forget erases answers that were given to who asked. */
  async forget(whom: string, keys: readonly string[]): Promise<void> {
    const { store } = this.#session;
    const there = keys.map((key) => pathOf(whom, key)).filter((path) => store.row(path) !== undefined);
    if (there.length > 0) await store.apply(there.map((path) => ({ erase: path })));
  }

  /** sweep drops what has run out, what nobody wants any more, and what is about somebody who is no friend any more. It returns what was dropped. */
  async sweep(known: (whom: string) => boolean): Promise<readonly Asked[]> {
    const { store, env } = this.#session;
    const over = this.all().filter((each) => each.expires <= env.now() || !known(each.whom) || !wanted(store, each));
    const old = [...store.rows(answers)].filter(({ path, modified }) => modified + longest <= env.now() || !known(whomOf(path)));
    const writes: Write[] = [...over.map(({ id }) => ({ unset: askedSettings + id })), ...old.map(({ path }) => ({ erase: path }))];
    if (writes.length > 0) await store.apply(writes);
    return over;
  }

  #row(whom: string, key: string, { status, headers, bytes }: SealedResponse): Write {
    const { env } = this.#session;
    const content = encodeResponse({ status, fields: [...headers], body: bytes });
    const version = { counter: 0, device: "" };
    return { put: { path: pathOf(whom, key), id: newHandle(env), version, type: "message/bhttp", etag: "", modified: env.now() }, bytes: content };
  }
}

/** The longest that anybody waits, in milliseconds. */
const longest = 14 * 86_400_000;

function pathOf(whom: string, key: string): string {
  return `${answers}${encodeURIComponent(whom)}/${key}`;
}

function whomOf(path: string): string {
  return decodeURIComponent(path.slice(answers.length).split("/")[0] ?? "");
}

/** bodyOf returns a body as bytes. */
export function bodyOf(body: Uint8Array<ArrayBuffer> | string | undefined): Uint8Array<ArrayBuffer> {
  return typeof body === "string" ? utf8(body) : (body ?? new Uint8Array(0));
}
