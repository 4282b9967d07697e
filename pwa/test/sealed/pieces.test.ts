import { expect, it } from "vitest";
import type { Bytes } from "../../src/core/bytes.ts";
import type { SealedResponse } from "../../src/core/sealed/answer.ts";
import { inPieces } from "../../src/core/sealed/pieces.ts";
import type { SealedRequest } from "../../src/core/sealed/request.ts";

const random = (count: number): Bytes => {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

/** responder answers as a responder does: at most 512 KiB at once. */
function responder(of: () => { readonly bytes: Bytes; readonly tag: string }) {
  const asked: string[] = [];
  const ask = async ({ headers }: SealedRequest): Promise<SealedResponse> => {
    const { bytes, tag } = of();
    asked.push(headers.get("Range") ?? "all");
    const ranged = headers.get("If-Range") === tag ? /bytes=(\d+)-(\d+)/.exec(headers.get("Range") ?? "") : null;
    const [first, last] = [Number(ranged?.[1] ?? 0), Math.min(Number(ranged?.[2] ?? Infinity), bytes.length - 1)];
    const end = Math.min(last + 1, first + (512 << 10));
    const part = bytes.slice(first, end);
    if (part.length === bytes.length) return { status: 200, headers: new Headers({ ETag: tag }), bytes };
    return { status: 206, headers: new Headers({ "ETag": tag, "Content-Range": `bytes ${first}-${end - 1}/${bytes.length}` }), bytes: part };
  };
  return { asked, ask };
}

const get: SealedRequest = { method: "GET", path: "/social/posts/1/movie.mp4", headers: new Headers(), body: new Uint8Array(0) };

it("puts a movie of 10 MB together", async () => {
  const bytes = random(10_000_001);
  const { ask, asked } = responder(() => ({ bytes, tag: '"1"' }));
  const { status, headers, bytes: came } = await inPieces(get, 1 << 24, ask);
  expect([status, headers.get("Content-Range"), came.length]).toEqual([200, null, bytes.length]);
  expect(Buffer.compare(came, bytes)).toBe(0);
  expect(asked.slice(0, 2)).toEqual(["all", "bytes=524288-1048575"]);
  expect(asked).toHaveLength(20);
});

it("asks once for what comes at once", async () => {
  const bytes = random(512 << 10);
  const { ask, asked } = responder(() => ({ bytes, tag: '"1"' }));
  expect((await inPieces(get, 1 << 20, ask)).status).toBe(200);
  expect(asked).toEqual(["all"]);
});

it("begins again with what changed while it was read, and gives up in the end", async () => {
  const versions = [random(1_500_000), random(1_400_000)];
  let asked = 0;
  const once = responder(() => (++asked <= 2 ? { bytes: versions[0] as Bytes, tag: '"1"' } : { bytes: versions[1] as Bytes, tag: '"2"' }));
  const { bytes, headers } = await inPieces(get, 1 << 24, once.ask);
  expect(headers.get("ETag")).toBe('"2"');
  expect(Buffer.compare(bytes, versions[1] as Bytes)).toBe(0);
  let tag = 0;
  const always = responder(() => ({ bytes: versions[0] as Bytes, tag: `"${++tag}"` }));
  await expect(inPieces(get, 1 << 24, always.ask)).rejects.toMatchObject({ code: "behind" });
});

it.each([
  ["more than may come", { "Content-Range": "bytes 0-9/99999999", "ETag": '"1"' }],
  ["a range from elsewhere", { "Content-Range": "bytes 10-19/100", "ETag": '"1"' }],
  ["a range of another length", { "Content-Range": "bytes 0-19/100", "ETag": '"1"' }],
  ["a range beyond the end", { "Content-Range": "bytes 0-9/5", "ETag": '"1"' }],
  ["no range", { ETag: '"1"' }],
  ["a weak tag", { "Content-Range": "bytes 0-9/100", "ETag": 'W/"1"' }],
  ["no tag", { "Content-Range": "bytes 0-9/100" }],
])("takes no %s", async (_, headers) => {
  const ask = async (): Promise<SealedResponse> => ({ status: 206, headers: new Headers(headers as Record<string, string>), bytes: random(10) });
  await expect(inPieces(get, 1 << 20, ask)).rejects.toMatchObject({ code: "not-taken" });
});

it("leaves what was asked by range as it is answered", async () => {
  const bytes = random(1_000_000);
  const { ask } = responder(() => ({ bytes, tag: '"1"' }));
  const { status, bytes: came } = await inPieces({ ...get, headers: new Headers({ "Range": "bytes=0-9", "If-Range": '"1"' }) }, 1 << 24, ask);
  expect([status, came.length]).toEqual([206, 10]);
});
