/**
 * A client for WebDriver (W3C WebDriver, second edition), as far as the tests need it: one driver process, one session, one window.
 *
 *     POST /session                                   start
 *     POST /session/ID/url, refresh                   navigate
 *     POST /session/ID/execute/async                  run a function in the page
 *     POST /session/ID/element/E/click, clear, value  what hands do
 *     GET  /session/ID/screenshot
 *     DELETE /session/ID                              end, the browser too
 */

import { type ChildProcess, spawn } from "node:child_process";
import { freePort } from "../e2e/harness.ts";
import { type Driver, ended, type Held, PassingError, reference, startSeconds } from "./driver.ts";

/** Errors of WebDriver that pass (§6.6). */
const passing: ReadonlySet<string> = new Set(["stale element reference", "element click intercepted", "element not interactable", "no such element"]);

/** startWebDriver runs a driver's program, which takes `--port` and `--host`, and has it start a browser with these capabilities. */
export async function startWebDriver(program: string, capabilities: object, env: NodeJS.ProcessEnv): Promise<Driver> {
  const port = await freePort();
  const running = spawn(program, [`--port=${port}`, "--host=127.0.0.1"], { stdio: "ignore", env });
  const address = `http://127.0.0.1:${port}`;
  try {
    await answering(running, address);
    const { sessionId } = (await command("POST", `${address}/session`, { capabilities: { alwaysMatch: capabilities } })) as { sessionId: string };
    return new WebDriver(running, `${address}/session/${sessionId}`);
  } catch (cause) {
    await ended(running, "SIGTERM");
    throw cause;
  }
}

class WebDriver implements Driver {
  readonly #process: ChildProcess;
  readonly #session: string;

  constructor(process: ChildProcess, session: string) {
    this.#process = process;
    this.#session = session;
  }

  async goto(url: string): Promise<void> {
    await this.#post("url", { url });
  }

  async reload(): Promise<void> {
    await this.#post("refresh");
  }

  async run(call: (...given: never[]) => unknown, ...given: readonly unknown[]): Promise<unknown> {
    const script = `const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);
      Promise.resolve().then(() => (${call})(...given)).then((value) => done([value]), (error) => done([null, String(error) + "\\n" + String(error && error.stack)]));`;
    const [value, failure] = (await this.#post("execute/async", { script, args: given })) as [unknown, string?];
    if (typeof failure === "string") throw new Error(`run in page: ${failure}`);
    return value;
  }

  async click(element: Held): Promise<void> {
    // The driver scrolls to what is out of the window, not to what lies behind a bar in it.
    await this.run((target: Element) => target.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" }), element);
    await this.#post(`element/${element[reference]}/click`);
  }

  async type(element: Held, text: string): Promise<void> {
    await this.#post(`element/${element[reference]}/clear`);
    if (text !== "") await this.#post(`element/${element[reference]}/value`, { text });
  }

  async choose(element: Held, file: string): Promise<void> {
    await this.#post(`element/${element[reference]}/value`, { text: file });
  }

  async screenshot(): Promise<Buffer> {
    return Buffer.from(String(await command("GET", `${this.#session}/screenshot`)), "base64");
  }

  async stop(): Promise<void> {
    await command("DELETE", this.#session).catch(() => undefined);
    await ended(this.#process, "SIGTERM");
  }

  #post(path: string, body: object = {}): Promise<unknown> {
    return command("POST", `${this.#session}/${path}`, body);
  }
}

async function command(method: string, url: string, body?: object): Promise<unknown> {
  const answer = await fetch(url, body === undefined ? { method } : { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const { value } = (await answer.json()) as { value: { error?: string; message?: string } | null };
  if (answer.ok) return value;
  const what = `${method} ${new URL(url).pathname}: ${value?.error ?? answer.status}: ${value?.message ?? ""}`;
  throw passing.has(value?.error ?? "") ? new PassingError(what) : new Error(what);
}

/** answering resolves once the driver listens. */
async function answering(running: ChildProcess, address: string): Promise<void> {
  const failed = new Promise<never>((_, reject) => {
    running.once("error", reject);
    running.once("close", () => reject(new Error("start driver: it ended")));
  });
  failed.catch(() => undefined);
  for (const end = Date.now() + startSeconds * 1000; ; ) {
    if (await Promise.race([failed, command("GET", `${address}/status`).then(() => true, () => false)])) return;
    if (Date.now() > end) throw new Error(`start driver: nothing after ${startSeconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
