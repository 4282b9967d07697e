/** Random names: base32 in lower case, the alphabet of labels and contact ids (protocol §1.1). */

/** Random returns that many random bytes. */
export type Random = (count: number) => Uint8Array<ArrayBuffer>;

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** randomName returns `length` characters of five random bits each. */
export function randomName(random: Random, length: number): string {
  return Array.from(random(length), (byte) => alphabet[byte & 31]).join("");
}
