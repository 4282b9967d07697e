/**
 * What the browser tests stand on: the real binary, real browser profiles, and a search of raw bytes.
 * Everything lies in one temporary folder a test file, removed at its end.
 */

import { spawn, execFile, type ChildProcess } from "node:child_process";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, type BrowserContext, type Page } from "playwright-core";

/** The binary that `make kith` builds, unless another is named. */
const binary = process.env["KITH_BINARY"] ?? fileURLToPath(new URL("../../bin/kith", import.meta.url));
const shots = fileURLToPath(new URL("../shots/", import.meta.url));

/** The built app as a file. */
export const builtFile = new URL("../dist/index.html", import.meta.url).href;

const startSeconds = 90;

/** Person is what `kith person add` prints: the addresses of one person's pod and the link that pairs it. */
export interface Person {
  readonly name: string;
  readonly pod: string;
  readonly webid: string;
  readonly issuer: string;
  readonly pair: string;
}

/** Host is one `kith serve`, with a data folder and an address of its own that survive its restarts. */
export interface Host {
  /** The base URL, without trailing slash. */
  readonly url: string;
  /** Where the process itself listens: the same, unless there is a proxy before it. */
  readonly port: number;
  /** The data folder. */
  readonly folder: string;
  /** What the running process has printed so far, both streams. */
  output(): string;
  person(name: string): Promise<Person>;
  /** A new pairing link for the pod of that name. */
  pair(name: string): Promise<string>;
  start(): Promise<void>;
  /** Ends it as a service manager does (SIGTERM) and asks that it exits with 0. */
  stop(): Promise<void>;
  /** Ends it as a power cut does. */
  kill9(): Promise<void>;
}

/** Scene is one test file's world. */
export interface Scene {
  /** A folder below which everything of the scene lies. */
  readonly folder: string;
  /** A started host; `before` is the port of a proxy through which alone it is reached, `fetches` the host and port
   * of a private address that it may read, `reach` the relays by which its pods are reached. */
  host(name: string, more?: { readonly before?: number; readonly fetches?: string; readonly reach?: readonly string[] }): Promise<Host>;
  /** A browser profile of its own, as a phone; close it and ask again by the same name to start it anew. */
  profile(name: string, screen?: Screen): Promise<BrowserContext>;
  /** The folder of a profile on disk. */
  profileFolder(name: string): string;
  /** Ends all that runs and removes the folder. */
  close(): Promise<void>;
}

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  /** The language that the device asks for, a BCP 47 tag; without it English. */
  readonly locale?: string;
}

export const phone: Screen = { width: 390, height: 844 };
export const desktop: Screen = { width: 1280, height: 800 };

export async function openScene(): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "kith-e2e-"));
  const hosts: RunningHost[] = [];
  const profiles = new Set<BrowserContext>();
  const profileFolder = (name: string): string => join(folder, "profiles", name);
  return {
    folder,
    profileFolder,
    async host(name, more = {}) {
      const host = new RunningHost(join(folder, "hosts", name), await freePort(), more);
      await mkdir(host.folder, { recursive: true });
      hosts.push(host);
      await host.start();
      return host;
    },
    async profile(name, screen = phone) {
      const context = await launch(profileFolder(name), screen);
      profiles.add(context);
      context.once("close", () => profiles.delete(context));
      return context;
    },
    async close() {
      await Promise.all([...profiles].map((context) => context.close()));
      await Promise.all(hosts.map((host) => host.kill9()));
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

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

class RunningHost implements Host {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly #more: readonly string[];
  #process: ChildProcess | undefined;
  #ended: Promise<string> = Promise.resolve("not started");
  #lines: string[] = [];

  constructor(folder: string, port: number, { before = port, fetches, reach = [] }: NonNullable<Parameters<Scene["host"]>[1]>) {
    this.folder = folder;
    this.port = port;
    const relays = reach.flatMap((url) => ["--reach", url, "--fetch", new URL(url).host]);
    this.#more = [...(fetches === undefined ? [] : ["--fetch", fetches]), ...relays];
    this.url = `http://localhost:${before}`;
  }

  output(): string {
    return this.#lines.join("\n");
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error("start host: it runs");
    const child = spawn(binary, ["serve", "--data", this.folder, "--listen", `127.0.0.1:${this.port}`, "--url", this.url, ...this.#more], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    this.#lines = [];
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(String(error)));
      child.once("close", (code, signal) => resolve(signal ?? `exit ${code}`));
    });
    await this.#listening(child);
  }

  async #listening(child: ChildProcess): Promise<void> {
    const heard = new Promise<"listening">((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        createInterface(stream).on("line", (line) => {
          this.#lines.push(line);
          if (line.startsWith("listening on ")) resolve("listening");
        });
      }
    });
    const { promise: late, clear } = after(startSeconds);
    const first = await Promise.race([heard, this.#ended, late]);
    clear();
    if (first === "listening") return;
    await this.kill9();
    throw new Error(`start host: ${first}\n${this.output()}`);
  }

  async stop(): Promise<void> {
    const how = await this.#end("SIGTERM");
    if (how !== "exit 0") throw new Error(`stop host: ${how}\n${this.output()}`);
  }

  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<string> {
    this.#process?.kill(signal);
    const how = await this.#ended;
    this.#process = undefined;
    return how;
  }

  async person(name: string): Promise<Person> {
    const args = ["person", "add", name, "--data", this.folder, "--url", this.url];
    const { stdout } = await promisify(execFile)(binary, args);
    return person(JSON.parse(stdout));
  }
  async pair(name: string): Promise<string> {
    const { stdout } = await promisify(execFile)(binary, ["pair", name, "--data", this.folder, "--url", this.url]);
    const link = /http\S+#pair=\S+/.exec(stdout)?.[0];
    if (link === undefined) throw new Error(`pair: no link in ${stdout}`);
    return link;
  }
}

function person(told: unknown): Person {
  const fields = told as Record<string, unknown>;
  const text = (key: keyof Person): string => {
    const value = fields[key];
    if (typeof value !== "string") throw new Error(`add person: no ${key} in ${JSON.stringify(told)}`);
    return value;
  };
  return { name: text("name"), pod: text("pod"), webid: text("webid"), issuer: text("issuer"), pair: text("pair") };
}

function after(seconds: number): { promise: Promise<string>; clear: () => void } {
  let clear = (): void => {};
  const promise = new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve(`nothing after ${seconds} s`), seconds * 1000);
    clear = () => clearTimeout(timer);
  });
  return { promise, clear };
}

function launch(folder: string, screen: Screen): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, {
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    viewport: { width: screen.width, height: screen.height },
    colorScheme: screen.dark === true ? "dark" : "light",
    deviceScaleFactor: 1,
    locale: screen.locale ?? "en-GB",
    // Without these Chromium asks its maker's hosts on every start. Root has no sandbox.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** screenshot writes what the page shows to shots/NAME.png, for a person to look at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), animations: "disabled" });
}
