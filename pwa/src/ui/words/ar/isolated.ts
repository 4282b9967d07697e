/** isolated returns messages in which each name, address or time that is put into one keeps a direction of its own
 * (UAX #9 §2.4.2, first strong isolate): most of them run from left to right. */
export function isolated<T>(messages: T): T {
  if (typeof messages === "function") return ((...given: readonly unknown[]): unknown => messages(...given.map(apart))) as T;
  if (typeof messages !== "object" || messages === null || Array.isArray(messages)) return messages;
  return Object.fromEntries(Object.entries(messages).map(([name, message]) => [name, isolated(message)])) as T;
}

function apart(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(apart);
  return typeof given === "string" && given !== "" ? `\u2068${given}\u2069` : given;
}
