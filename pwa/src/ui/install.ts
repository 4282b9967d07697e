/** What makes the page an app that can be put on the home screen and opens offline. */

import { serviceWorkerScript } from "./trusted.ts";

/** install links the manifest and registers the service worker, and returns its registration. It does
 * nothing and returns undefined where there is none of this, as in a page from a file. */
export async function install(): Promise<ServiceWorkerRegistration | undefined> {
  if (!("serviceWorker" in navigator) || !location.protocol.startsWith("http")) return undefined;
  document.head.append(Object.assign(document.createElement("link"), { rel: "manifest", href: "manifest.webmanifest" }));
  return navigator.serviceWorker.register(serviceWorkerScript(), { updateViaCache: "none" });
}
