/** A real photo as a camera would make it: a JPEG with an EXIF segment that tells where it was taken. */

import type { Page } from "playwright-core";

/** Shot says what photo to take. */
export interface Shot {
  readonly width: number;
  readonly height: number;
  /** Decides the picture: another seed, another picture. */
  readonly seed: number;
  /** Where it says that it was taken, in degrees. */
  readonly latitude: number;
  readonly longitude: number;
  /** A text that its EXIF carries as the camera's name. */
  readonly camera: string;
  /** How the camera was held (EXIF 2.3 §4.6.4 A): 1 upright, 6 turned by a quarter. */
  readonly orientation?: 1 | 3 | 6 | 8;
}

/** takePhoto draws shapes and noise in the page's own canvas, has the browser encode them, and puts the
 * EXIF segment in. It needs a page that has a secure context or about:blank. */
export async function takePhoto(page: Page, shot: Shot): Promise<Buffer> {
  const coded = await page.evaluate(draw, { width: shot.width, height: shot.height, seed: shot.seed });
  return withExif(Buffer.from(coded, "base64"), shot);
}

// Runs in the page.
async function draw(asked: { width: number; height: number; seed: number }): Promise<string> {
  let state = asked.seed >>> 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const canvas = new OffscreenCanvas(asked.width, asked.height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("take photo: no canvas");
  for (let i = 0; i < 60; i++) {
    context.fillStyle = `hsl(${random() * 360} 55% ${30 + random() * 50}%)`;
    context.beginPath();
    const radius = (0.05 + random() * 0.2) * asked.width;
    context.arc(random() * asked.width, random() * asked.height, radius, 0, 2 * Math.PI);
    context.fill();
  }
  const image = context.getImageData(0, 0, asked.width, asked.height);
  for (let i = 0; i < image.data.length; i++) {
    if (i % 4 !== 3) image.data[i] = (image.data[i] ?? 0) + (random() - 0.5) * 40;
  }
  context.putImageData(image, 0, 0);
  const jpeg = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 })).arrayBuffer());
  return btoa(Array.from(jpeg, (byte) => String.fromCharCode(byte)).join(""));
}

/** withExif returns the JPEG with an APP1 segment right after its start (EXIF 2.3 §4.5.4). */
function withExif(jpeg: Buffer, shot: Shot): Buffer {
  if (jpeg.readUInt16BE(0) !== 0xffd8) throw new Error("take photo: not a JPEG");
  const body = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff(shot)]);
  const header = Buffer.alloc(4);
  header.writeUInt16BE(0xffe1, 0);
  header.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), header, body, jpeg.subarray(2)]);
}

/** Field is one entry of an image file directory (TIFF 6.0 §2): a tag, a type, a count and a value, which
 * stands apart when it has more than four bytes. */
interface Field {
  readonly tag: number;
  readonly type: 2 | 3 | 4 | 5; // ASCII, SHORT, LONG, RATIONAL
  readonly count: number;
  readonly value: Buffer;
}

// The TIFF block, little-endian: header, first directory, GPS directory.
function tiff(shot: Shot): Buffer {
  const header = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);
  const first = (gps: number): Buffer =>
    directory(8, [ascii(0x0110, shot.camera), short(0x0112, shot.orientation ?? 1), long(0x8825, gps)]);
  const gpsAt = 8 + first(0).length;
  const gps = directory(gpsAt, [
    ascii(0x0001, shot.latitude < 0 ? "S" : "N"),
    degrees(0x0002, shot.latitude),
    ascii(0x0003, shot.longitude < 0 ? "W" : "E"),
    degrees(0x0004, shot.longitude),
  ]);
  return Buffer.concat([header, first(gpsAt), gps]);
}

function directory(at: number, fields: readonly Field[]): Buffer {
  const table = Buffer.alloc(2 + 12 * fields.length + 4);
  table.writeUInt16LE(fields.length, 0);
  const apart: Buffer[] = [];
  let end = at + table.length;
  fields.forEach(({ tag, type, count, value }, i) => {
    const entry = 2 + 12 * i;
    table.writeUInt16LE(tag, entry);
    table.writeUInt16LE(type, entry + 2);
    table.writeUInt32LE(count, entry + 4);
    if (value.length <= 4) {
      value.copy(table, entry + 8);
      return;
    }
    table.writeUInt32LE(end, entry + 8);
    const even = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.alloc(1)]);
    apart.push(even);
    end += even.length;
  });
  return Buffer.concat([table, ...apart]);
}

function ascii(tag: number, value: string): Field {
  const coded = Buffer.from(`${value}\0`, "latin1");
  return { tag, type: 2, count: coded.length, value: coded };
}

function short(tag: number, value: number): Field {
  const coded = Buffer.alloc(2);
  coded.writeUInt16LE(value);
  return { tag, type: 3, count: 1, value: coded };
}

function long(tag: number, value: number): Field {
  const coded = Buffer.alloc(4);
  coded.writeUInt32LE(value);
  return { tag, type: 4, count: 1, value: coded };
}

// Degrees, minutes and hundredths of a second, each a fraction.
function degrees(tag: number, value: number): Field {
  const hundredths = Math.round(Math.abs(value) * 360_000);
  const parts = [
    [Math.floor(hundredths / 360_000), 1],
    [Math.floor(hundredths / 6_000) % 60, 1],
    [hundredths % 6_000, 100],
  ] as const;
  const coded = Buffer.alloc(24);
  parts.forEach(([over, under], i) => {
    coded.writeUInt32LE(over, 8 * i);
    coded.writeUInt32LE(under, 8 * i + 4);
  });
  return { tag, type: 5, count: 3, value: coded };
}
