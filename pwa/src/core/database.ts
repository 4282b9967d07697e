/** IndexedDB in promises: just what is asked of it here. */

/** opened opens a database; `upgrade` makes what is missing since the version that was there, 0 where there was none. */
export function opened(name: string, version: number, upgrade: (db: IDBDatabase, old: number, tx: IDBTransaction) => void): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version);
  // A transaction is there for as long as the upgrade lasts (IndexedDB §upgrade-transaction-steps).
  request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion, request.transaction as IDBTransaction);
  return asked(request);
}

/** asked returns what a request came to. */
export function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** committed resolves when a transaction is over; rejects when nothing came of it. */
export function committed(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new DOMException("abort transaction", "AbortError"));
  });
}
