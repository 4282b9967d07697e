/** The server of this repository: the real binary with a data folder of its own. KITH_BINARY names another. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "./port.ts";
import { run } from "./process.ts";
import type { Credentials, Server } from "./server.ts";

const binary = process.env["KITH_BINARY"] ?? fileURLToPath(new URL("../../../bin/kith", import.meta.url));

/** Kith adds what its owner can do on the command line. */
export interface Kith extends Server {
  /** credentials adds credentials under that label, and returns them with their id for revoke. */
  credentials(name: string, label: string): Promise<Credentials>;
  /** command runs `kith WORDS… --data DIR` and returns what it prints. */
  command(...words: readonly string[]): Promise<string>;
}

/** startKith starts a server; `name` names its log, and `trusted` are the host:port on this machine that it may ask over http. */
export async function startKith(name: string, trusted: readonly string[] = []): Promise<Kith> {
  const folder = await mkdtemp(join(tmpdir(), "kith-apps-"));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const fetches = trusted.flatMap((each) => ["--fetch", each]);
  const args = ["serve", "--data", folder, "--listen", `127.0.0.1:${port}`, "--url", url, ...fetches];
  const clear = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  const running = await run(name, binary, args, "listening on ").catch(async (error: unknown) => {
    await clear();
    throw error;
  });
  const command = async (...words: readonly string[]): Promise<string> =>
    (await promisify(execFile)(binary, [...words, "--data", folder])).stdout;
  const credentials = async (person: string, label: string): Promise<Credentials> => {
    const told = lineOf(await command("credentials", "add", person, "--label", label));
    return { id: text(told, "client_id"), secret: text(told, "client_secret") };
  };
  return {
    kind: "kith",
    url,
    command,
    credentials,
    async person(name) {
      const told = lineOf(await command("person", "add", name));
      const found = await credentials(name, "apps");
      return { name, pod: text(told, "pod"), webid: text(told, "webid"), issuer: text(told, "issuer"), credentials: found };
    },
    async allowPublic(person, path) {
      await command("classes", "allow", person.name, path);
    },
    async close() {
      await running.end();
      await clear();
    },
  };
}

function lineOf(output: string): Record<string, unknown> {
  return JSON.parse(output) as Record<string, unknown>;
}

function text(told: Record<string, unknown>, key: string): string {
  const value = told[key];
  if (typeof value !== "string") throw new Error(`kith said no ${key}: ${JSON.stringify(told)}`);
  return value;
}
