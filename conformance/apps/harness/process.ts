/**
 * A server process: started, waited for, ended by its id. All that it says goes into logs/NAME.log,
 * which stays after the run for whoever has to find out why a test failed.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

const logs = fileURLToPath(new URL("../logs/", import.meta.url));
// Community Solid Server needs seconds on an idle machine, and minutes on one that does much else.
const startSeconds = 150;

/** Running is a process that has said that it is ready. */
export interface Running {
  /** end stops it and waits until it is gone. */
  end(): Promise<void>;
}

/** run starts a program and resolves when a line of its output has `ready` in it; it rejects when the program ends before that. */
export async function run(name: string, command: string, args: readonly string[], ready: string): Promise<Running> {
  await mkdir(logs, { recursive: true });
  // A server that finds NODE_ENV "test" takes itself to be under its own tests.
  const env = { ...process.env, NODE_ENV: "production" };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(String(error)));
    child.once("close", (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  };
  const first = await Promise.race([said(child, name, ready), ended, late()]);
  if (first === "ready") return { end };
  await end();
  throw new Error(`start ${name}: ${first}; see logs/${name}.log`);
}

function said(child: ChildProcess, name: string, ready: string): Promise<"ready"> {
  const log = createWriteStream(`${logs}${name}.log`);
  return new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on("line", (line) => {
        log.write(`${line}\n`);
        if (line.includes(ready)) resolve("ready");
      });
    }
  });
}

function late(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(`not ready after ${startSeconds} s`), startSeconds * 1000).unref();
  });
}
