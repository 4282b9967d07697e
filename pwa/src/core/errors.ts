/** Codes of everything that can fail in a way a person should hear about; the message files translate each. */
export type ErrorCode =
  | "bad-link" | "link-used" | "too-many-devices" | "link-of-other-kind" | "own-invite"
  | "no-pod" | "pod-unreachable" | "pod-refused" | "pod-owned-by-other" | "pod-full" | "pod-not-told" | "not-taken"
  | "waiting" | "asleep" | "no-reach" | "no-relay" | "relay-unreachable" | "relay-refused" | "relay-full" | "no-wake"
  | "friend-unreachable" | "friend-refused" | "not-there-any-more" | "behind"
  | "storage-full" | "storage-unavailable" | "not-persistent" | "newer-version"
  | "picture-unreadable" | "picture-too-large" | "too-long" | "empty"
  | "keys-refused" | "clock-off" | "not-started" | "already-started" | "no-such" | "bug";

/** An error with a stable code. `message` is for builders and never shown to a person. */
export class KithError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KithError";
    this.code = code;
  }
}
