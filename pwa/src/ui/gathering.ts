/** Gathering is where a large file comes together before the person has it: on the disk where the browser lets that be, so that a phone's
 * memory does not have to hold it. */
export interface Gathering {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Returns the file once all is written; it is there until `drop`. */
  finish(name: string): Promise<File>;
  drop(): Promise<void>;
}

const place = "kith-backup";
/** Where there is no such disk, pieces are handed to the browser as Blobs of this size: it may move those out of memory. */
const pieceBytes = 8 << 20;

/** gather begins a file. */
export async function gather(): Promise<Gathering> {
  return (await onDisk().catch(() => undefined)) ?? inBlobs();
}

async function onDisk(): Promise<Gathering | undefined> {
  const root = await navigator.storage?.getDirectory?.();
  const handle = await root?.getFileHandle(place, { create: true });
  if (root === undefined || handle === undefined || !("createWritable" in handle)) return undefined;
  const writable = await handle.createWritable();
  let open = true;
  return {
    write: (bytes) => writable.write(bytes),
    async finish(name) {
      await writable.close();
      open = false;
      return named([await handle.getFile()], name);
    },
    async drop() {
      if (open) await writable.abort();
      open = false;
      // It is ciphertext, and the next file takes its place.
      await root.removeEntry(place).catch(() => undefined);
    },
  };
}

function inBlobs(): Gathering {
  let all: Blob[] = [];
  let held: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const pack = (): void => {
    all.push(new Blob(held));
    [held, length] = [[], 0];
  };
  return {
    async write(bytes) {
      held.push(bytes);
      length += bytes.length;
      if (length >= pieceBytes) pack();
    },
    async finish(name) {
      pack();
      return named(all, name);
    },
    async drop() {
      [all, held] = [[], []];
    },
  };
}

function named(parts: Blob[], name: string): File {
  return new File(parts, name, { type: "application/octet-stream" });
}

/** offer hands a file to the browser's downloads. */
export function offer(file: File): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  // The download has begun by then, and the address is not needed any more.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** canShare tells whether the share sheet takes such a file. */
export function canShare(file: File): boolean {
  return typeof navigator.share === "function" && navigator.canShare?.({ files: [file] }) === true;
}
