/**
 * The app's one Trusted Types policy. The page's Content-Security-Policy lets a script URL come from the
 * policy `kith` alone, and it lets through exactly two: a worker made here, and the service worker.
 */

interface ScriptURLs {
  createScriptURL(url: string): string;
}

/** What of the Trusted Types API is used; absent in browsers that do not have it. A trusted URL is an
 * object there, but stands wherever TypeScript's DOM types want a string. */
interface TrustedTypes {
  createPolicy(name: "kith", rules: ScriptURLs): ScriptURLs;
}

declare const trustedTypes: TrustedTypes | undefined;

const serviceWorkerURL = "./sw.js";
const own = new Set<string>([serviceWorkerURL]);

const rules: ScriptURLs = {
  createScriptURL(url) {
    if (!own.has(url)) throw new TypeError("trust script: it is not one of the app's own");
    return url;
  },
};

const policy: ScriptURLs = typeof trustedTypes === "undefined" ? rules : trustedTypes.createPolicy("kith", rules);

/** startWorker starts a dedicated worker from the text of a bundled script (`import { source } from
 * "./x.ts?source"`). It works from https and from a file alike. */
export function startWorker(source: string, name: string): Worker {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  own.add(url);
  return new Worker(policy.createScriptURL(url), { name });
}

/** serviceWorkerScript returns the address of the service worker, as `register` wants it. */
export function serviceWorkerScript(): string {
  return policy.createScriptURL(serviceWorkerURL);
}
