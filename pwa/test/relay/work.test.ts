import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { Bytes } from "../../src/core/bytes.ts";
import { work } from "../../src/core/relay/work.ts";

const after = (milliseconds: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
};

it("finds what another implementation of SHA-256 accepts, for challenges of any length", async () => {
  for (const length of [0, 1, 31, 32, 47, 48, 55, 56, 64, 100]) {
    const challenge = crypto.getRandomValues(new Uint8Array(length)) as Bytes;
    const nonce = await work({ after }, challenge, 10);
    const digest = createHash("sha256").update(challenge).update(nonce).digest();
    expect(nonce).toHaveLength(8);
    expect(digest.readUInt32BE(0) >>> 22).toBe(0);
  }
});

it("rests often, and stops when it is told", async () => {
  let rests = 0;
  const end = new AbortController();
  const counting = { after: (milliseconds: number, run: () => void) => {
    if (++rests === 3) end.abort();
    return after(milliseconds, run);
  } };
  await expect(work(counting, new Uint8Array(32), 33, end.signal)).rejects.toThrow("aborted");
  expect(rests).toBe(3);
});

it("is done in seconds for the work that relays ask", async () => {
  const start = Date.now();
  const nonce = await work({ after }, new Uint8Array(32), 18);
  const digest = createHash("sha256").update(new Uint8Array(32)).update(nonce).digest();
  expect(digest.readUInt32BE(0) >>> 14).toBe(0);
  console.log(`18 bits: ${Date.now() - start} ms`);
});
