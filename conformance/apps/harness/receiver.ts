/** An address that servers may post to and fetch from, and what has come there. */

import { createServer } from "node:http";

export interface Receiver {
  readonly url: string;
  readonly bodies: readonly string[];
  close(): Promise<void>;
}

/** startReceiver listens on the loopback and answers every request with 200: with the document of that path, if there is one. */
export function startReceiver(documents: ReadonlyMap<string, object> = new Map()): Promise<Receiver> {
  const bodies: string[] = [];
  const server = createServer((req, res) => {
    let body = "";
    req.on("data", (part) => (body += String(part)));
    req.on("end", () => {
      bodies.push(body);
      res.setHeader("content-type", "application/ld+json");
      res.end(JSON.stringify(documents.get(req.url ?? "")));
    });
  });
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("start receiver: no port"));
      resolve({ url: `http://localhost:${address.port}/`, bodies, close });
    });
  });
}
