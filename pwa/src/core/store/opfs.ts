/**
 * Slots in the origin's private file system. Only a dedicated worker may hold a file open for writing in place
 * (File System Standard §2.6), so the page asks one: `serveSlots` runs there, `opfsSlots` here.
 *
 * The messages are `{id, call, args}` and `{id, result}` or `{id, failure}`, answered in order; `failure` is the
 * name of a DOMException.
 */

import { failed } from "./failure.ts";
import { type PlainFile, SlotFile } from "./slotfile.ts";
import type { Slots } from "./slots.ts";

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

type Call = "open" | "used" | "read" | "write" | "close";

interface Question {
  readonly id: number;
  readonly call: Call;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: string;
}

/** opfsSlots opens the slot file of that name, and ends the worker when they are closed; rejects with
 * `storage-unavailable` where there is no such file system or another tab holds the file, and with
 * `newer-version`. */
export async function opfsSlots(worker: SlotWorker, name: string): Promise<Slots> {
  const ask = asker(worker);
  await ask("open", name);
  return {
    erases: true,
    used: () => ask("used"),
    read: (slots) => ask("read", slots),
    write: (changes) => ask("write", changes),
    close: async () => {
      await ask("close");
      worker.terminate();
    },
  };
}

function asker(worker: SlotWorker): <T>(call: Call, ...args: readonly unknown[]) => Promise<T> {
  const waiting = new Map<number, { readonly resolve: (result: never) => void; readonly reject: (error: Error) => void }>();
  let last = 0;
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.failure === undefined) asked?.resolve(data.result as never);
    else asked?.reject(failed(`ask slots`, new DOMException("in the worker", data.failure)));
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.values()) reject(failed("ask slots", event.message));
    waiting.clear();
  };
  return (call, ...args) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      worker.postMessage({ id: last, call, args } satisfies Question);
    });
}

/** serveSlots answers through a port from files that `open` finds by their name. */
export function serveSlots(port: Port, open: (name: string) => Promise<PlainFile>): void {
  let file: SlotFile | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const answer = async ({ id, call, args }: Question): Promise<void> => {
    try {
      if (call === "open") file = new SlotFile(await open(args[0] as string));
      else if (file === undefined) throw new DOMException("no file", "InvalidStateError");
      const act = file as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
      port.postMessage({ id, result: call === "open" ? undefined : act[call]?.(...args) } satisfies Answer);
    } catch (error) {
      port.postMessage({ id, failure: error instanceof Error ? error.name : "Error" } satisfies Answer);
    }
  };
  port.onmessage = ({ data }: MessageEvent<Question>) => {
    turn = turn.then(() => answer(data));
  };
}
