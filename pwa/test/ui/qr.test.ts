import { encode } from "uqr";
import { expect, test } from "vitest";
import { codeOf } from "../../src/ui/qr.ts";

/** What an independent library makes of the same text at the same level and mask. */
function theirs(text: string): boolean[][] {
  return encode(text, { ecc: "L", boostEcc: false, maskPattern: 0, border: 0 }).data;
}

/** How many bytes each version holds at level L (ISO/IEC 18004 table 7). */
const most = [17, 32, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520, 586, 644, 718, 792, 858];

test.each(most)("the fullest code of %i bytes, and the next larger one, are those of the library", (length) => {
  for (const n of [length, Math.min(length + 1, 858)]) {
    // Digits and capitals alone would make the library choose a denser mode: the text ends in "a".
    const text = `${Array.from({ length: n - 1 }, (_, i) => String.fromCharCode(33 + ((i * 37 + n * 11) % 90))).join("")}a`;
    expect(codeOf(text)).toEqual(theirs(text));
  }
});

test("a name in another script is taken as its bytes", () => {
  expect(codeOf("ليلى 李小龙")).toEqual(theirs("ليلى 李小龙"));
});

test("a text that no version holds is refused", () => {
  expect(codeOf("a".repeat(858))).toHaveLength(97);
  expect(codeOf("a".repeat(859))).toBeUndefined();
});
