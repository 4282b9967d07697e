/**
 * QR codes of links (ISO/IEC 18004:2015): bytes only, error correction level L, versions 1 to 20 (858 bytes),
 * always with mask 0. Any mask is valid, and a link that is mostly random needs no choice among them. A
 * library that does all of the standard is three times the size; the tests hold this one against it.
 */

/** Error-correction bytes in each block, and blocks, by version (table 9). */
const correction = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28];
const blocks = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8];

/** Level L and mask 0, with their own correction bits and mask (§7.9). */
const format = 0b111011111000100;

/** Code is a square of modules by row; true is dark. There is no margin. */
export type Code = readonly (readonly boolean[])[];

/** codeOf returns the code of a text; undefined when the text is too long for one. */
export function codeOf(text: string): Code | undefined {
  const bytes = new TextEncoder().encode(text);
  for (let version = 1; version <= correction.length; version += 1) {
    const room = modulesFor(version) / 8 - at(correction, version) * at(blocks, version);
    if (bytes.length + (version < 10 ? 2 : 3) <= Math.floor(room)) {
      return drawn(version, interleaved(version, padded(bytes, version, Math.floor(room))));
    }
  }
  return undefined;
}

const at = (table: readonly number[], version: number): number => table[version - 1] ?? 0;

/** Modules that are left for bytes and their correction (§7.1). */
function modulesFor(version: number): number {
  const patterns = version < 2 ? 0 : Math.floor(version / 7) + 2;
  const alignment = version < 2 ? 0 : (25 * patterns - 10) * patterns - 55;
  return (16 * version + 128) * version + 64 - alignment - (version < 7 ? 0 : 36);
}

/** Mode, length, bytes and filling (§7.4). */
function padded(bytes: Uint8Array, version: number, room: number): Uint8Array {
  const bits: number[] = [];
  const put = (value: number, length: number): void => {
    for (let i = length - 1; i >= 0; i -= 1) bits.push((value >> i) & 1);
  };
  put(0b0100, 4);
  put(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  put(0, 4);
  const filled = Uint8Array.from({ length: room }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8).join(""), 2) || 0);
  for (let i = bits.length / 8, odd = false; i < room; i += 1, odd = !odd) filled[i] = odd ? 0x11 : 0xec;
  return filled;
}

/** Splits into blocks, appends to each its correction, and takes from all in turn (§7.6). */
function interleaved(version: number, bytes: Uint8Array): number[] {
  const n = at(blocks, version);
  const short = Math.floor(bytes.length / n);
  const divisor = divisorOf(at(correction, version));
  const parts = Array.from({ length: n }, (_, i) => {
    const long = n - (bytes.length % n);
    const start = i * short + Math.max(0, i - long);
    return bytes.slice(start, start + short + (i < long ? 0 : 1));
  });
  const across = (list: readonly Uint8Array[], length: number): number[] =>
    Array.from({ length }, (_, i) => list.flatMap((part) => part[i] ?? [])).flat();
  return [...across(parts, short + 1), ...across(parts.map((part) => remainder(part, divisor)), divisor.length)];
}

/** Product in GF(2^8) with the polynomial 0x11d (§7.5.2). */
function times(a: number, b: number): number {
  let product = 0;
  for (let i = 7; i >= 0; i -= 1) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((b >> i) & 1) * a);
  return product;
}

function divisorOf(degree: number): Uint8Array {
  const divisor = new Uint8Array(degree);
  divisor[degree - 1] = 1;
  for (let i = 0, root = 1; i < degree; i += 1, root = times(root, 2)) {
    for (let j = 0; j < degree; j += 1) divisor[j] = times(divisor[j] ?? 0, root) ^ (divisor[j + 1] ?? 0);
  }
  return divisor;
}

function remainder(bytes: Uint8Array, divisor: Uint8Array): Uint8Array {
  const rest = new Uint8Array(divisor.length);
  for (const byte of bytes) {
    const factor = byte ^ (rest[0] ?? 0);
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    divisor.forEach((each, i) => { rest[i] = (rest[i] ?? 0) ^ times(each, factor); });
  }
  return rest;
}

function drawn(version: number, bytes: readonly number[]): Code {
  const size = 17 + 4 * version;
  const dark = Array.from({ length: size }, () => Array.from<boolean | undefined>({ length: size }));
  const set = (x: number, y: number, on: boolean): void => {
    if (dark[y] !== undefined && x >= 0 && x < size) dark[y][x] = on;
  };
  drawPatterns(version, size, set);
  drawBytes(size, bytes, dark);
  return dark.map((row) => row.map((on) => on === true));
}

type Setter = (x: number, y: number, on: boolean) => void;

/** Everything that is where it is whatever the text (§6.3, §7.9, §7.10). */
function drawPatterns(version: number, size: number, set: Setter): void {
  for (let i = 0; i < size; i += 1) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  const places = alignmentsOf(version, size);
  const last = places.length - 1;
  places.forEach((x, i) => places.forEach((y, j) => {
    const corner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
    if (!corner) square(x, y, 2, (ring) => ring !== 1, set);
  }));
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]] as const) square(x, y, 4, (ring) => ring !== 2 && ring !== 4, set);
  drawFormat(size, set);
  if (version >= 7) drawVersion(version, size, set);
}

function alignmentsOf(version: number, size: number): number[] {
  if (version === 1) return [];
  const n = Math.floor(version / 7) + 2;
  const step = Math.ceil((size - 13) / (2 * n - 2)) * 2;
  return [6, ...Array.from({ length: n - 1 }, (_, i) => size - 7 - step * (n - 2 - i))];
}

function square(x: number, y: number, reach: number, on: (ring: number) => boolean, set: Setter): void {
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) set(x + dx, y + dy, on(Math.max(Math.abs(dx), Math.abs(dy))));
  }
}

function drawFormat(size: number, set: Setter): void {
  for (let i = 0; i < 15; i += 1) {
    const on = ((format >> i) & 1) === 1;
    const near = i < 6 ? i : i < 8 ? i + 1 : i === 8 ? 7 : 14 - i;
    if (i < 8) set(8, near, on);
    else set(near, 8, on);
    if (i < 8) set(size - 1 - i, 8, on);
    else set(8, size - 15 + i, on);
  }
  set(8, size - 8, true);
}

function drawVersion(version: number, size: number, set: Setter): void {
  let rest = version;
  for (let i = 0; i < 12; i += 1) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let i = 0; i < 18; i += 1) {
    const on = ((bits >> i) & 1) === 1;
    const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
    set(a, b, on);
    set(b, a, on);
  }
}

/** Up and down in columns of two, from the right, over what is free (§7.7.3), under mask 0 (§7.8). */
function drawBytes(size: number, bytes: readonly number[], dark: (boolean | undefined)[][]): void {
  let i = 0;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    const up = ((right + 1) & 2) === 0;
    for (let n = 0; n < size; n += 1) {
      const y = up ? size - 1 - n : n;
      for (const x of [right, right - 1]) {
        const row = dark[y];
        if (row === undefined || row[x] !== undefined) continue;
        row[x] = ((((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === 1) !== ((x + y) % 2 === 0);
        i += 1;
      }
    }
  }
}
