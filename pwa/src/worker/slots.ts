/** The dedicated worker that holds the key-slot file of the store (core/store/slotfile.ts) open. */

import { serveSlots } from "../core/store/opfs.ts";

// One library serves all kinds of worker; this one is a dedicated worker.
const worker = globalThis as unknown as DedicatedWorkerGlobalScope;

/** How long a tab that was killed may keep the file, in milliseconds. */
const patience = 5_000;

serveSlots(worker, async (name) => {
  const folder = await worker.navigator.storage.getDirectory();
  const file = await folder.getFileHandle(name, { create: true });
  for (const start = Date.now(); ; ) {
    try {
      return await file.createSyncAccessHandle();
    } catch (cause) {
      const busy = cause instanceof DOMException && cause.name === "NoModificationAllowedError";
      if (!busy || Date.now() - start > patience) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});
