/** A browser whose camera looks at a code. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { encode } from "uqr";

const side = 480;

/** lookingAt starts a browser, outside of any profile, whose camera shows a text as a QR code on a grey wall.
 * The film lies in `folder`. */
export async function lookingAt(text: string, folder: string): Promise<Browser> {
  const film = join(folder, "camera.y4m");
  await writeFile(film, filmOf(text));
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`],
  });
}

/** Two equal frames of YUV4MPEG2, the raw format that Chromium's fake camera plays in a loop. */
function filmOf(text: string): Buffer {
  const { data, size } = encode(text, { ecc: "L", border: 4 });
  const scale = Math.floor((side * 0.8) / size);
  const margin = Math.floor((side - size * scale) / 2);
  const light = Buffer.alloc(side * side, 170);
  data.forEach((row, y) => row.forEach((dark, x) => {
    for (let line = 0; line < scale; line += 1) {
      const from = (margin + y * scale + line) * side + margin + x * scale;
      light.fill(dark ? 30 : 235, from, from + scale);
    }
  }));
  const frame = [Buffer.from("FRAME\n"), light, Buffer.alloc((side * side) / 2, 128)];
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${side} H${side} F5:1 Ip A1:1 C420jpeg\n`), ...frame, ...frame]);
}
