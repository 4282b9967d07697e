import { type ReadonlySignal, signal } from "@preact/signals";

/** Update knows whether a newer version of the app waits, and starts it only when the person agrees. */
export interface Update {
  readonly ready: ReadonlySignal<boolean>;
  /** Starts the waiting version and loads the page again. */
  use(): void;
}

/** watchUpdates follows the app's service worker; there is none in a page that was opened from a file. */
export function watchUpdates(registered: Promise<ServiceWorkerRegistration | undefined>, page: Window): Update {
  const ready = signal(false);
  let waiting: ServiceWorker | undefined;
  const look = (registration: ServiceWorkerRegistration): void => {
    // Without a controller this is the first install, which has nothing to replace.
    if (registration.waiting === null || page.navigator.serviceWorker.controller === null) return;
    waiting = registration.waiting;
    ready.value = true;
  };
  registered.then((registration) => {
    if (registration === undefined) return;
    look(registration);
    registration.addEventListener("updatefound", () => {
      registration.installing?.addEventListener("statechange", () => look(registration));
    });
  }, () => undefined);
  return {
    ready,
    use() {
      page.navigator.serviceWorker.addEventListener("controllerchange", () => page.location.reload(), { once: true });
      waiting?.postMessage("update");
    },
  };
}

/** fingerprint returns the SHA-256 of the page as it is served to this browser, in groups of eight hex
 * digits; undefined where a page cannot read itself, as from a file. */
export async function fingerprint(page: Window): Promise<string | undefined> {
  try {
    const answer = await page.fetch(page.location.pathname);
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await answer.arrayBuffer()));
    const hex = Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/.{8}(?!$)/g, "$& ");
  } catch {
    return undefined;
  }
}
