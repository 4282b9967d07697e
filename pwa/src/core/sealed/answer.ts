/**
 * The answer to a sealed request: sealed with what the request's slot exported, as RFC 9458 §4.4 does.
 *
 *     answer    reply id 16 | nonce 32 | binary HTTP response in chunks
 */

import type { Env } from "../env.ts";
import { b64u, type Bytes, fromB64u, hmac, join, utf8 } from "../bytes.ts";
import { given } from "../given.ts";
import { list, object, string, whole } from "../json.ts";
import { encLength } from "../webid/hpke.ts";
import type { Did } from "../webid/key.ts";
import { decodeResponse, encodeResponse } from "./bhttp.ts";
import { type ChunkKey, isPadded, maxMessage, openBody, sealBody } from "./chunks.ts";
import type { Answering, Pending } from "./request.ts";

/** SealedResponse is what is answered. */
export interface SealedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Bytes;
}

/** Headers that go back. */
const returned = ["content-type", "etag", "last-modified", "content-range", "accept-ranges", "location", "retry-after", "kith-version", "kith-by"];

const headLength = 48;

/** sealAnswer returns the answer as bytes for a relay, or for who waits. Headers beyond those that may go back are left out. */
export async function sealAnswer(env: Pick<Env, "random">, { id, enc, secret }: Answering, { status, headers, bytes }: SealedResponse): Promise<Bytes> {
  const nonce = env.random(32);
  const fields = [...headers].filter(([name]) => returned.includes(name));
  return sealBody(await keyOf(secret, join(enc, nonce)), join(id, nonce), encodeResponse({ status, fields, body: bytes }));
}

/** openAnswer returns the response; undefined when the bytes are no answer to this request, or given in the name of another
 * device than the one whose slot was opened. */
export async function openAnswer({ id, slots }: Pick<Pending, "id" | "slots">, answer: Bytes): Promise<SealedResponse | undefined> {
  if (answerId(answer) !== id) return undefined;
  for (const { device, enc, secret } of slots) {
    const key = await keyOf(decoded(secret), join(decoded(enc), answer.subarray(16, headLength)));
    const content = await openBody(key, answer, headLength);
    const response = typeof content === "string" ? undefined : readResponse(content);
    if (response !== undefined) return !device || response.headers.get("Kith-By") === device ? response : undefined;
  }
  return undefined;
}

/** answerId returns by which request an answer is waited for, as in `Pending`; undefined when the bytes are no answer. */
export function answerId(answer: Bytes): string | undefined {
  return isPadded(answer.length) && answer.length <= maxMessage ? b64u(answer.subarray(0, 16)) : undefined;
}

/** readPending reads what was kept as JSON; undefined when it is something else. */
export function readPending(kept: unknown): Pending | undefined {
  const json = object(kept);
  const [id, nonce, expires] = [string(json?.id, 22), string(json?.nonce, 22), whole(json?.expires)];
  if (id === undefined || nonce === undefined || expires === undefined) return undefined;
  const slots = list(json?.slots).flatMap((slot) => readSlot(slot) ?? []);
  return slots.length === 0 ? undefined : { id, nonce, expires, slots };
}

function readSlot(kept: unknown): Pending["slots"][number] | undefined {
  const json = object(kept);
  const [enc, secret, device] = [string(json?.enc, 87), string(json?.secret, 43), string(json?.device, 64)];
  const whole = decoded(enc ?? "").length === encLength && decoded(secret ?? "").length === 32;
  return enc === undefined || secret === undefined || !whole ? undefined : { ...given({ device: device as Did | undefined }), enc, secret };
}

function decoded(written: string): Bytes {
  return fromB64u(written) ?? new Uint8Array(0);
}

function readResponse(content: Bytes): SealedResponse | undefined {
  try {
    const { status, fields, body } = decodeResponse(content);
    return { status, headers: new Headers(fields.filter(([name]) => returned.includes(name)).map(([name, value]) => [name, value])), bytes: body.slice() };
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
