/** Making a queue at a relay, with whatever that costs there (docs/protocol.md, Relays). */

import { b64u, type Bytes, fromB64u, sha256, utf8 } from "../bytes.ts";
import { objectIn, string } from "../json.ts";
import { ask, type Net, type Refused, refused, type RelayInfo, relayInfo } from "./client.ts";
import { work } from "./work.ts";

/** makeQueue makes a queue that the holders of these tokens read, with work or an operator's invite where the relay wants it. */
export async function makeQueue(net: Net, url: string, tokens: readonly Bytes[], more: { readonly invite?: string; readonly signal?: AbortSignal } = {}): Promise<{ readonly queue: string } | Refused> {
  const info = await relayInfo(net, url, more.signal);
  if ("refused" in info) return info;
  const hashes = await Promise.all(tokens.map(async (token) => b64u(await sha256(token))));
  const body = JSON.stringify({ tokens: hashes, ...(await fee(net, info, more)) });
  const answer = await ask(net, { method: "POST", url: `${url}q`, headers: { "Content-Type": "application/json" }, body: utf8(body), signal: more.signal });
  const queue = answer.status === 201 ? string(objectIn(answer.bytes)?.queue, 64) : undefined;
  return queue === undefined ? refused(answer) : { queue };
}

async function fee(net: Net, { queues, bits, challenge }: RelayInfo, { invite, signal }: { readonly invite?: string; readonly signal?: AbortSignal }): Promise<object> {
  if (queues === "open") return {};
  if (queues === "invite") return { invite: invite ?? "" };
  return { work: { challenge, nonce: b64u(await work(net, fromB64u(challenge) ?? new Uint8Array(0), bits, signal)) } };
}
