/** What a browser's storage says when it fails, in our codes. */

import { KithError } from "../errors.ts";

/** failed returns the error of an action that a storage API refused. */
export function failed(action: string, cause: unknown): KithError {
  if (cause instanceof KithError) return cause;
  const name = cause instanceof Error ? cause.name : "";
  const code = name === "QuotaExceededError" ? "storage-full" : name === "VersionError" ? "newer-version" : "storage-unavailable";
  return new KithError(code, `${action}: ${name || String(cause)}`, { cause });
}
