/** One exchange over HTTP, bounded in time and size: the answer may be later, or longer, than is good for us. */

import { type Bytes, join } from "./bytes.ts";
import type { Env } from "./env.ts";

/** Exchange is what is asked of an address without a fragment. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes | string | undefined;
  /** The longest body that is read, in bytes. */
  readonly max: number;
  /** Milliseconds until the whole answer must be there. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Answer is a status with the whole body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Bytes;
}

/** exchange sends a request without cookies and without a cache, follows no redirect, and reads the whole answer; rejects when none comes, or one too large. */
export async function exchange(env: Pick<Env, "fetch" | "after">, { method, url, headers = {}, body, max, timeout, signal }: Exchange): Promise<Answer> {
  const late = new AbortController();
  const stop = env.after(timeout, () => late.abort());
  try {
    const answer = await env.fetch(url, {
      method,
      headers: { ...headers },
      body: body ?? null,
      signal: signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
    return { status: answer.status, headers: answer.headers, bytes: await bounded(answer, max) };
  } finally {
    stop();
  }
}

/** bounded returns the whole body; rejects with a RangeError when it has more than `max` bytes. */
export async function bounded(answer: Response, max: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = answer.body?.getReader();
  for (;;) {
    const next = await reader?.read();
    if (next === undefined || next.done) return join(...parts);
    size += next.value.length;
    if (size > max) {
      await reader?.cancel();
      throw new RangeError(`read answer: more than ${max} bytes`);
    }
    parts.push(next.value);
  }
}
