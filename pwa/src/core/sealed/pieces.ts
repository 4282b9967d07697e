/**
 * Large representations, which come in several answers: each is a request of its own with `Range` and `If-Range`, so that what was
 * lost on the way is asked for again alone (docs/protocol.md, Sealed requests).
 */

import { type Bytes, join } from "../bytes.ts";
import { KithError } from "../errors.ts";
import type { SealedResponse } from "./answer.ts";
import type { SealedRequest } from "./request.ts";

/** How much a responder answers at once, in bytes. */
const pieceLength = 512 << 10;
/** How often a representation may change while it is read. */
const changes = 3;

type Ask = (request: SealedRequest) => Promise<SealedResponse>;

/** inPieces asks with `ask` until a representation is there whole; what was asked by `Range` stays as it is answered. Rejects with
 * `behind` when it changes again and again, with `not-taken` when it has more than `max` bytes or the answers do not fit together,
 * and with the errors of `ask`. */
export async function inPieces(request: SealedRequest, max: number, ask: Ask): Promise<SealedResponse> {
  let first = await ask(request);
  for (let i = 0; i < changes; i++) {
    if (request.method !== "GET" || request.headers.has("Range") || first.status !== 206) return first;
    const came = await rest(request, first, max, ask);
    if ("whole" in came) return came.whole;
    first = came.changed;
  }
  throw new KithError("behind", "ask in pieces: it changes while it is read");
}

/** rest asks for what follows the first piece; `changed` is the answer that is of another representation. */
async function rest(request: SealedRequest, first: SealedResponse, max: number, ask: Ask): Promise<{ readonly whole: SealedResponse } | { readonly changed: SealedResponse }> {
  const tag = first.headers.get("ETag") ?? "";
  const { total } = spanOf(first, 0, max);
  const parts: Bytes[] = [first.bytes];
  for (let next = first.bytes.length; next < total; ) {
    const headers = new Headers({ "Range": `bytes=${next}-${Math.min(next + pieceLength, total) - 1}`, "If-Range": tag });
    const seen = request.headers.get("Kith-Seen");
    if (seen !== null) headers.set("Kith-Seen", seen);
    const piece = await ask({ ...request, headers });
    if (piece.status !== 206 || piece.headers.get("ETag") !== tag) return { changed: piece };
    if (spanOf(piece, next, max).total !== total) throw misfit("its length changes");
    parts.push(piece.bytes);
    next += piece.bytes.length;
  }
  const headers = new Headers(first.headers);
  headers.delete("Content-Range");
  return { whole: { status: 200, headers, bytes: join(...parts) } };
}

/** spanOf reads which bytes of how many an answer holds (RFC 9110 §14.4), which begin at `at`. */
function spanOf({ headers, bytes }: SealedResponse, at: number, max: number): { readonly total: number } {
  const [, first, last, total] = (/^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers.get("Content-Range") ?? "") ?? []).map(Number);
  if (first !== at || last === undefined || total === undefined || last - first + 1 !== bytes.length || last >= total || bytes.length === 0) throw misfit("its range is another");
  if (total > max) throw misfit("it is too long");
  if (!/^".*"$/.test(headers.get("ETag") ?? "")) throw misfit("it has no strong tag");
  return { total };
}

function misfit(why: string): KithError {
  return new KithError("not-taken", `ask in pieces: ${why}`);
}
