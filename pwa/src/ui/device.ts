/** Marks in a browser's description of itself, the first that is found counts. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Macintosh/, "Mac"],
  [/Windows/, "Windows"],
  [/CrOS/, "Chromebook"],
  [/Linux/, "Linux"],
];

/** deviceName returns what to call this device until its person names it, from `navigator.userAgent`. */
export function deviceName(userAgent: string): string {
  return kinds.find(([mark]) => mark.test(userAgent))?.[1] ?? "Web";
}
