/** What an answer means to the one who asked, as an error with a code. */

import { type ErrorCode, KithError } from "../errors.ts";

/** Role is whose pod was asked: the owner's own or a friend's. */
export type Role = "pod" | "friend";

/** Failure is an answer that was not the one hoped for, or none: then `status` is 0. */
export class Failure extends KithError {
  readonly status: number;
  /** Milliseconds after which the server wants to be asked again (RFC 9110 §10.2.3). */
  readonly retryAfter: number | undefined;
  /** The device list by which a pod does not know this device any more. */
  readonly deviceList: string | undefined;
  constructor(code: ErrorCode, what: string, status: number, more?: { readonly retryAfter?: number | undefined; readonly deviceList?: string | undefined; readonly cause?: unknown }) {
    super(code, `${what}: ${status === 0 ? "no answer" : status}`, { cause: more?.cause });
    this.name = "Failure";
    this.status = status;
    this.retryAfter = more?.retryAfter;
    this.deviceList = more?.deviceList;
  }
}

const day = 86_400_000;

const codes: Readonly<Record<number, Readonly<Record<Role, ErrorCode>>>> = {
  0: { pod: "pod-unreachable", friend: "friend-unreachable" },
  401: { pod: "pod-refused", friend: "friend-refused" },
  403: { pod: "pod-refused", friend: "friend-refused" },
  404: { pod: "not-there-any-more", friend: "not-there-any-more" },
  410: { pod: "not-there-any-more", friend: "not-there-any-more" },
  413: { pod: "picture-too-large", friend: "friend-refused" },
  429: { pod: "behind", friend: "behind" },
  503: { pod: "behind", friend: "behind" },
  507: { pod: "pod-full", friend: "friend-unreachable" },
};

/** codeOf returns the code of a status: what is not known counts as no answer from 500 up, else as a refusal of this one request. */
export function codeOf(status: number, role: Role): ErrorCode {
  const known = codes[status]?.[role];
  if (known !== undefined) return known;
  if (status >= 500) return `${role}-unreachable`;
  return role === "pod" ? "not-taken" : "friend-refused";
}

/** retryAfter reads the header of that name, seconds or a date: at most a day, whatever it says, and what a timer can count. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const value = headers.get("Retry-After");
  if (value === null) return undefined;
  const at = /^\d{1,9}$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.min(day, Math.max(0, at - now));
}

/** statusOf returns the status of a failure, undefined for any other error. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Failure ? error.status : undefined;
}

/** retryAfterOf returns how many milliseconds the server asked to be left alone; undefined when it did not. */
export function retryAfterOf(error: unknown): number | undefined {
  return error instanceof Failure ? error.retryAfter : undefined;
}
