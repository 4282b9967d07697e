/** What was given: a whole isolate, which stays, or a sign that would turn or end more than itself. */
const turning = /(\u2068[^\u202a-\u202e\u2066-\u2069]*\u2069)|[\u202a-\u202e\u2066-\u2069]/g;
const fromRight = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{1efff}]/u;

/** isolated returns messages in which each name, address or time that is put into one keeps a direction of its own
 * (UAX #9 §2.4.2, first strong isolate) and turns nothing beside it: in a language that runs from right to left each, in another those of such a script. */
export function isolated<T>(messages: T, which = fromRight): T {
  if (typeof messages === "function") return ((...given: readonly unknown[]): unknown => messages(...given.map((each) => apart(each, which)))) as T;
  if (typeof messages !== "object" || messages === null || Array.isArray(messages)) return messages;
  return Object.fromEntries(Object.entries(messages).map(([name, message]) => [name, isolated(message, which)])) as T;
}

function apart(given: unknown, which: RegExp): unknown {
  if (Array.isArray(given)) return given.map((each) => apart(each, which));
  if (typeof given !== "string") return given;
  const text = given.replace(turning, "$1");
  return which.test(text) ? `\u2068${text}\u2069` : text;
}
