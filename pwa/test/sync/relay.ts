/** A real relay on a port of the loopback, with a data folder of its own that is removed at the end. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { binary, freePort } from "./host.ts";

/** Relay is one `kith relay`. */
export class Relay {
  /** Its address, with a slash at its end. */
  readonly url: string;
  readonly folder: string;
  private readonly queues: string;
  private process: ChildProcess | undefined;
  private lines = "";

  private constructor(folder: string, port: number, queues: string) {
    this.folder = folder;
    this.url = `http://localhost:${port}/`;
    this.queues = queues;
  }

  /** open starts a relay over an empty folder. */
  static async open(queues: "open" | "work" = "open"): Promise<Relay> {
    const relay = new Relay(await mkdtemp(join(tmpdir(), "kith-relay-")), await freePort(), queues);
    await relay.start();
    return relay;
  }

  /** start starts it, over what the folder holds. */
  async start(): Promise<void> {
    const listen = `127.0.0.1:${new URL(this.url).port}`;
    const child = spawn(binary, ["relay", "--data", this.folder, "--listen", listen, "--url", this.url, "--queues", this.queues], { stdio: ["ignore", "pipe", "pipe"] });
    this.process = child;
    this.lines = "";
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`start relay: silent\n${this.lines}`)), 60_000);
      const heard = (line: string): void => {
        this.lines += `${line}\n`;
        if (!line.includes("listening on ")) return;
        clearTimeout(late);
        resolve();
      };
      for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", heard);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`start relay: exit ${code}\n${this.lines}`)));
    });
  }

  /** kill ends it as a power cut does. */
  async kill(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** wipe ends it as a dead disk does, and starts it over nothing. */
  async wipe(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
    await this.start();
  }

  /** close ends it and removes the folder. */
  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
