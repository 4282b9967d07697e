import { createServer } from "node:net";

/** freePort returns a port of the loopback that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("find port: no address"));
      server.close(() => resolve(address.port));
    });
  });
}
