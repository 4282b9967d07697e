/** What a page's hands and eyes are for the tests: one browser with one page, whatever protocol it is driven by. */

import type { ChildProcess } from "node:child_process";

/** reference is the key by which an element is known in what is sent to a browser and received from it (WebDriver §12.1). */
export const reference = "element-6066-11e4-a52e-4f735466cecf";

/** Held is an element of the page, as long as it is there. */
export interface Held {
  readonly [reference]: string;
}

/** Driver is one running browser with one page. Elements are stale once they have left the page. */
export interface Driver {
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** run calls a function in the page with plain arguments and elements, and returns the plain value or the elements that it
   * resolves with. The function must not use anything from outside of itself. */
  run(call: (...given: never[]) => unknown, ...given: readonly unknown[]): Promise<unknown>;
  /** click scrolls to the element and presses the pointer in its middle; rejected with a `PassingError` when it is not there to be pressed. */
  click(element: Held): Promise<void>;
  /** type replaces what a field holds, key by key. */
  type(element: Held, text: string): Promise<void>;
  /** choose puts a file into a file input. */
  choose(element: Held, file: string): Promise<void>;
  /** screenshot returns what is seen of the page as a PNG. */
  screenshot(): Promise<Buffer>;
  /** stop ends the browser and waits for it. */
  stop(): Promise<void>;
}

/** PassingError is what may hold of an element for a moment, while a screen changes: worth another look. */
export class PassingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PassingError";
  }
}

/** Seconds that a program has to start. */
export const startSeconds = 60;

/** said resolves with the first match of what the program says on its standard error, and rejects when it ends before. */
export function said(running: ChildProcess, wanted: RegExp): Promise<RegExpExecArray> {
  let heard = "";
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`start: nothing after ${startSeconds} s\n${heard}`)), startSeconds * 1000);
    running.once("error", reject);
    running.once("close", () => reject(new Error(`start: it ended\n${heard}`)));
    running.stderr?.on("data", (more: Buffer) => {
      heard = (heard + more.toString()).slice(-4_000);
      const match = wanted.exec(heard);
      if (match === null) return;
      clearTimeout(late);
      resolve(match);
    });
  });
}

/** ended resolves once the program has ended; with a signal it is asked to. */
export function ended(running: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  if (running.exitCode !== null || running.signalCode !== null) return Promise.resolve();
  const over = new Promise<void>((resolve) => running.once("close", () => resolve()));
  if (signal !== undefined) running.kill(signal);
  return over;
}
