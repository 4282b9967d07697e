import { expect } from "vitest";
import { b64u, type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { cancel, type Net, post, type Posted, relayInfo } from "../../src/core/relay/client.ts";
import { Conversation, describes } from "../../src/core/relay/direct.ts";
import { readMessage, replyFrame } from "../../src/core/relay/frames.ts";
import { postThrough } from "../../src/core/relay/hop.ts";
import type { Line } from "../../src/core/relay/line.ts";
import { Mailbox } from "../../src/core/relay/mailbox.ts";
import { pollLine } from "../../src/core/relay/poll.ts";
import { generate, pointOf, whole } from "../../src/core/webid/key.ts";
import { octets, values, writing, written } from "./mutate.ts";
import { bears } from "./oracle.ts";

// What a relay says: anybody may run one, and a friend's relay is of the friend's choosing.

const url = "https://relay.example/";
const id = new Uint8Array(16).fill(3);
const message = join(Uint8Array.of(1), id, id, Uint8Array.of(1), Uint8Array.of(0, 0, 0, 0, 0x6a, 0, 0, 0), utf8("sealed"));
const key = b64u(whole(pointOf((await generate("agree")).kid)));
const info = { relay: 1, key, queues: "work", bits: 16, challenge: "abc", app: true, message: 1 << 20, ttl: 86_400 };
const missing = (): never => {
  throw new Error("nothing else is asked for");
};

/** net is a network in which everybody answers this. Nothing is waited for. */
function net(status: number, body: Bytes | string, headers: Record<string, string> = {}): Net {
  const random = (length: number): Bytes => new Uint8Array(length);
  const fetch = async (): Promise<Response> => new Response(status === 204 || status === 304 ? null : body, { status, headers });
  return { now: () => 0, random, fetch, after: () => () => undefined, socket: missing };
}

const done = (posted: Posted): unknown => expect(Object.keys(posted).length).toBeGreaterThan(0);
const statuses = [200, 202, 204, 401, 404, 429, 500, 507];

bears("messages on their way to a device", { kind: octets, samples: [message, replyFrame(id, utf8("x"))], read: readMessage, holds: (read) => read === undefined || expect(Number.isSafeInteger(read.expires)).toBe(true) });
bears("what a relay is", { kind: values, samples: [info], read: (value) => relayInfo(net(200, written(value)), url), holds: (read) => "refused" in read || expect(read.bits).toBeLessThanOrEqual(32) });
bears("what a relay is, as bytes", { kind: octets, samples: [utf8(JSON.stringify(info))], read: (body) => relayInfo(net(200, body), url) });
bears("what a relay does with a message", { kind: octets, samples: [utf8('{"cancel":"abc"}')], read: async (body) => Promise.all(statuses.map((status) => post(net(status, body), url, id, id, 0))), holds: (all) => all.forEach(done) });
bears("for how long a relay wants to be left alone", {
  kind: writing, samples: ["7", "0", "86400"], read: (after) => post(net(429, "", { "Retry-After": after.replace(/[^ -~]/g, "") }), url, id, id, 0),
  holds: (read) => "refused" in read && (read.retryAfter === undefined || expect(read.retryAfter >= 1000 && read.retryAfter <= 86_400_000).toBe(true)),
});
bears("whether a message was taken back", { kind: octets, samples: [utf8("{}")], read: (body) => cancel(net(204, body), url, id, "token") });
bears("what comes back through another relay", {
  kind: octets, samples: [new Uint8Array(200)], share: 25,
  read: async (body) => postThrough(net(200, body), "https://other.example/", { url, key: whole(pointOf((await generate("agree")).kid)) }, id, id, 0), holds: done,
});

/** heard lets a mailbox hear frames over a line, and returns what it tells. */
function heard(frames: readonly (string | Bytes)[]): unknown[] {
  const told: unknown[] = [];
  const socket = { send: () => undefined, close: () => undefined, readyState: 1, OPEN: 1 } as unknown as WebSocket;
  const mailbox = new Mailbox({ ...net(200, ""), socket: () => socket }, url, [{ queue: "q", token: id }], {
    message: (each) => told.push(each), subscribed: (queue, waiting) => told.push(queue, waiting), refused: (queue) => told.push(queue), state: (state) => told.push(state),
  });
  mailbox.start();
  socket.onopen?.(new Event("open"));
  for (const data of frames) socket.onmessage?.({ data: typeof data === "string" ? data : data.slice().buffer } as MessageEvent);
  mailbox.stop();
  return told;
}
const told = [{ sub: "q", waiting: 1 }, { refused: "q" }, { claimed: b64u(id) }, { gone: b64u(id) }, { pong: 3 }, { done: 1 }, { failed: 2, error: "x" }];
bears("what a relay tells a mailbox", { kind: values, samples: told, read: (value) => heard([written(value)]) });
bears("what a relay tells a mailbox as text", { kind: writing, samples: told.map((each) => JSON.stringify(each)), read: (text) => heard([text]) });
bears("what a relay hands to a mailbox", { kind: octets, samples: [message], read: (frame) => heard([frame, frame]) });

/** polled lets a line without a socket collect once, and returns what it hears. */
async function polled(body: Bytes): Promise<unknown[]> {
  const all: unknown[] = [];
  let answers = 0;
  let line: Line | undefined;
  await new Promise<void>((resolve) => {
    const fetch = async (): Promise<Response> => (++answers === 1 ? new Response(body) : (resolve(), new Response(null, { status: 404 })));
    const ended = (): void => resolve();
    line = pollLine({ ...net(200, body), fetch }, url, [{ queue: "q", token: id }], { opened: () => undefined, heard: (frame) => all.push(frame), ended });
  });
  line?.close();
  return all;
}
const sized = (frame: Bytes): Bytes => join(Uint8Array.of(0, 0, 0, frame.length), frame);
bears("what a relay hands out by requests", { kind: octets, samples: [join(sized(message), sized(message)), sized(utf8("{}"))], read: polled });

/** spoken lets a conversation hear frames of a friend's device, and returns what it was asked. */
async function spoken(frame: Bytes): Promise<readonly Bytes[]> {
  const asked: Bytes[] = [];
  const one = new Conversation(net(200, ""), async (each) => (asked.push(each), each), () => undefined);
  one.over({ send: () => undefined, close: () => undefined, waiting: () => 0 });
  one.events.opened();
  for (let i = 0; i < 3; i++) one.events.heard(frame);
  one.close();
  return asked;
}
const asks = (kind: number, length: number, rest: Bytes): Bytes => join(Uint8Array.of(kind, 0, 0, 0, 1, 0, 0, 0, length), rest);
bears("what a friend's device says directly", { kind: octets, samples: [asks(1, 6, utf8("sealed")), asks(1, 18, utf8("sealed")), asks(2, 6, utf8("sealed")), asks(3, 0, new Uint8Array(0))], read: spoken });
bears("how a friend's device describes itself", { kind: writing, samples: ["v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=candidate:1 1 udp 1 127.0.0.1 1 typ host\r\n"], read: describes });
