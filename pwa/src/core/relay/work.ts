/**
 * Proof of work, by which a relay that is open to all makes queues dear (docs/protocol.md, Relays): the SHA-256 of the
 * challenge and a nonce begins with so many zero bits.
 *
 * WebCrypto answers each digest with a promise, which is a hundred times slower than this for short texts.
 */

import type { Env } from "../env.ts";
import { type Bytes, join } from "../bytes.ts";

const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0;

/** constants returns those of SHA-256, which the first 64 primes make (FIPS 180-4 §4.2.2, §5.3.3). */
function constants(): { readonly rounds: Int32Array; readonly initial: Int32Array } {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return { rounds: Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime))), initial: Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))) };
}

/** Digests between two rests, so that a page stays responsive: about 10 ms. */
const slice = 4096;

/** work finds a nonce of 8 bytes for a challenge; rejects with the signal's reason. */
export async function work(env: Pick<Env, "after">, challenge: Bytes, bits: number, signal?: AbortSignal): Promise<Bytes> {
  const hashed = new Hash(join(challenge, new Uint8Array(8)));
  const at = challenge.length;
  for (let counter = 0; ; counter++) {
    hashed.set(at + 4, counter);
    if (hashed.zeros() >= bits) return hashed.take(at, 8);
    if (counter % slice !== slice - 1) continue;
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => void env.after(0, resolve));
  }
}

/** Hash is a message that is hashed again and again with small changes. */
class Hash {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #words = new Int32Array(64);
  readonly #state = new Int32Array(8);
  readonly #constants = constants();

  /** The message is padded once (FIPS 180-4 §5.1.1). */
  constructor(message: Bytes) {
    this.#bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
    this.#bytes.set(message);
    this.#bytes[message.length] = 0x80;
    this.#view = new DataView(this.#bytes.buffer);
    this.#view.setUint32(this.#bytes.length - 4, message.length * 8);
  }

  set(at: number, value: number): void {
    this.#view.setUint32(at, value);
  }

  take(at: number, length: number): Bytes {
    return this.#bytes.slice(at, at + length);
  }

  /** zeros returns how many zero bits the digest begins with, at most 32. */
  zeros(): number {
    this.#state.set(this.#constants.initial);
    for (let at = 0; at < this.#bytes.length; at += 64) this.#block(at);
    return Math.clz32(this.#state[0] ?? 0);
  }

  /** block takes in 64 bytes (FIPS 180-4 §6.2.2). */
  #block(start: number): void {
    const [w, h, { rounds }] = [this.#words, this.#state, this.#constants];
    for (let i = 0; i < 16; i++) w[i] = this.#view.getInt32(start + i * 4);
    for (let i = 16; i < 64; i++) {
      const [a, b] = [w[i - 15] as number, w[i - 2] as number];
      const low = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
      const high = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
      w[i] = (w[i - 16] as number) + low + (w[i - 7] as number) + high;
    }
    let [a, b, c, d, e, f, g, k] = h as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const one = (k + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + (rounds[i] as number) + (w[i] as number)) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [k, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, k].forEach((word, i) => (h[i] = (h[i] as number) + word));
  }
}

function turn(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
