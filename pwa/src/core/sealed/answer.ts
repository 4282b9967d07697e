/**
 * The answer to a sealed request: sealed with what the request's slot exported, as RFC 9458 §4.4 does.
 *
 *     answer    reply id 16 | nonce 32 | binary HTTP response in chunks
 */

import type { Env } from "../env.ts";
import { b64u, type Bytes, fromB64u, hmac, join, utf8 } from "../bytes.ts";
import { list, object, string, whole } from "../json.ts";
import { type Did, parseDid } from "../webid/key.ts";
import { type BinaryResponse, decodeResponse, encodeResponse } from "./bhttp.ts";
import { type ChunkKey, openBody, sealBody } from "./chunks.ts";
import type { Answering, Pending } from "./request.ts";

/** SealedResponse is what is answered. */
export interface SealedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Bytes;
}

/** Headers that go back. */
const given = ["content-type", "etag", "last-modified", "content-range", "accept-ranges", "location", "retry-after", "kith-version", "kith-by"];

const headLength = 48;

/** sealAnswer returns the answer as bytes for a relay, or for who waits. Headers beyond those that may go back are left out. */
export async function sealAnswer(env: Pick<Env, "random">, { id, enc, secret }: Answering, { status, headers, bytes }: SealedResponse): Promise<Bytes> {
  const nonce = env.random(32);
  const fields = [...headers].filter(([name]) => given.includes(name));
  return sealBody(await keyOf(secret, join(enc, nonce)), join(id, nonce), encodeResponse({ status, fields, body: bytes }));
}

/** openAnswer returns the response, and the key that made it; undefined when the bytes are no answer to this request. */
export async function openAnswer({ id, slots }: Pending, answer: Bytes): Promise<(SealedResponse & { readonly by: Did }) | undefined> {
  if (answerId(answer) !== id) return undefined;
  for (const { to, enc, secret } of slots) {
    const key = await keyOf(fromB64u(secret) ?? new Uint8Array(0), join(fromB64u(enc) ?? new Uint8Array(0), answer.subarray(16, headLength)));
    const content = await openBody(key, answer, headLength);
    const response = content === undefined ? undefined : readResponse(content);
    if (response !== undefined) return { ...response, by: to };
  }
  return undefined;
}

/** answerId returns by which request an answer is waited for, as in `Pending`; undefined when the bytes are no answer. */
export function answerId(answer: Bytes): string | undefined {
  return answer.length < headLength + 16 ? undefined : b64u(answer.subarray(0, 16));
}

/** readPending reads what was kept as JSON; undefined when it is something else. */
export function readPending(kept: unknown): Pending | undefined {
  const json = object(kept);
  const [id, nonce, expires] = [string(json?.id, 22), string(json?.nonce, 22), whole(json?.expires)];
  if (id === undefined || nonce === undefined || expires === undefined) return undefined;
  const slots = list(json?.slots).map(object).map((slot) => ({ to: parseDid(slot?.to), enc: String(slot?.enc), secret: String(slot?.secret) }));
  return { id, nonce, expires, slots };
}

function readResponse(content: Bytes): SealedResponse | undefined {
  let read: BinaryResponse;
  try {
    read = decodeResponse(content);
    return { status: read.status, headers: new Headers(read.fields.map(([name, value]): [string, string] => [name, value])), bytes: read.body.slice() };
  } catch {
    return undefined;
  }
}

/** keyOf derives key and nonce (RFC 9458 §4.4; RFC 5869 for what fits into one block). */
async function keyOf(secret: Bytes, salt: Bytes): Promise<ChunkKey> {
  const prk = await hmac(salt, secret);
  const expand = async (label: string, length: number): Promise<Bytes> => (await hmac(prk, join(utf8(label), Uint8Array.of(1)))).slice(0, length);
  return { key: await expand("key", 16), nonce: await expand("nonce", 12) };
}
