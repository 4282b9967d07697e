/** A search of raw bytes in every file below some folders: what is really gone is not in it. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Needle is something to search for: a name to report it by and the byte strings that betray it. */
export interface Needle {
  readonly name: string;
  readonly forms: readonly Uint8Array[];
}

/** Hit is one file that holds one form of one needle, at its first place. */
export interface Hit {
  readonly needle: string;
  readonly file: string;
  readonly at: number;
}

/** text makes a needle of a text as browsers and servers keep it: UTF-8, Latin-1 (how V8 writes a string
 * that fits), UTF-16 in both byte orders (IndexedDB's values and keys), base64 at each of the three
 * alignments, and hexadecimal. */
export function text(value: string): Needle {
  const utf8 = Buffer.from(value, "utf8");
  const utf16 = Buffer.from(value, "utf16le");
  const forms = [utf8, utf16, Buffer.from(utf16).swap16(), ...base64(utf8), Buffer.from(utf8.toString("hex"))];
  if (/^[\u0000-\u00ff]*$/.test(value)) forms.push(Buffer.from(value, "latin1"));
  return { name: `text ${JSON.stringify(value)}`, forms };
}

/** bytes makes a needle of `count` slices of `length` bytes, spread evenly over the bytes. A slice that is
 * too regular to be found only there is an error: take another part. */
export function bytes(name: string, whole: Uint8Array, count = 8, length = 24): Needle {
  if (whole.length < count * length) throw new Error(`make needle ${name}: ${whole.length} bytes are too few`);
  const step = Math.floor(whole.length / count);
  const forms = Array.from({ length: count }, (_, i) => {
    const from = i * step + Math.floor((step - length) / 2);
    return whole.slice(from, from + length);
  });
  for (const form of forms) {
    if (new Set(form).size < length / 3) throw new Error(`make needle ${name}: a slice repeats itself`);
  }
  return { name, forms };
}

// What base64 of a longer text contains whatever comes before and after: the
// characters that depend on our bytes alone.
function base64(utf8: Buffer): Buffer[] {
  return [0, 1, 2].map((before) => {
    const coded = Buffer.concat([Buffer.alloc(before), utf8]).toString("base64");
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor(((before + utf8.length) * 8) / 6);
    return Buffer.from(coded.slice(first, last));
  });
}

/** rawSearch reads every file below the folders and returns where a needle is, in a file's bytes or in its
 * name. It fails when it read no file, so that a wrong folder does not pass for a clean one. */
export async function rawSearch(folders: readonly string[], needles: readonly Needle[]): Promise<Hit[]> {
  const hits: Hit[] = [];
  for (const folder of folders) {
    let read = 0;
    for await (const file of files(folder)) {
      const content = await readFile(file).catch(gone);
      if (content === undefined) continue;
      read++;
      hits.push(...found(file, Buffer.concat([Buffer.from(`${file}\n`), content]), needles));
    }
    if (read === 0) throw new Error(`search ${folder}: no file in it`);
  }
  return hits;
}

function found(file: string, content: Buffer, needles: readonly Needle[]): Hit[] {
  const hits: Hit[] = [];
  for (const { name, forms } of needles) {
    const at = forms.map((form) => content.indexOf(form)).find((index) => index >= 0);
    if (at !== undefined) hits.push({ needle: name, file, at: at - Buffer.byteLength(file) - 1 });
  }
  return hits;
}

async function* files(folder: string): AsyncGenerator<string> {
  for (const entry of (await readdir(folder, { withFileTypes: true }).catch(gone)) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.isFile()) yield path;
  }
}

// A running browser removes files of its own while they are read.
function gone(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
