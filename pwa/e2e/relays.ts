/** Relays for tests: the real binary, `kith relay`, each with a folder and an address of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Net } from "../src/core/relay/client.ts";

/** The clock, the randomness and the network by which a test asks a relay: those of the platform. */
export const net: Net = {
  now: Date.now,
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  fetch: (url, init) => fetch(url, init),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  socket: (url, protocol) => new WebSocket(url, protocol),
};

/** The binary that `make kith` builds, unless another is named. */
const binary = process.env["KITH_BINARY"] ?? fileURLToPath(new URL("../../bin/kith", import.meta.url));
const startSeconds = 90;

/** Relay is one `kith relay` on the loopback; it keeps its address and folder when it is started again. */
export interface Relay {
  /** Its URL with the slash at the end. */
  readonly url: string;
  start(): Promise<void>;
  /** Ends it as a service manager does (SIGTERM). */
  stop(): Promise<void>;
  /** Ends it as a power cut does. */
  kill9(): Promise<void>;
}

/** Making is how a relay is started. */
export interface Making {
  /** Who may make queues, as for `--queues`. */
  readonly queues?: "open" | "work" | "invite";
  /** The relays of the loopback that it may forward to. */
  readonly forwards?: readonly Relay[];
  /** The push service of the loopback that it may speak to, host and port. */
  readonly pushes?: string;
}

/** startRelay starts a relay that keeps its messages in `folder`. */
export async function startRelay(folder: string, { queues = "open", forwards = [], pushes }: Making = {}): Promise<Relay> {
  const args = ["--data", folder, "--queues", queues, ...[...forwards.map(({ url }) => new URL(url).host), ...(pushes === undefined ? [] : [pushes])].flatMap((host) => ["--fetch", host])];
  let running = await run(args, 0);
  const { port } = running;
  return {
    url: `http://127.0.0.1:${port}/`,
    start: async () => void (running = await run(args, port)),
    stop: () => running.end("SIGTERM"),
    kill9: () => running.end("SIGKILL"),
  };
}

interface Running {
  readonly port: number;
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
}

async function run(args: readonly string[], port: number): Promise<Running> {
  const child = spawn(binary, ["relay", "--listen", `127.0.0.1:${port}`, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const end = (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    return ended;
  };
  const heard = await listening(child, ended);
  if (typeof heard === "number") return { port: heard, end };
  await end("SIGKILL");
  throw new Error(`start relay: ${heard}`);
}

/** listening returns the port that the process says it listens on, or what it said instead. */
function listening(child: ChildProcess, ended: Promise<void>): Promise<number | string> {
  const lines: string[] = [];
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(`nothing after ${startSeconds} s\n${lines.join("\n")}`), startSeconds * 1000);
    const done = (result: number | string): void => {
      clearTimeout(late);
      resolve(result);
    };
    void ended.then(() => done(`it ended\n${lines.join("\n")}`));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on("line", (line) => {
        lines.push(line);
        const port = /listening on \S*?:(\d+)/.exec(line)?.[1];
        if (port !== undefined) done(Number(port));
      });
    }
  });
}
