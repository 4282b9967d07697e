/**
 * The parts of the app that are loaded after the first page.
 *
 * The build writes `kithPart("online")` for `import("…/online.ts")`. The text of a part stands in the page
 * (index.html) or in a file beside it (shell.html); either way it runs as an inline script, which the page's
 * policy allows for exactly the bytes of this build (`build/split.ts`).
 */

import { trustedScript } from "./trusted.ts";

declare global {
  /** What each script of the app exports, once it has run. */
  var kithParts: Record<string, unknown>;
  /** The files of the parts that do not stand in the page, `part-<name>-<hash>.js`. */
  var kithFiles: readonly string[];
  /** The parts that have to run before a part, in their order. */
  var kithNeeds: Readonly<Record<string, readonly string[]>>;
  var kithPart: (name: string) => Promise<unknown>;
}

const loading = new Map<string, Promise<unknown>>();

globalThis.kithPart = (name) => {
  const begun = loading.get(name) ?? load(name);
  loading.set(name, begun);
  // What failed is tried again when it is asked for again.
  begun.catch(() => loading.delete(name));
  return begun;
};

async function load(name: string): Promise<unknown> {
  for (const needed of kithNeeds[name] ?? []) await kithPart(needed);
  const text = document.getElementById(`part-${name}`)?.textContent ?? (await fetched(name));
  const script = document.createElement("script");
  script.textContent = trustedScript(text);
  document.head.append(script);
  script.remove();
  const loaded = kithParts[name];
  if (loaded === undefined) throw new TypeError(`load ${name}: it is not of this version of the app`);
  return loaded;
}

async function fetched(name: string): Promise<string> {
  const file = kithFiles.find((each) => each.startsWith(`part-${name}-`));
  const answer = await fetch(`./${file}`);
  if (!answer.ok) throw new TypeError(`load ${name}: ${answer.status}`);
  return answer.text();
}
