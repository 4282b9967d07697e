import { encode } from "uqr";
import { expect, test } from "vitest";
import { readCode } from "../../src/ui/reader.ts";

/** A picture of a code, each module `scale` pixels wide, with light around it. */
function pictureOf(text: string, scale: number): Pick<ImageData, "width" | "height" | "data"> {
  const { data: code, size } = encode(text, { ecc: "L", border: 4 });
  const side = size * scale;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      if (code[Math.floor(y / scale)]?.[Math.floor(x / scale)] === true) data.fill(30, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return { width: side, height: side, data };
}

test.each([
  ["an invite", `https://ana.example/#i=${"AQkXb3Zq9rT1yLw7Hs2Vd8Nf4Gj6Mp0C".repeat(11)}`, 4],
  ["a pairing link", `http://localhost:8420/#pair=${"AYpc3N1ZXIiOiJodHRwOi8vbG9jYWxo".repeat(6)}`, 6],
  ["a short one", "https://a.example", 3],
])("the reader reads %s as another library writes it", (_name, link, scale) => {
  expect(readCode(pictureOf(link, scale))).toBe(link);
});

test("a picture without a code is no failure", () => {
  expect(readCode({ width: 200, height: 200, data: new Uint8ClampedArray(200 * 200 * 4).fill(255) })).toBeUndefined();
});
