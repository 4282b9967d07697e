// Imports a module, so that the bundling is seen, and asks for what the store
// needs: WebCrypto, IndexedDB and, where there is one, OPFS.
import { digest } from "./digest.ts";

onmessage = async ({ data }: MessageEvent<string>) => {
  const answer = { digest: await digest(data), indexedDB: await openDatabase(), opfs: await writeFile() };
  self.postMessage(answer);
};

function openDatabase(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = indexedDB.open("frame");
    request.onsuccess = () => resolve(true);
    request.onerror = () => resolve(false);
  });
}

async function writeFile(): Promise<boolean> {
  try {
    const folder = await navigator.storage.getDirectory();
    const file = await folder.getFileHandle("frame", { create: true });
    return "createSyncAccessHandle" in file;
  } catch {
    return false;
  }
}
