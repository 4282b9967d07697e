/** Disks for store tests: memory, a real key-slot file behind real messages, and either of them with a power cut. */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { Bytes } from "../../src/core/bytes.ts";
import type { Ciphertext } from "../../src/core/store/ciphertext.ts";
import { type MemoryDisk, memoryDisk } from "./memory.ts";
import { opfsSlots, serveSlots, type SlotWorker } from "../../src/core/store/opfs.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import type { PlainFile } from "../../src/core/store/slotfile.ts";
import type { Slots } from "../../src/core/store/slots.ts";
import type { Store, NewRow } from "../../src/core/store/store.ts";

/** Disk can be opened again and again; `keys` are all that were ever made for it. */
export interface Disk {
  readonly keys: readonly Bytes[];
  open(cut?: Cut): Promise<Store>;
  /** All bytes of the place where keys lie, or undefined when that is not a file. */
  slotBytes(): Buffer | undefined;
  /** Sizes of the sealed pages. */
  pageSizes(): Promise<readonly number[]>;
  remove(): void;
}

/** Cut ends the power at the `at`-th durable step, before it is made or after. */
export interface Cut {
  readonly at: number;
  readonly after: boolean;
}

let clock = 1_700_000_000_000;

interface Kept {
  readonly ciphertext: Ciphertext;
  readonly parts: () => Promise<MemoryDisk>;
  readonly slotBytes: () => Buffer | undefined;
  readonly remove: () => void;
}

function diskOver({ ciphertext, parts, slotBytes, remove }: Kept): Disk {
  const keys: Bytes[] = [];
  const random = (length: number): Bytes => {
    const key = new Uint8Array(randomBytes(length));
    keys.push(key);
    return key;
  };
  return {
    keys,
    slotBytes,
    remove,
    pageSizes: async () => (await ciphertext.pages()).map(([, bytes]) => bytes.length),
    async open(cut) {
      const disk = await parts();
      return openStoreOver({ ...(cut === undefined ? disk : cutOff(disk, cut)), random, now: () => ++clock });
    },
  };
}

export function inMemory(): Disk {
  const disk = memoryDisk();
  return diskOver({ ...disk, parts: async () => disk, slotBytes: () => undefined, remove: () => undefined });
}

/** inFile keeps keys in a real file, written by the code that a browser's worker runs, reached by messages. */
export function inFile(): Disk {
  const folder = mkdtempSync(join(tmpdir(), "kith-slots-"));
  const path = join(folder, "slots");
  const { ciphertext } = memoryDisk();
  const parts = async (): Promise<MemoryDisk> => ({ slots: await opfsSlots(worker()).open(path), ciphertext });
  return diskOver({ ciphertext, parts, slotBytes: () => readFileSync(path), remove: () => rmSync(folder, { recursive: true }) });
}

function worker(): SlotWorker {
  const { port1, port2 } = new MessageChannel();
  serveSlots(port2, async (path) => plainFile(path));
  return Object.assign(port1, { onerror: null, terminate: () => port1.close() });
}

/** plainFile is a file of the operating system in the shape of an OPFS handle. */
export function plainFile(path: string): PlainFile {
  const file = openSync(path, "a+");
  closeSync(file);
  const fd = openSync(path, "r+");
  return {
    getSize: () => fstatSync(fd).size,
    truncate: (size) => ftruncateSync(fd, size),
    read: (to, { at }) => readSync(fd, to, 0, to.length, at),
    write: (from, { at }) => writeSync(fd, from, 0, from.length, at),
    flush: () => fsyncSync(fd),
    close: () => closeSync(fd),
  };
}

class PowerCut extends Error {}

function cutOff({ slots, ciphertext }: MemoryDisk, { at, after }: Cut): { slots: Slots; ciphertext: Ciphertext } {
  let steps = 0;
  const step = async (make: () => Promise<void>): Promise<void> => {
    if (++steps > at || (steps === at && !after)) throw new PowerCut();
    await make();
    if (steps === at) throw new PowerCut();
  };
  return {
    slots: { ...slots, write: (changes) => step(() => slots.write(changes)) },
    ciphertext: { ...ciphertext, commit: (commit) => step(() => ciphertext.commit(commit)) },
  };
}

/** newRow returns a row of that path whose other facts follow from `mark`. */
export function newRow(path: string, mark = "1"): NewRow {
  return { path, id: `id of ${path}`, version: { counter: 1, device: "did:key:zDn" }, type: "text/plain", etag: `"${mark}"`, modified: 5 };
}

export function bytesOf(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}

export async function textAt(store: Store, path: string): Promise<string | undefined> {
  const bytes = await store.bytes(path);
  return bytes && new TextDecoder().decode(bytes);
}
