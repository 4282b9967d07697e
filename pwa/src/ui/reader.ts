/** Reads QR codes from pictures of the camera, where the browser cannot: a part of its own, loaded when it is
 * wanted. */

import { decodeQR } from "qr/decode.js";

/** readCode returns the text of the code in a picture; undefined when there is none that can be read. */
export function readCode({ width, height, data }: Pick<ImageData, "width" | "height" | "data">): string | undefined {
  try {
    return decodeQR({ width, height, data });
  } catch {
    // The library throws for every picture without a code.
    return undefined;
  }
}
