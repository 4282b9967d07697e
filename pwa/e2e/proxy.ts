/** A proxy before a host, that can be made to misbehave as broken servers, full disks and bad networks do. */

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Fault is what becomes of a request: it is passed on, or answered with a status and a body, or by a page where
 * none was asked for, or by half an answer. */
export type Fault = "none" | { readonly status: number } | "garbage" | "cut";

/** Proxy is told where to pass requests on to, and how to misbehave with those that the pattern names. */
export interface Proxy {
  readonly port: number;
  passTo(port: number): void;
  /** Requests whose method and path match, as in `PUT /mia/`, meet that fault from now on. */
  fault(kind: Fault, which?: RegExp): void;
  close(): Promise<void>;
}

/** openProxy returns a proxy that listens on the loopback. */
export async function openProxy(): Promise<Proxy> {
  let to = 0;
  let fault: Fault = "none";
  let which = /^/;
  const server = createServer((asked, answer) => {
    const faulty = fault !== "none" && which.test(`${asked.method} ${asked.url}`);
    if (faulty && typeof fault === "object") return void answer.writeHead(fault.status, cors(asked)).end("no");
    if (faulty && fault === "garbage") return void answer.writeHead(200, { ...cors(asked), "Content-Type": "text/html" }).end("<h1>Welcome to the hotel</h1>");
    pass(asked, answer, to, faulty);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    passTo: (port) => void (to = port),
    fault: (kind, pattern = /^/) => {
      [fault, which] = [kind, pattern];
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function cors({ headers }: IncomingMessage): Record<string, string> {
  return { "Access-Control-Allow-Origin": headers.origin ?? "*", "Access-Control-Allow-Headers": "*, Authorization" };
}

function pass(asked: IncomingMessage, answer: ServerResponse, port: number, cut: boolean): void {
  const { method, url, headers } = asked;
  const on = request({ host: "127.0.0.1", port, method, path: url, headers }, (from) => {
    answer.writeHead(from.statusCode ?? 502, from.headers);
    if (!cut) return void from.pipe(answer);
    from.once("data", (part: Buffer) => answer.write(part.subarray(0, part.length / 2), () => answer.destroy()));
  });
  on.once("error", () => answer.destroy());
  answer.once("close", () => on.destroy());
  asked.pipe(on);
}
