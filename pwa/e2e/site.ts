/** The pages that browser tests bring along, and a host that hands files out. */

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const types: Readonly<Record<string, string>> = { html: "text/html", js: "text/javascript", webmanifest: "application/manifest+json", svg: "image/svg+xml", png: "image/png" };

/** Site is a host of files on a free port. */
export interface Site {
  /** "http://localhost:PORT/" */
  readonly url: string;
  /** close ends its connections too. It may be called again. */
  close(): Promise<void>;
}

/** openSite serves for each path, given without its first slash, the file that `find` names, as `change` makes it; what is not there is 404. */
export async function openSite(find: (path: string) => string | undefined, change: (path: string, content: Buffer) => Buffer | string = (_, content) => content): Promise<Site> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    const file = find(path) ?? "";
    readFile(file).then(
      (content) => response.setHeader("Content-Type", types[extname(file).slice(1)] ?? "text/plain").end(change(path, content)),
      () => response.writeHead(404).end(),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** buildPage builds the page in e2e/NAME/ into one file under the app's own policy, INTO/NAME/index.html, and returns its path. */
export async function buildPage(name: string, into: string): Promise<string> {
  const outDir = join(into, name);
  await build({
    configFile: fileURLToPath(new URL("../vite.page.config.ts", import.meta.url)),
    root: fileURLToPath(new URL(`./${name}/`, import.meta.url)),
    publicDir: false,
    logLevel: "warn",
    build: { outDir },
  });
  return join(outDir, "index.html");
}

/** openPages builds pages and serves each at its name. */
export async function openPages(into: string, ...names: readonly string[]): Promise<Site> {
  const files = new Map<string, string>();
  for (const name of names) files.set(name, await buildPage(name, into));
  return openSite((path) => files.get(path));
}
