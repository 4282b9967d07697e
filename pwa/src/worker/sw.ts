/**
 * The service worker: it keeps one copy of the app, so that the app opens offline, and changes that copy
 * only when the person agrees.
 *
 * It keeps the page, the manifest and the icons, and nothing that a person made. It answers only for
 * those; a request to a pod goes to the network untouched. A new version waits until the page sends
 * `"update"`. It cannot guard the app against the host that serves it: that is what the hash on the
 * version screen and the signed file are for.
 */

/** The pages that this worker was built with, by SHA-256 in hex, and the parts that each has beside it. A
 * pod serves the shell with parts; another host may serve the whole app in one page. */
declare const PAGES: Readonly<Record<string, readonly string[]>>;

// One library serves all kinds of worker; this one is a service worker.
const worker = globalThis as unknown as ServiceWorkerGlobalScope;

const kept = `kith ${Object.keys(PAGES).join(" ")}`;
const page = new URL("./", worker.registration.scope).href;
const parts = Object.values(PAGES).flat().map((name) => page + name);
const files = ["manifest.webmanifest", "icon.svg", "icon-192.png", "icon-512.png"].map((name) => page + name);

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  if (event.data === "update") event.waitUntil(worker.skipWaiting());
});
worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  url.search = url.hash = "";
  const wanted = url.href;
  if (event.request.method !== "GET" || ![page, ...files, ...parts].includes(wanted)) return;
  event.respondWith(answer(wanted, event.request));
});

async function install(): Promise<void> {
  const cache = await caches.open(kept);
  const shell = await fetch(page, { cache: "no-store" });
  const beside = PAGES[await sha256(await shell.clone().arrayBuffer())];
  if (beside === undefined) {
    // Half of an update: keep what works and try again later.
    throw new Error("install: the page and its worker are not of one version");
  }
  await cache.addAll([...files, ...beside.map((name) => page + name)]);
  await cache.put(page, shell);
}

async function activate(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith("kith ") && name !== kept);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function answer(url: string, request: Request): Promise<Response> {
  const cache = await caches.open(kept);
  return (await cache.match(url, { ignoreVary: true })) ?? fetch(request);
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
