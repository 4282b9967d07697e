/** The real binary on a port of the loopback, with a data folder of its own that is removed at the end. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The binary that `make kith` builds, unless another is named. */
export const binary = process.env.KITH_BINARY ?? fileURLToPath(new URL("../../../bin/kith", import.meta.url));

/** Person is what `kith person add` prints. */
export interface Person {
  readonly name: string;
  readonly pod: string;
  readonly issuer: string;
  readonly pair: string;
}

/** Host is one `kith serve`. */
export class Host {
  readonly url: string;
  readonly folder: string;
  private process: ChildProcess | undefined;
  private lines = "";

  private readonly more: readonly string[];

  private constructor(folder: string, port: number, more: readonly string[]) {
    this.folder = folder;
    this.more = more;
    this.url = `http://localhost:${port}`;
  }

  /** open starts a host over an empty folder; `more` goes to `kith serve`. */
  static async open(...more: readonly string[]): Promise<Host> {
    const host = new Host(await mkdtemp(join(tmpdir(), "kith-unit-")), await freePort(), more);
    await host.start();
    return host;
  }

  /** start starts it, over what the folder holds. */
  async start(): Promise<void> {
    const listen = `127.0.0.1:${new URL(this.url).port}`;
    const child = spawn(binary, ["serve", "--data", this.folder, "--listen", listen, "--url", this.url, ...this.more], { stdio: ["ignore", "pipe", "pipe"] });
    this.process = child;
    this.lines = "";
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`start host: silent\n${this.lines}`)), 60_000);
      const heard = (line: string): void => {
        this.lines += `${line}\n`;
        if (!line.startsWith("listening on ")) return;
        clearTimeout(late);
        resolve();
      };
      for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", heard);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`start host: exit ${code}\n${this.lines}`)));
    });
  }

  /** stop ends it and waits until it has ended. */
  async stop(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }

  /** person makes one more person. */
  async person(name: string): Promise<Person> {
    const { stdout } = await promisify(execFile)(binary, ["person", "add", name, "--data", this.folder, "--url", this.url]);
    return JSON.parse(stdout) as Person;
  }

  /** pair makes a new pairing link for a person. */
  async pair(name: string): Promise<string> {
    const { stdout } = await promisify(execFile)(binary, ["pair", name, "--data", this.folder, "--url", this.url]);
    const link = /\S+#pair=\S+/.exec(stdout)?.[0];
    if (link === undefined) throw new Error(`pair: no link in\n${stdout}`);
    return link;
  }

  /** close stops it and removes the folder. */
  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** freePort returns a port of the loopback that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
