/**
 * Community Solid Server as npm installs it, in its default configuration, which keeps everything in
 * memory. It has no setting for the address it listens on, so it listens on a socket in a folder of
 * its own, and a port of the loopback leads there.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server as Listener, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, type Running } from "./process.ts";
import type { Person, Server } from "./server.ts";
import { until } from "./until.ts";

const program = fileURLToPath(new URL("../node_modules/@solid/community-server/bin/server.js", import.meta.url));

/** RunningCSS is where a started server answers, and its end. */
export interface RunningCSS {
  readonly url: string;
  close(): Promise<void>;
}

export async function startCSS(): Promise<RunningCSS> {
  const folder = await mkdtemp(join(tmpdir(), "kith-css-"));
  const socket = join(folder, "http");
  const door = await openDoor(socket);
  const url = `http://localhost:${door.port}`;
  let running: Running | undefined;
  const close = async (): Promise<void> => {
    await running?.end();
    await door.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    running = await run("css", process.execPath, [program, "--socket", socket, "--baseUrl", `${url}/`], "Listening to server");
    await until(async () => (await fetch(`${url}/`).catch(() => undefined))?.ok === true);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** onCSS is the running server as the tests ask for it. */
export function onCSS(url: string): Server {
  return {
    kind: "css",
    url,
    person: (name) => register(url, name),
    async allowPublic() {},
    async close() {},
  };
}

interface Controls {
  readonly password: { readonly create: string };
  readonly account: { readonly pod: string; readonly clientCredentials: string };
}

/** register makes an account, a pod and client credentials through the server's own account interface. */
async function register(url: string, name: string): Promise<Person> {
  const unique = `${name}-${crypto.randomUUID().slice(0, 8)}`;
  const { authorization } = (await ask(`${url}/.account/account/`, "", {})) as { authorization: string };
  const { controls } = (await ask(`${url}/.account/`, authorization)) as { controls: Controls };
  await ask(controls.password.create, authorization, { email: `${unique}@example.org`, password: unique });
  const { pod, webId } = (await ask(controls.account.pod, authorization, { name: unique })) as { pod: string; webId: string };
  const made = await ask(controls.account.clientCredentials, authorization, { name: "apps", webId });
  const { id, secret } = made as { id: string; secret: string };
  return { name: unique, pod, webid: webId, issuer: `${url}/`, credentials: { id, secret } };
}

async function ask(url: string, authorization: string, body?: object): Promise<unknown> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (authorization !== "") headers["authorization"] = `CSS-Account-Token ${authorization}`;
  const init: RequestInit = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(url, init);
  if (!answer.ok) throw new Error(`ask ${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** openDoor leads a port of the loopback to a socket. */
async function openDoor(socket: string): Promise<{ port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const door = createServer((from) => {
    const to = connect(socket);
    for (const [one, other] of [[from, to], [to, from]] as const) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => open.delete(one));
      one.pipe(other);
    }
  });
  const port = await listen(door);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      door.close(() => resolve());
      for (const each of open) each.destroy();
    });
  return { port, close };
}

function listen(door: Listener): Promise<number> {
  return new Promise((resolve, reject) => {
    door.once("error", reject);
    door.listen(0, "127.0.0.1", () => {
      const address = door.address();
      if (address === null || typeof address === "string") return reject(new Error("open door: no port"));
      resolve(address.port);
    });
  });
}
