/**
 * The service worker: it keeps one copy of the app, so that the app opens offline, changes that copy only when
 * the person agrees, and after a push lets the responder answer (answer.ts).
 *
 * It keeps the page with the parts beside it, the manifest and the icons, and nothing that a person made. It
 * answers only for those; a request to a pod goes to the network untouched. A new version waits until the page
 * sends `"update"`. It cannot guard the app against the host that serves it: that is what the hash on the
 * version screen and the signed file are for.
 */

/** The SHA-256, in hex, of the pages that this worker was built with: a pod serves the shell with its parts
 * beside it, another host may serve the whole app in one page. */
declare const SHELL: string;
declare const WHOLE: string;
/** The responder's file, named by the beginning of its SHA-256. */
declare const ANSWER: string;

// One library serves all kinds of worker; this one is a service worker.
const worker = globalThis as unknown as ServiceWorkerGlobalScope & { kithAnswer?: () => Promise<void>; kithInstalls?: boolean };

const kept = `kith ${SHELL} ${WHOLE}`;
const page = new URL("./", worker.registration.scope).href;
const files = ["manifest.webmanifest", "icon.svg", "icon-192.png", "icon-512.png"];
const part = /part-\w+-\w{8}\.js/g;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("push", (event) => event.waitUntil(pushed()));
worker.addEventListener("message", (event) => {
  if (event.data === "update") event.waitUntil(worker.skipWaiting());
});
worker.addEventListener("fetch", (event) => {
  const [url = ""] = event.request.url.split(/[?#]/);
  const name = url.startsWith(page) ? url.slice(page.length) : "-";
  if (event.request.method !== "GET" || ![...files, "", ...(name.match(part) ?? [])].includes(name)) return;
  event.respondWith(answer(url, event.request));
});

async function install(): Promise<void> {
  worker.kithInstalls = true;
  const cache = await caches.open(kept);
  const shell = await fetch(page, { cache: "no-store" });
  const text = await shell.clone().text();
  const sum = await sha256(new TextEncoder().encode(text));
  if (sum !== SHELL && sum !== WHOLE) {
    // Half of an update: keep what works and try again later.
    throw new Error("install: the page and its worker are not of one version");
  }
  const parts = sum === SHELL ? (text.match(part) ?? []) : [];
  await cache.addAll([...files, ...new Set(parts)].map((name) => page + name));
  await responder();
  await cache.put(page, shell);
}

/** responder loads the responder; what was loaded while installing can be loaded again at each push. */
async function responder(): Promise<void> {
  const script = await (await fetch(page + ANSWER)).arrayBuffer().catch(() => new ArrayBuffer());
  if (ANSWER.includes((await sha256(script)).slice(0, 12))) worker.importScripts(page + ANSWER);
}

async function pushed(): Promise<void> {
  if (worker.kithAnswer === undefined) worker.importScripts(page + ANSWER);
  await worker.kithAnswer?.();
}

async function activate(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith("kith ") && name !== kept);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function answer(url: string, request: Request): Promise<Response> {
  const cache = await caches.open(kept);
  return (await cache.match(url, { ignoreVary: true })) ?? fetch(request);
}

async function sha256(bytes: BufferSource): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
