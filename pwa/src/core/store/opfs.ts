/**
 * Slots in the origin's private file system. Only a dedicated worker may hold a file open for writing in place
 * (File System Standard §2.6), so the page asks one: `serveSlots` runs there, `opfsSlots` here.
 *
 * A question is a `Request` with an id; its answer is `{id, result}` or `{id, failure}`, in the same order.
 * `failure` is the name of a DOMException.
 */

import { failed } from "./failure.ts";
import { type PlainFile, SlotFile } from "./slotfile.ts";
import type { SlotChange, Slots } from "./slots.ts";

/** What is needed of a worker, and within it of what it talks through. */
export interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** A worker that runs `serveSlots`. */
export interface SlotWorker extends Port {
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

/** A worker that has no file yet. */
export interface Opfs {
  /** Opens the slot file of that name; its `close` ends the worker. Rejects with `storage-unavailable` where there
   * is no such file system or another tab holds the file, and with `newer-version`. */
  open(name: string): Promise<Slots>;
  terminate(): void;
}

type Request =
  | { readonly call: "open"; readonly name: string }
  | { readonly call: "used" | "close" }
  | { readonly call: "read"; readonly slots: readonly number[] }
  | { readonly call: "write"; readonly changes: readonly SlotChange[] };

type Question = Request & { readonly id: number };

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: string;
}

/** opfsSlots talks to a worker that was just started. */
export function opfsSlots(worker: SlotWorker): Opfs {
  const ask = asker(worker);
  const terminate = (): void => worker.terminate();
  const slots: Slots = {
    erases: true,
    used: () => ask({ call: "used" }),
    read: (slots) => ask({ call: "read", slots }),
    write: (changes) => ask({ call: "write", changes }),
    close: () => ask<void>({ call: "close" }).finally(terminate),
  };
  return { open: (name) => ask({ call: "open", name }).then(() => slots), terminate };
}

function asker(worker: SlotWorker): <T>(request: Request) => Promise<T> {
  const waiting = new Map<number, { readonly resolve: (result: never) => void; readonly reject: (error: Error) => void }>();
  let last = 0;
  let dead: Error | undefined;
  worker.onmessage = ({ data: { id, result, failure } }: MessageEvent<Answer>) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (failure === undefined) asked?.resolve(result as never);
    else asked?.reject(failed("ask for slots", new DOMException("in the worker", failure)));
  };
  worker.onerror = ({ message }) => {
    dead = failed("run slot worker", message);
    for (const { reject } of waiting.values()) reject(dead);
    waiting.clear();
  };
  return (request) =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(dead);
      waiting.set(++last, { resolve, reject });
      worker.postMessage({ ...request, id: last } satisfies Question);
    });
}

/** serveSlots answers through a port, from the file that `open` finds by its name. */
export function serveSlots(port: Port, open: (name: string) => Promise<PlainFile>): void {
  let file: SlotFile | undefined;
  let turn: Promise<void> = Promise.resolve();
  const act = async (question: Question): Promise<unknown> => {
    if (question.call === "open") return void (file = new SlotFile(await open(question.name)));
    if (file === undefined) throw new DOMException("no file is open", "InvalidStateError");
    if (question.call === "read") return file.read(question.slots);
    if (question.call === "write") return file.write(question.changes);
    return question.call === "used" ? file.used() : file.close();
  };
  const answer = async (question: Question): Promise<void> => {
    const { id } = question;
    try {
      port.postMessage({ id, result: await act(question) } satisfies Answer);
    } catch (error) {
      port.postMessage({ id, failure: error instanceof Error ? error.name : "Error" } satisfies Answer);
    }
  };
  port.onmessage = ({ data }: MessageEvent<Question>) => {
    turn = turn.then(() => answer(data));
  };
}
