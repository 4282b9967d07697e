/** Asking a relay over HTTP: what it is, leaving a message, taking it back, making a queue (docs/protocol.md, Relays). */

import type { Env } from "../env.ts";
import { b64u, type Bytes, fromB64u } from "../bytes.ts";
import { objectIn, string, whole } from "../json.ts";
import { type Answer, type Exchange, exchange } from "../bounded.ts";
import { compressed } from "../webid/key.ts";

/** Net is what a relay is asked with. */
export type Net = Pick<Env, "now" | "random" | "fetch" | "after" | "socket">;

/** RelayInfo is what a relay says of itself. */
export interface RelayInfo {
  /** The point that outer hops are sealed to, 65 bytes. */
  readonly key: Bytes;
  /** Who may make queues: all, whoever works for it, whoever was invited. */
  readonly queues: "open" | "work" | "invite";
  /** How much work. */
  readonly bits: number;
  readonly challenge: string;
  /** It serves the app at its own origin. */
  readonly app: boolean;
  /** The longest message, in bytes. */
  readonly message: number;
  /** How long it keeps a message, in seconds. */
  readonly ttl: number;
}

/** Refused is a relay that did not do as asked. */
export interface Refused {
  /** The HTTP status; 0 when there was no answer. */
  readonly refused: number;
  /** Milliseconds after which it may be asked again. */
  readonly retryAfter?: number | undefined;
}

/** Posted is what became of a message: answered at once, or kept for whoever reads the queue. With the cancel token it can be taken back. */
export type Posted = { readonly answer: Bytes } | { readonly cancel: string } | Refused;

/** Seconds that an answer may take, and around it what the network may take, in milliseconds. */
const longestWait = 25;
const patience = 15_000;

/** relayInfo asks a relay what it is. */
export async function relayInfo(net: Net, url: string, signal?: AbortSignal): Promise<RelayInfo | Refused> {
  const answer = await ask(net, { method: "GET", url: `${url}.well-known/kith-relay`, signal });
  if (answer.status !== 200) return refused(answer);
  return readInfo(answer.bytes) ?? { refused: 502 };
}

/** post leaves a message by a send id and waits so many seconds for its answer, at most 25. */
export async function post(net: Net, url: string, send: Bytes, message: Bytes, wait: number, signal?: AbortSignal): Promise<Posted> {
  const seconds = Math.min(longestWait, wait);
  return posted(await ask(net, { method: "POST", url: `${url}s/${b64u(send)}?wait=${seconds}`, body: message, timeout: seconds * 1000 + patience, signal }));
}

/** posted reads what a relay answers to a message. */
export function posted(answer: Answer): Posted {
  if (answer.status === 200) return { answer: answer.bytes };
  const cancel = answer.status === 202 ? string(objectIn(answer.bytes)?.cancel, 128) : undefined;
  return cancel === undefined ? refused(answer) : { cancel };
}

/** cancel takes a message back that nobody has read; true when the relay has it no more. */
export async function cancel(net: Net, url: string, send: Bytes, token: string): Promise<boolean> {
  const { status } = await ask(net, { method: "DELETE", url: `${url}s/${b64u(send)}`, headers: { "Kith-Cancel": token } });
  return status === 204 || status === 404;
}

function readInfo(bytes: Bytes): RelayInfo | undefined {
  const read = objectIn(bytes);
  const [key, queues, challenge] = [fromB64u(string(read?.key, 100) ?? ""), string(read?.queues), string(read?.challenge, 256) ?? ""];
  if (read?.relay !== 1 || key === undefined || !isPoint(key) || (queues !== "open" && queues !== "work" && queues !== "invite")) return undefined;
  const [bits, message, ttl] = [whole(read.bits) ?? 0, whole(read.message) ?? 0, whole(read.ttl) ?? 0];
  return bits > 32 ? undefined : { key, queues, bits, challenge, app: read.app === true, message, ttl };
}

function isPoint(bytes: Bytes): boolean {
  try {
    return compressed(bytes).length > 0;
  } catch {
    return false;
  }
}

/** Request is what a relay is asked; 15 seconds when no `timeout` is given. */
export interface Request extends Pick<Exchange, "url" | "headers" | "signal"> {
  readonly method: "GET" | "POST" | "DELETE";
  readonly body?: Bytes;
  readonly timeout?: number;
}

/** ask sends a request and reads the answer, at most 2 MiB; status 0 when none comes, or one too large. */
export function ask(net: Net, request: Request): Promise<Answer> {
  return exchange(net, { timeout: patience, ...request, max: 2 << 20 }).catch(() => ({ status: 0, headers: new Headers(), bytes: new Uint8Array(0) }));
}

/** refused returns a status as what a relay did not do. It is asked again after a second at least and a day at most, whatever it says. */
export function refused({ status, headers }: Answer): Refused {
  const seconds = Number(headers.get("Retry-After") ?? NaN);
  return Number.isNaN(seconds) ? { refused: status } : { refused: status, retryAfter: Math.min(86_400, Math.max(1, seconds)) * 1000 };
}
