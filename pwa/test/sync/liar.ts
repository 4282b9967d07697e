/** A relay that lies: a real one behind a proxy that changes what goes through. It lets no WebSocket through, so that all it carries are requests. */

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Told is an answer on its way back. */
export interface Told {
  readonly status: number;
  readonly body: Buffer;
}

/** Asking is a request on its way to the relay. */
export interface Asking {
  /** `leave` a message, `collect` messages, or something else. */
  readonly what: "leave" | "collect" | "other";
  readonly body: Buffer;
}

/** Lie makes an answer out of the true one, which `truth` asks for. */
export type Lie = (asking: Asking, truth: () => Promise<Told>) => Promise<Told>;

/** Liar passes requests on to a relay. */
export class Liar {
  /** What it does now; by itself it is honest. */
  lie: Lie = (_, truth) => truth();
  /** For how many seconds it holds a request open at most. */
  hold = 25;
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  }

  /** before stands before the relay at that URL. */
  static async before(relay: string): Promise<Liar> {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const liar = new Liar(server);
    server.on("request", async (asked, answer) => {
      const body = await whole(asked);
      const path = asked.url ?? "/";
      const what = asked.method === "POST" && path.startsWith("/s/") ? "leave" : asked.method === "GET" && path.startsWith("/q/") ? "collect" : "other";
      const truth = (): Promise<Told> => pass(relay, asked, what === "leave" ? path.replace(/wait=\d+$/, (wait) => `wait=${Math.min(liar.hold, Number(wait.slice(5)))}`) : path, body);
      // Who collects has asked long before a message comes: what is done with it is decided then.
      const collected = what === "collect" ? await truth().catch(() => undefined) : undefined;
      const told = await liar.lie({ what, body }, async () => collected ?? truth()).catch(() => ({ status: 502, body: Buffer.alloc(0) }));
      answer.writeHead(told.status, { "Access-Control-Allow-Origin": "*", "Content-Length": told.body.length }).end(told.body);
    });
    server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"));
    return liar;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function pass(relay: string, asked: IncomingMessage, path: string, body: Buffer): Promise<Told> {
  const passed = request(new URL(path, relay), { method: asked.method, headers: { ...asked.headers, host: new URL(relay).host }, agent: false });
  passed.end(body);
  const [answer] = (await once(passed, "response")) as [IncomingMessage];
  return { status: answer.statusCode ?? 502, body: await whole(answer) };
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** frames takes an answer to a collecting device apart, and `joined` puts it together. */
export function frames(body: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 4 <= body.length; at += 4 + body.readUInt32BE(at)) found.push(body.subarray(at + 4, at + 4 + body.readUInt32BE(at)));
  return found;
}

export function joined(all: readonly Buffer[]): Buffer {
  return Buffer.concat(all.flatMap((frame) => [Buffer.from([frame.length >>> 24, frame.length >>> 16, frame.length >>> 8, frame.length]), frame]));
}

/** flipped returns bytes of which one bit is another, somewhere in the middle. */
export function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const at = bytes.length >> 1;
  if (bytes.length > 0) changed[at] = (changed[at] ?? 0) ^ 4;
  return changed;
}
