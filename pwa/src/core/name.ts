/** What the name of a person, circle, device or app is made of, whoever gives it: nothing that is not seen, and nothing that turns the words around it. */

/** What is taken out: controls, those of direction too, and what is drawn as nothing (UTS #55 §2, UAX #9 §2). A joiner stays within a word and
 * between emoji, and what makes an emoji of a sign after that sign. */
const unseen = /(?<![\p{L}\p{M}\p{Emoji}\ufe0f])\p{Join_C}|\p{Join_C}(?![\p{L}\p{Emoji}])|(?<!\p{Emoji})\ufe0f|(?![\p{Join_C}\ufe0f])\p{DI}|[\p{Bidi_C}\p{Cc}\p{Cs}]/gu;

/** tidied returns a name as it may be shown; empty when nothing of it would be seen. */
export function tidied(name: string): string {
  return name.normalize("NFC").replace(unseen, "").replace(/[\p{Z}\u2800]+/gu, " ").trim();
}

/** named is `tidied` for a name that stands already; one that nobody would see is shown as a question mark. */
export function named(name: string): string {
  return tidied(name) || "?";
}

/** alike tells whether a person would take two names for the same: whatever their case, width, spaces and joiners. */
export function alike(one: string, other: string): boolean {
  return skeleton(one) === skeleton(other);
}

function skeleton(name: string): string {
  return tidied(name).normalize("NFKC").replace(/[\p{DI}\p{Z}]/gu, "").toUpperCase().toLowerCase();
}
