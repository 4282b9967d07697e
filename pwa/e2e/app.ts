/** Another app, as its own host serves it: one page at an origin of its own, and a document that says who it is. */

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { build } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";
import type { Albums, Outcome } from "./albums/main.ts";
import type { Scene } from "./harness.ts";

declare const albums: Albums;

/** OtherApp is a running one. */
export interface OtherApp {
  /** Its origin. */
  readonly origin: string;
  /** The host and port of that origin. */
  readonly host: string;
  /** The address of its client identifier document (Solid-OIDC §clientids-document). */
  readonly document: string;
  close(): Promise<void>;
}

/** openApp builds the app and serves it on a port of its own. */
export async function openApp(scene: Scene): Promise<OtherApp> {
  const folder = join(scene.folder, "albums");
  await build({
    configFile: false,
    root: fileURLToPath(new URL("./albums/", import.meta.url)),
    publicDir: false,
    logLevel: "warn",
    base: "./",
    plugins: [viteSingleFile()],
    build: { target: "es2023", outDir: folder, emptyOutDir: false, reportCompressedSize: false },
  });
  const page = await readFile(join(folder, "index.html"));
  const server = createServer((request, response) => {
    if (request.url !== "/id") return void response.setHeader("Content-Type", "text/html").end(page);
    response.setHeader("Content-Type", "application/ld+json").end(JSON.stringify({
      "@context": ["https://www.w3.org/ns/solid/oidc-context.jsonld"],
      client_id: `${origin}/id`,
      client_name: "Albums by document",
      // Only what runs on the person's own machine may send them back there (RFC 8252 §7.3).
      application_type: "native",
      redirect_uris: [`${origin}/`],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      scope: "openid offline_access webid",
      token_endpoint_auth_method: "none",
    }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const origin = `http://${host}`;
  return {
    origin, host, document: `${origin}/id`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** signIn goes from the app to the host that vouches, and returns the address that the host was asked at. */
export async function signIn(page: Page, app: OtherApp, issuer: string, clientId?: string): Promise<string> {
  await page.goto(app.origin);
  const asked = page.waitForRequest((request) => request.url().startsWith(`${issuer}/authorize?`));
  await page.evaluate(([to, id]) => void albums.signIn(to, id), [issuer, clientId] as const);
  return (await asked).url();
}

/** outcome waits until the page is back at the app and returns what came of it. */
export async function outcome(page: Page, app: OtherApp): Promise<Outcome> {
  await page.waitForURL((url) => url.origin === app.origin);
  await page.waitForFunction(() => "albums" in globalThis);
  return page.evaluate(() => albums.outcome());
}

/** asApp asks a pod as the app that is signed in. */
export function asApp(page: Page, method: string, url: string, body?: string): Promise<{ readonly status: number; readonly body: string }> {
  return page.evaluate(([how, where, what]) => albums.ask(how, where, what), [method, url, body] as const);
}
