/** Inputs that nobody would send who means well: samples of the right form, changed at one place or at several. */

import { type Bytes, join } from "../../src/core/bytes.ts";
import type { Chance } from "./chance.ts";

/** Kind is how inputs of one sort are changed. */
export interface Kind<T> {
  /** changed returns a sample with one change; `all` are the other samples. */
  readonly changed: (chance: Chance, sample: T, all: readonly T[]) => T;
  /** size returns of how many bytes an input is. */
  readonly size: (input: T) => number;
}

const maxInput = 64 << 10;
const numbers = [0, 1, 2, 3, 4, 7, 8, 16, 32, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];

/** octets changes bytes: flips, cuts, repeats, exchanges, and lengths that promise too much. */
export const octets: Kind<Bytes> = {
  size: ({ length }) => length,
  changed(chance, bytes, all) {
    const at = chance.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + chance.below(chance.of([2, 5, 40, 400])));
    const around = (between: Uint8Array): Bytes => join(bytes.subarray(0, at), between, bytes.subarray(end)).slice(0, maxInput);
    switch (chance.below(8)) {
      case 0: return bytes.map((byte, i) => (i === at ? byte ^ (1 << chance.below(8)) : byte));
      case 1: return bytes.map((byte, i) => (i === at ? chance.of(numbers) : byte));
      case 2: return bytes.slice(0, at);
      case 3: return around(new Uint8Array(0));
      case 4: return around(chance.bytes(chance.below(chance.of([3, 20, 300]))));
      case 5: return around(join(...Array.from({ length: 1 + chance.below(chance.of([4, 300])) }, () => bytes.subarray(at, end))));
      case 6: return around(new Uint8Array([4, 8][chance.below(2)] ?? 4).fill(chance.of([0, 0x7f, 0xff])));
      default: {
        const other = chance.of(all);
        const from = chance.below(other.length);
        return around(other.subarray(from, from + chance.below(other.length)));
      }
    }
  },
};

/** What has meant something else to a parser before. */
const pieces = [
  "", " ", "\t", "\n", "\r\n", "\0", "\ufeff", "\u2028", "\ud800", "\udc00", "\u202e", "é", "e\u0301", "𐀀", "%", "%00", "%2F", "%ff", "+", "..", "./", "../", "//", "\\",
  "?", "#", "#i=", "=", "&", ":", "@", "~", ".", "-", "_", "\"", "'", "<", ">", "<>", "{", "}", "[", "]", "{}", "[]", "null", "true", "-1", "0", "1e999", "9007199254740993", "0x10",
  "__proto__", "constructor", "https://", "http://[::1]/", "http://a@b/", "javascript:", "W/\"", "*", "a;q=0", "bytes=0-", "2026-11-22T20:00:00Z", "+275760-09-13T00:00:00Z", "-000001-01-01T00:00:00Z",
  "Sat, 13 Sep 275760 00:00:00 GMT", "AAAA", "did:key:zDn",
];

/** writing changes texts, also into such as are no Unicode. */
export const writing: Kind<string> = {
  size: (text) => Buffer.byteLength(text),
  changed(chance, text, all) {
    const at = chance.below(text.length + 1);
    const end = Math.min(text.length, at + chance.below(chance.of([2, 5, 40, 400])));
    const around = (between: string): string => (text.slice(0, at) + between + text.slice(end)).slice(0, maxInput);
    switch (chance.below(7)) {
      case 0: return around(String.fromCharCode(chance.below(128)));
      case 1: return around(String.fromCharCode(chance.below(1 << 16)));
      case 2: return text.slice(0, at);
      case 3: return around("");
      case 4: return around(chance.of(pieces));
      case 5: return around((text.slice(at, end) || chance.of(pieces)).repeat(1 + chance.below(chance.of([4, 300]))));
      default: {
        const other = chance.of(all);
        const from = chance.below(other.length);
        return around(other.slice(from, from + chance.below(other.length)));
      }
    }
  },
};

/** Values that are of another kind, or at the end of what their kind can be. */
const strange: readonly ((chance: Chance) => unknown)[] = [
  () => null, () => true, () => false, () => 0, () => -1, () => 0.5, () => -0, () => 1e308, () => 2 ** 53, () => 2 ** 53 - 1, () => 2 ** 31, () => "", () => [], () => ({}),
  (chance) => chance.of(pieces), (chance) => "x".repeat(chance.of([41, 65, 129, 256, 4097, 20_001])), (chance) => Array.from({ length: chance.of([9, 17, 65, 1000]) }, () => null),
  (chance) => nested(chance.of([2, 50, 300])), () => JSON.parse('{"__proto__":{"pod":"x"},"constructor":{},"toString":"x"}') as unknown,
];

function nested(depth: number): unknown {
  return Array.from({ length: depth }).reduce((inside) => [inside], 0 as unknown);
}

/** values changes what JSON can say, member by member. */
export const values: Kind<unknown> = {
  size: (value) => Buffer.byteLength(JSON.stringify(value) ?? ""),
  changed(chance, value, all) {
    const at = chance.below(2 + placesIn(value));
    return at === 0 ? other(chance, value, all) : changedAt(value, { left: at }, (old) => other(chance, old, all));
  },
};

function placesIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, each) => sum + 1 + placesIn(each), 0);
}

/** changedAt returns the value with the member changed that is counted down to; members may also vanish, double, or have another name. */
function changedAt(value: unknown, count: { left: number }, change: (old: unknown) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const inside = Object.entries(value).map(([name, each]) => [name, --count.left === 0 ? change(each) : changedAt(each, count, change)] as const);
  const kept = inside.filter(([, each]) => each !== gone);
  return Array.isArray(value) ? kept.map(([, each]) => each) : Object.fromEntries(kept);
}

const gone = Symbol("gone");

function other(chance: Chance, old: unknown, all: readonly unknown[]): unknown {
  const choice = chance.below(6);
  if (choice === 0) return gone;
  if (typeof old === "string" && choice < 4) return writing.changed(chance, old, [old, "https://pods.example/ana/"]);
  if (Array.isArray(old) && choice < 4) return [...old, ...old, chance.of(strange)(chance)];
  return choice === 4 ? somewhere(chance, chance.of(all)) : chance.of(strange)(chance);
}

/** somewhere returns a part of a value. */
function somewhere(chance: Chance, value: unknown): unknown {
  if (typeof value !== "object" || value === null || chance.below(3) === 0) return value;
  const inside: readonly unknown[] = Object.values(value);
  return inside.length === 0 ? value : somewhere(chance, chance.of(inside));
}

/** written returns the text of a changed value; a value that vanished is an empty text. */
export function written(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
