/**
 * Bodies that are too large for one message: they go in parts, each of which says where it begins (docs/protocol.md, Replicas).
 *
 *     Kith-Part: <offset>/<total>     answered 202 {"have": <bytes that are there>} until the last, which is answered as the whole
 */

import { objectIn, whole } from "../json.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import type { SealedRequest } from "../sealed/request.ts";

/** How much goes into one message, in bytes. */
const partLength = 192 << 10;

/** inParts sends a request whole, or in parts when its body is longer than one message takes; a part that got lost goes once more. */
export async function inParts(request: SealedRequest, ask: (request: SealedRequest) => Promise<SealedResponse>): Promise<SealedResponse> {
  const { body } = request;
  if (body.length <= partLength) return ask(request);
  for (let at = 0, turns = 0; turns < 2 * Math.ceil(body.length / partLength); turns++) {
    const headers = new Headers(request.headers);
    headers.set("Kith-Part", `${at}/${body.length}`);
    const response = await ask({ ...request, headers, body: body.slice(at, at + partLength) });
    const have = response.status === 202 ? whole(objectIn(response.bytes)?.have) : undefined;
    if (have === undefined) return response;
    at = have;
  }
  return ask(request);
}
