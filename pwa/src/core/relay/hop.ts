/**
 * The outer hop: another relay forwards a message, so that the queue's relay does not see whence it comes and the other not
 * whither it goes (docs/protocol.md, Relays).
 *
 *     to forward   enc 65 | sealed to the queue's relay: send 24, wait u8, message
 *     back         nonce 12 | AES-128-GCM under an exported key: status u16, length u32, body, zeros
 */

import type { Answer } from "../bounded.ts";
import { type Bytes, join, utf8 } from "../bytes.ts";
import { compressed, didOf } from "../webid/key.ts";
import { encapsulate } from "../webid/hpke.ts";
import { ask, type Net, type Posted, posted } from "./client.ts";

/** A queue's relay, as the outer hop knows it. */
export interface Beyond {
  /** Its URL with the slash at the end. */
  readonly url: string;
  /** Its public point, as `RelayInfo.key`. */
  readonly key: Bytes;
}

const nothing = new Uint8Array(0);
const longestWait = 25;
/** In the place of a wait: the message is a cancel token. */
const cancels = 255;
const patience = 20_000;

/** postThrough leaves a message at a relay through another, like `post`. */
export async function postThrough(net: Net, via: string, to: Beyond, send: Bytes, message: Bytes, wait: number, signal?: AbortSignal): Promise<Posted> {
  return posted(await hop(net, via, to, { send, wait: Math.min(longestWait, wait), message, signal }));
}

/** cancelThrough takes a message back that was left through another relay, like `cancel`. */
export async function cancelThrough(net: Net, via: string, to: Beyond, send: Bytes, token: string): Promise<boolean> {
  const { status } = await hop(net, via, to, { send, wait: cancels, message: utf8(token) });
  return status === 204 || status === 404;
}

interface Hop {
  readonly send: Bytes;
  readonly wait: number;
  readonly message: Bytes;
  readonly signal?: AbortSignal | undefined;
}

/** hop returns what the relay beyond answered; 502 when the one between did not bring it. */
async function hop(net: Net, via: string, to: Beyond, { send, wait, message, signal }: Hop): Promise<Answer> {
  const { enc, seal, derive } = await encapsulate(didOf(compressed(to.key)), utf8("kith hop 1"));
  const body = join(enc, await seal(join(send, Uint8Array.of(wait), message), nothing));
  const headers = { "Kith-Forward": to.url };
  const answer = await ask(net, { method: "POST", url: `${via}f`, headers, body, timeout: longestWait * 1000 + patience, signal });
  if (answer.status !== 200) return answer;
  return (await opened(await derive(utf8("kith hop answer 1"), 16), answer.bytes)) ?? { ...answer, status: 502 };
}

async function opened(raw: Bytes, sealed: Bytes): Promise<Answer | undefined> {
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.slice(0, 12) }, key, sealed.slice(12)).catch(() => undefined);
  if (plain === undefined || plain.byteLength < 6) return undefined;
  const view = new DataView(plain);
  const length = view.getUint32(2);
  if (6 + length > plain.byteLength) return undefined;
  return { status: view.getUint16(0), headers: new Headers(), bytes: new Uint8Array(plain, 6, length) };
}
