/** One HTTP request and its answer, bounded in time and size. */

import { type Answer, type Exchange, exchange } from "../bounded.ts";
import type { Env } from "../env.ts";
import { Failure, type Role } from "./errors.ts";

export type { Answer } from "../bounded.ts";

/** Request is what is asked. `max` is 1 MiB when absent, `timeout` 30,000. */
export interface Request extends Omit<Exchange, "max" | "timeout"> {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly max?: number;
  readonly timeout?: number;
}

const usual = { max: 1 << 20, timeout: 30_000 };

/** ask sends a request and reads the answer; rejects with a `Failure` of status 0 when none comes, or one too large. */
export async function ask(env: Env, request: Request, role: Role): Promise<Answer> {
  try {
    return await exchange(env, { ...usual, ...request });
  } catch (cause) {
    throw new Failure(`${role}-unreachable`, `${request.method} ${request.url}`, 0, { cause });
  }
}
