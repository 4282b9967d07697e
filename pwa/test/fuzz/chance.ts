/** Seeded chance: the same seed gives the same inputs, wherever and whenever they are made. */

import type { Bytes } from "../../src/core/bytes.ts";

/** Chance is a generator of 32 bits at a time (Bob Jenkins' sfc32). */
export class Chance {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #count = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let i = 0; i < 12; i++) this.next();
  }

  next(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** below returns a whole number from 0 up to `end`, exclusive; 0 where there is none. */
  below(end: number): number {
    return end <= 1 ? 0 : this.next() % end;
  }

  /** of returns an element of a list that is not empty. */
  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T;
  }

  bytes(length: number): Bytes {
    return Uint8Array.from({ length }, () => this.next());
  }
}

/** seedOf returns a seed for a name, so that each target has its own. */
export function seedOf(name: string, run: number): number {
  return [...name].reduce((sum, c) => Math.imul(sum ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5 ^ run);
}
