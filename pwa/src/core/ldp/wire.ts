/** One HTTP request and its answer, bounded in time and size. */

import type { Env } from "../env.ts";
import type { Bytes } from "../bytes.ts";
import { bounded } from "../bounded.ts";
import { Failure, type Role } from "./errors.ts";

/** Request is what is asked. `url` has no fragment. */
export interface Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes | string | undefined;
  /** The longest body that is read, in bytes; 1 MiB when absent. */
  readonly max?: number;
  /** Milliseconds until the whole answer must be there; 30,000 when absent. */
  readonly timeout?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Answer is a status with the whole body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Bytes;
}

const usual = { max: 1 << 20, timeout: 30_000 };

/** ask sends a request and reads the answer; rejects with a `Failure` of status 0 when none comes, or one too large. */
export async function ask(env: Env, request: Request, role: Role): Promise<Answer> {
  const { method, url, headers = {}, body, max = usual.max, timeout = usual.timeout, signal } = request;
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
  } catch (cause) {
    throw new Failure(`${role}-unreachable`, `${method} ${url}`, 0, { cause });
  } finally {
    stop();
  }
}
