/** What is answered where a request is not carried out: the same bytes as a pod's (docs/protocol.md, What a phone answers). */

import { utf8 } from "../bytes.ts";
import type { SealedResponse } from "../sealed/answer.ts";

const details = {
  unauthenticated: [401, "Unauthorized", "Credentials are needed; WWW-Authenticate says whose, and what was wrong with any that came."],
  forbidden: [403, "Forbidden", "Access is denied."],
  invite: [404, "Not Found", "There is no such invite: it is used, or expired, or was never made."],
  absent: [404, "Not Found", "There is no such resource."],
  method: [405, "Method Not Allowed", "The method is not allowed here."],
  gone: [410, "Gone", "The position is no longer kept."],
  behind: [503, "Service Unavailable", "This pod lacks what has been seen elsewhere."],
  path: [400, "Bad Request", "The path names nothing that a pod can hold."],
  reserved: [400, "Bad Request", "The name is reserved."],
  type: [400, "Bad Request", "The Content-Type is not a media type."],
  untyped: [400, "Bad Request", "A Content-Type is needed."],
  part: [400, "Bad Request", "A part of a representation cannot be stored."],
  malformed: [400, "Bad Request", "The body is not well formed"],
  request: [400, "Bad Request", "The request is not understood here."],
  cursor: [400, "Bad Request", "This is no cursor of this feed."],
  conflict: [409, "Conflict", "The name collides with another one."],
  condition: [412, "Precondition Failed", "What is here is not what If-Match or If-None-Match asks for."],
  large: [413, "Request Entity Too Large", "The body is too large."],
  kind: [415, "Unsupported Media Type", "This device takes JSON-LD, and what is no graph."],
  range: [416, "Requested Range Not Satisfiable", "The range lies outside of the representation."],
  full: [507, "Insufficient Storage", "No space is left: on the disk, or of what this pod may hold."],
} as const satisfies Readonly<Record<string, readonly [number, string, string]>>;

/** Reason is why a request is refused. */
export type Reason = keyof typeof details;

/** Refusal ends a request with a problem detail (RFC 9457). `headers` go with it. */
export class Refusal extends Error {
  readonly reason: Reason;
  readonly headers: Readonly<Record<string, string>>;
  constructor(reason: Reason, headers: Readonly<Record<string, string>> = {}) {
    super(`answer: ${reason}`);
    this.name = "Refusal";
    this.reason = reason;
    this.headers = headers;
  }
}

/** problem returns the answer that says so. */
export function problem({ reason, headers }: Pick<Refusal, "reason" | "headers">): SealedResponse {
  const [status, title, detail] = details[reason];
  const body = `${JSON.stringify({ type: "about:blank", title, status, detail })}\n`;
  return { status, headers: new Headers({ ...headers, "Content-Type": "application/problem+json" }), bytes: utf8(body) };
}
