/**
 * A client for WebDriver BiDi (W3C WebDriver BiDi), which a browser speaks itself over one WebSocket: as far as the tests need it, for
 * one page. A command is `{id, method, params}`, its answer `{id, type: "success" | "error", …}`; events are not asked for.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { type Driver, ended, type Held, PassingError, reference, said } from "./driver.ts";

/** Errors of BiDi that pass (§7.2). */
const passing: ReadonlySet<string> = new Set(["no such node", "no such element", "move target out of bounds", "element not interactable", "no such handle"]);

/** Remote is a value of the page as it is told (WebDriver BiDi §script.RemoteValue), as far as `run` lets any through. */
type Remote = { readonly type: "string"; readonly value: string } | { readonly type: "array"; readonly value: readonly { readonly sharedId: string }[] };

/** startBidi runs a browser that takes `--remote-debugging-port`, and makes its page of this size. */
export async function startBidi(program: string, args: readonly string[], { width, height }: { readonly width: number; readonly height: number }): Promise<Driver> {
  const running = spawn(program, ["--remote-debugging-port=0", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  try {
    const [, address] = await said(running, /WebDriver BiDi listening on (ws:\S+)/);
    const line = await Line.open(`${address}/session`);
    await line.ask("session.new", { capabilities: {} });
    const { contexts } = (await line.ask("browsingContext.getTree", {})) as { contexts: readonly { context: string }[] };
    const context = contexts[0]?.context ?? "";
    await line.ask("browsingContext.setViewport", { context, viewport: { width, height }, devicePixelRatio: 1 });
    return new Bidi(running, line, context);
  } catch (cause) {
    await ended(running, "SIGTERM");
    throw cause;
  }
}

class Bidi implements Driver {
  readonly #process: ChildProcess;
  readonly #line: Line;
  readonly #context: string;

  constructor(process: ChildProcess, line: Line, context: string) {
    this.#process = process;
    this.#line = line;
    this.#context = context;
  }

  async goto(url: string): Promise<void> {
    await this.#ask("browsingContext.navigate", { url, wait: "complete" });
  }

  async reload(): Promise<void> {
    await this.#ask("browsingContext.reload", { wait: "complete" });
  }

  async run(call: (...given: never[]) => unknown, ...given: readonly unknown[]): Promise<unknown> {
    const functionDeclaration = `async (...given) => {
      const value = await (${call})(...given.map((each) => typeof each === "string" ? JSON.parse(each)[0] : each));
      return Array.isArray(value) && value[0] instanceof Element ? value : JSON.stringify([value]);
    }`;
    const called = (await this.#line.ask("script.callFunction", {
      functionDeclaration, awaitPromise: true, target: { context: this.#context },
      arguments: given.map((each) => (isHeld(each) ? { sharedId: each[reference] } : { type: "string", value: JSON.stringify([each]) })),
    })) as { readonly type: "success"; readonly result: Remote } | { readonly type: "exception"; readonly exceptionDetails: { readonly text: string } };
    if (called.type === "exception") throw new Error(`run in page: ${called.exceptionDetails.text}`);
    if (called.result.type === "array") return called.result.value.map(({ sharedId }) => ({ [reference]: sharedId }));
    return (JSON.parse(called.result.value) as unknown[])[0];
  }

  async click(element: Held): Promise<void> {
    const hit = await this.run((target: HTMLElement) => {
      target.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
      const { x, y, width, height } = target.getBoundingClientRect();
      const top = document.elementFromPoint(x + width / 2, y + height / 2);
      return top !== null && (target.contains(top) || (target instanceof HTMLInputElement && [...(target.labels ?? [])].some((label) => label.contains(top))));
    }, element);
    if (hit !== true) throw new PassingError("click: something lies over it");
    const origin = { type: "element", element: { sharedId: element[reference] } };
    await this.#act("pointer", [{ type: "pointerMove", x: 0, y: 0, origin }, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }]);
  }

  async type(element: Held, text: string): Promise<void> {
    await this.run((field: HTMLInputElement) => (field.focus(), field.select()), element);
    const keys = text === "" ? ["\uE017"] : [...text];
    await this.#act("key", keys.flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]));
  }

  async choose(element: Held, file: string): Promise<void> {
    await this.#ask("input.setFiles", { element: { sharedId: element[reference] }, files: [file] });
  }

  async screenshot(): Promise<Buffer> {
    const { data } = (await this.#ask("browsingContext.captureScreenshot", {})) as { data: string };
    return Buffer.from(data, "base64");
  }

  async stop(): Promise<void> {
    await this.#line.ask("browser.close", {}).catch(() => undefined);
    await ended(this.#process);
  }

  #act(type: "pointer" | "key", actions: readonly object[]): Promise<unknown> {
    return this.#ask("input.performActions", { actions: [{ type, id: type, actions }] });
  }

  #ask(method: string, params: object): Promise<unknown> {
    return this.#line.ask(method, { context: this.#context, ...params });
  }
}

function isHeld(value: unknown): value is Held {
  return typeof value === "object" && value !== null && reference in value;
}

interface Answer {
  readonly id?: number;
  readonly type: "success" | "error" | "event";
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
}

/** Line is the WebSocket: questions and their answers. */
class Line {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      this.#waiting.get(answer.id ?? 0)?.(answer);
    });
    socket.addEventListener("close", () => {
      for (const tell of this.#waiting.values()) tell({ type: "error", error: "closed", message: "the browser hung up" });
    });
  }

  static open(url: string): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.addEventListener("open", () => resolve(new Line(socket)));
      socket.addEventListener("error", () => reject(new Error(`connect to ${url}: refused`)));
    });
  }

  async ask(method: string, params: object): Promise<unknown> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error(`${method}: the browser hung up`);
    const id = ++this.#last;
    const { type, result, error = "", message } = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (type === "success") return result;
    throw passing.has(error) ? new PassingError(`${method}: ${error}: ${message}`) : new Error(`${method}: ${error}: ${message}`);
  }
}
