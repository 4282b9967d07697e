import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { opfsSlots, serveSlots, type SlotWorker } from "../../src/core/store/opfs.ts";
import { type PlainFile, SlotFile } from "../../src/core/store/slotfile.ts";
import { Allotment } from "../../src/core/store/slots.ts";
import { plainFile } from "./disks.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kith-slots-"));
  path = join(folder, "slots");
});
afterEach(() => rmSync(folder, { recursive: true }));

const key = (n: number) => new Uint8Array(32).fill(n);

function workerOver(open: (name: string) => Promise<PlainFile>): SlotWorker {
  const { port1, port2 } = new MessageChannel();
  serveSlots(port2, open);
  return Object.assign(port1, { onerror: null, terminate: () => port1.close() });
}

it("a slot file keeps keys where its layout says, and zeros where none is", () => {
  const file = new SlotFile(plainFile(path));
  file.write([[1, key(1)], [2, key(2)], [3000, key(3)]]);
  expect(file.used()).toEqual([1, 2, 3000]);
  expect(file.read([2, 5, 3000, 99999])).toEqual([key(2), key(0), key(3), key(0)]);
  file.write([[2, null], [1, key(9)]]);
  file.close();
  const raw = readFileSync(path);
  expect(raw.subarray(0, 12).toString()).toBe("kith slots 1");
  expect(raw.subarray(64, 96)).toEqual(Buffer.from(key(9)));
  expect(raw.subarray(128, 192)).toEqual(Buffer.alloc(64));
  expect(new SlotFile(plainFile(path)).used()).toEqual([1, 3000]);
});

it("a file of another format is left alone", async () => {
  writeFileSync(path, "kith slots 2".padEnd(640, "\u0001"));
  const before = readFileSync(path);
  const opfs = opfsSlots(workerOver(async () => plainFile(path)));
  await expect(opfs.open(path)).rejects.toMatchObject({ code: "newer-version" });
  expect(readFileSync(path)).toEqual(before);
  opfs.terminate();
});

it.each([
  ["a write that is cut short", "storage-full", { write: () => 10 }],
  ["no room to grow", "storage-full", { truncate: () => { throw new DOMException("full", "QuotaExceededError"); } }],
  ["a disk that fails", "storage-unavailable", { flush: () => { throw new DOMException("broken", "InvalidStateError"); } }],
] as const)("%s is reported as %s", async (_, code, change) => {
  new SlotFile(plainFile(path)).close();
  const opfs = opfsSlots(workerOver(async () => ({ ...plainFile(path), ...change })));
  const slots = await opfs.open(path);
  await expect(slots.write([[5000, key(1)]])).rejects.toMatchObject({ code });
  expect(await slots.read([7])).toEqual([key(0)]);
  await slots.close();
});

it("without such a file system nothing opens, and nothing before that answers", async () => {
  const opfs = opfsSlots(workerOver(() => Promise.reject(new DOMException("no", "SecurityError"))));
  await expect(opfs.open(path)).rejects.toMatchObject({ code: "storage-unavailable" });
  opfs.terminate();
});

it("a worker that never started rejects what was asked, before and after it is known", async () => {
  const worker: SlotWorker = { postMessage: () => undefined, onmessage: null, onerror: null, terminate: () => undefined };
  const opfs = opfsSlots(worker);
  const early = opfs.open("x");
  worker.onerror?.({ message: "blocked" } as ErrorEvent);
  await expect(early).rejects.toMatchObject({ code: "storage-unavailable" });
  await expect(opfs.open("x")).rejects.toMatchObject({ code: "storage-unavailable" });
});

it("slots are given out lowest first, and none twice", () => {
  const allotment = new Allotment();
  allotment.fill(new Set([1, 2, 5]));
  expect([1, 2, 3, 4].map(() => allotment.take())).toEqual([3, 4, 6, 7]);
  allotment.give([5, 2]);
  expect([1, 2, 3].map(() => allotment.take()).sort()).toEqual([2, 5, 8]);
});
