/**
 * The app's one Trusted Types policy. The page's Content-Security-Policy lets a script or its URL come from
 * the policy `kith` alone. It lets through two URLs, a worker made here and the service worker, and the
 * texts of the app's own parts, of which the page's policy then checks the hash.
 */

interface Rules {
  createScriptURL(url: string): string;
  createScript(text: string): string;
}

/** What of the Trusted Types API is used; absent in browsers that do not have it. A trusted value is an
 * object there, but stands wherever TypeScript's DOM types want a string. */
interface TrustedTypes {
  createPolicy(name: "kith", rules: Rules): Rules;
}

declare const trustedTypes: TrustedTypes | undefined;

const serviceWorkerURL = "./sw.js";
const own = new Set<string>([serviceWorkerURL]);

let part: string | undefined;

const rules: Rules = {
  createScriptURL(url) {
    if (!own.has(url)) throw new TypeError("trust script: it is not one of the app's own");
    return url;
  },
  createScript(text) {
    if (text !== part) throw new TypeError("trust script: it is no part of the app");
    return text;
  },
};

const policy: Rules = typeof trustedTypes === "undefined" ? rules : trustedTypes.createPolicy("kith", rules);

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

/** trustedScript lets the text of a part of the app become a script. */
export function trustedScript(text: string): string {
  part = text;
  try {
    return policy.createScript(text);
  } finally {
    part = undefined;
  }
}
