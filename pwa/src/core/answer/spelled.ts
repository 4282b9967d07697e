/** How a pod spells things, so that a phone spells them alike: JSON, media types, dates. */

/** spelledJSON writes a value as JSON in which nothing can be taken for markup. Members that are undefined are left out. */
export function spelledJSON(value: unknown): string {
  return unmarked(JSON.stringify(value));
}

/** compactJSON writes JSON that is well formed without the space between its parts, and otherwise as it stands. */
export function compactJSON(text: string): string {
  return unmarked(text.replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g, (_all, quoted: string | undefined) => quoted ?? ""));
}

function unmarked(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, unicode);
}

function unicode(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** essence returns a media type without its parameters, in lower case; "" when it is none (RFC 9110 §8.3.1). */
export function essence(type: string): string {
  const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  const parameter = `${token}\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*")`;
  const found = new RegExp(`^\\s*(${token}/${token})\\s*(?:;\\s*(?:${parameter}\\s*)?)*$`).exec(type);
  return found?.[1]?.toLowerCase() ?? "";
}

/** httpDate writes milliseconds as HTTP does (RFC 9110 §5.6.7). */
export function httpDate(at: number): string {
  return new Date(at).toUTCString();
}

/** inSeconds writes milliseconds as RFC 3339 in whole seconds of UTC. */
export function inSeconds(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** byBytes orders texts as their UTF-8 is ordered. */
export function byBytes(a: string, b: string): number {
  if (a === b) return 0;
  for (let i = 0; ; ) {
    const [x, y] = [a.codePointAt(i), b.codePointAt(i)];
    if (x !== y) return (x ?? -1) - (y ?? -1);
    i += (x ?? 0) > 0xffff ? 2 : 1;
  }
}
