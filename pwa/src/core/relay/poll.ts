/**
 * A line to a relay over plain requests, for networks that let no WebSocket through: each queue is asked for its messages with a
 * request that the relay holds open, and what goes to the relay is posted.
 */

import { b64u, type Bytes, readText, utf8 } from "../bytes.ts";
import { parse, string } from "../json.ts";
import { ask, refused } from "./client.ts";
import { readMessage } from "./frames.ts";
import type { Line, OpenLine } from "./line.ts";

/** Seconds that the relay holds a request open, and what the network may take besides, in milliseconds. */
const hold = 25;
const patience = 15_000;

/** pollLine opens a line that ends with the first request that fails. */
export const pollLine: OpenLine = (net, url, subscriptions, events) => {
  const end = new AbortController();
  const { signal } = end;
  const queues = new Map<string, string>();
  const tokens = new Map(subscriptions.map(({ queue, token }) => [queue, b64u(token)]));

  const rest = (milliseconds: number): Promise<void> => new Promise((resolve) => {
    const stop = net.after(milliseconds, resolve);
    signal.addEventListener("abort", () => (stop(), resolve()), { once: true });
  });

  /** request collects messages, after so many seconds at most, or posts a frame. A relay that asks for patience gets it: a message that it has
   * handed over it would not hand to another line for a while. */
  const request = async (queue: string, frame: number | string | Bytes): Promise<Bytes | undefined> => {
    const type = typeof frame === "string" ? "application/json" : "application/octet-stream";
    const headers = { Authorization: `Bearer ${tokens.get(queue) ?? ""}`, ...(typeof frame === "number" ? {} : { "Content-Type": type }) };
    const asked = typeof frame === "number"
      ? ask(net, { method: "GET", url: `${url}q/${queue}?wait=${frame}`, headers, timeout: frame * 1000 + patience, signal })
      : ask(net, { method: "POST", url: `${url}q/${queue}`, headers, body: typeof frame === "string" ? utf8(frame) : frame, signal });
    const answer = await asked;
    const { status, bytes } = answer;
    if (signal.aborted) return undefined;
    if (status === 200) return bytes;
    if (status === 429) {
      await rest(refused(answer).retryAfter ?? patience);
      return signal.aborted ? undefined : request(queue, frame);
    }
    if (status === 401 || status === 404) events.heard(JSON.stringify({ refused: queue }));
    else close(true);
    return undefined;
  };

  const close = (tell: boolean): void => {
    if (signal.aborted) return;
    end.abort();
    if (tell) events.ended();
  };

  const poll = async (queue: string): Promise<void> => {
    for (let told = false; !signal.aborted; told = true) {
      const bytes = await request(queue, told ? hold : 0);
      if (bytes === undefined) return;
      const frames = split(bytes);
      if (!told) events.heard(JSON.stringify({ sub: queue, waiting: frames.length }));
      for (const frame of frames) {
        const id = readMessage(frame)?.id;
        if (id === undefined) continue;
        queues.set(id, queue);
        events.heard(frame);
      }
    }
  };

  const send: Line["send"] = (frame) => {
    const queue = queueOf(frame, queues);
    if (queue === undefined) return;
    void request(queue, frame).then((bytes) => bytes && events.heard(readText(bytes) ?? ""));
  };

  void Promise.resolve().then(() => {
    events.opened();
    for (const { queue } of subscriptions) void poll(queue);
  });
  return { send, close: () => close(false) };
};

/** queueOf returns whither a frame goes; a subscription goes nowhere, since each request names its queue. */
function queueOf(frame: string | Bytes, queues: ReadonlyMap<string, string>): string | undefined {
  if (typeof frame !== "string") return queues.get(b64u(frame.subarray(1, 17)));
  const told = parse(frame);
  const id = string(told?.claim ?? told?.ack ?? told?.decline ?? told?.release);
  return id === undefined ? string(told?.queue) : queues.get(id);
}

/** split takes frames apart, each after its length of four bytes. */
function split(bytes: Bytes): readonly Bytes[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames: Bytes[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) break;
    frames.push(bytes.slice(at + 4, end));
    at = end;
  }
  return frames;
}
