import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin, Rolldown } from "vite";
import { guarded } from "./policy.ts";

/**
 * split turns the build into pages. The app is one main script, and parts that it loads with `import()`
 * after the first page. Two pages come of the same bytes, but for the list of the parts' files that each begins with:
 *
 *     index.html   everything inlined but what stands in `beside` and `languages`; opens from a file and on any host
 *     shell.html   the main script alone; the parts are files beside it, `part-<name>-<hash>.js`
 *
 * A script may run only if the page's policy names its hash, wherever its text comes from, so a part is
 * not imported by address: its text, inlined or fetched, becomes an inline script (see `ui/later.ts` for
 * the other half). The main script is built as CommonJS and wrapped, and so is each part:
 *
 *     kithParts.main   = (exports of main.js)
 *     kithParts.online = (exports of the part)      when its script has run
 *
 * `import("./x.ts")` becomes `kithPart("x")`. What the bundler puts into chunks of their own because several share it
 * is found in `kithParts` too: what main needs stands in the main script, before main; what only parts need is in
 * more parts, `common`, `shown` and `carried`, which are loaded before those that need them, as `kithNeeds` says.
 */
export function split(page: string): Plugin {
  return {
    name: "kith:split",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const chunks = Object.values(bundle).filter((each): each is Rolldown.OutputChunk => each.type === "chunk");
        const styles = Object.values(bundle).filter((each) => each.type === "asset" && each.fileName.endsWith(".css")) as Rolldown.OutputAsset[];
        const main = chunks.find((chunk) => chunk.isEntry);
        if (main === undefined || styles.length !== 1) throw new Error("split: one entry and one style sheet are needed");
        const scripts = inOrder(chunks.filter((chunk) => chunk.isEntry || !chunk.isDynamicEntry));
        const first = scripts.slice(0, scripts.indexOf(main) + 1);
        const later = scripts.slice(first.length);
        const shared = sharedBy(chunks, first, later);
        const parts = [...chunks.filter((chunk) => chunk.isDynamicEntry).map((chunk) => partOf(chunk, scripts, shared)), ...shared.map(({ part }) => part)];
        const style = String(styles[0]?.source);
        for (const each of [...chunks, ...styles]) delete bundle[each.fileName];
        const script = mainText(first, parts);
        const template = readFileSync(page, "utf8");
        const outside = parts.filter(({ name }) => beside.has(name));
        const inside = parts.filter(({ name }) => !beside.has(name) && !languages.has(name));
        this.emitFile({ type: "asset", fileName: "index.html", source: inlined(template, style, script, inside, outside) });
        this.emitFile({ type: "asset", fileName: "shell.html", source: inlined(template, style, script, [], parts) });
        for (const { file, text } of parts) this.emitFile({ type: "asset", fileName: file, source: text });
      },
    },
  };
}

/** inOrder puts each chunk after those of them that it needs; main as early as that lets it. */
function inOrder(chunks: readonly Rolldown.OutputChunk[]): readonly Rolldown.OutputChunk[] {
  const main = chunks.filter(({ isEntry }) => isEntry);
  const needed = (found: readonly Rolldown.OutputChunk[]): readonly Rolldown.OutputChunk[] => {
    const more = chunks.filter((chunk) => found.includes(chunk) || found.some(({ imports }) => imports.includes(chunk.fileName)));
    return more.length === found.length ? found : needed(more);
  };
  const first = needed(main);
  return [...sorted(first, []), ...sorted(chunks.filter((chunk) => !first.includes(chunk)), first)];
}

function sorted(chunks: readonly Rolldown.OutputChunk[], before: readonly Rolldown.OutputChunk[]): readonly Rolldown.OutputChunk[] {
  const placed: Rolldown.OutputChunk[] = [];
  const ran = (file: string): boolean => [...before, ...placed].some(({ fileName }) => fileName === file);
  const ready = (chunk: Rolldown.OutputChunk): boolean => !placed.includes(chunk) && chunk.imports.every(ran);
  while (placed.length < chunks.length) {
    const next = chunks.find(ready);
    if (next === undefined) throw new Error("split: what parts share goes round in a circle");
    placed.push(next);
  }
  return placed;
}

/** Part is a script that is loaded later. */
export interface Part {
  readonly name: string;
  /** What it is called as a file of its own. */
  readonly file: string;
  readonly text: string;
  /** The parts that have to run before it, in their order. */
  readonly needs: readonly string[];
}

function partOf(chunk: Rolldown.OutputChunk, before: readonly Rolldown.OutputChunk[], shared: readonly Shared[]): Part {
  const name = nameOf(chunk);
  if (chunk.dynamicImports.length > 0) throw new Error(`split: ${name} loads parts; only main does`);
  const needs = shared.filter(({ users }) => users.has(name)).map((each) => each.part.name);
  return part(name, `kithParts.${name}=((exports)=>{${required(chunk, before)}\nreturn exports})({});`, needs);
}

function part(name: string, code: string, needs: readonly string[]): Part {
  const text = script(code);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  return { name, file: `part-${name}-${hash}.js`, text, needs };
}

/** Shared is a part with what other parts share, and the names of those. */
interface Shared {
  readonly part: Part;
  readonly users: ReadonlySet<string>;
}

/** The parts that ask and answer through relays: what they alone share is more than all others share, and who has no relay needs none of it. */
const carriers: ReadonlySet<string> = new Set(["answers", "sealed"]);

/** The parts with screens, which share sheets and rows. */
const screens: ReadonlySet<string> = new Set(["places", "conversation", "relays", "home", "elsewhere"]);

/** sharedBy returns the parts with what only parts share: `common`, and after it `shown` and `carried`. */
function sharedBy(chunks: readonly Rolldown.OutputChunk[], first: readonly Rolldown.OutputChunk[], later: readonly Rolldown.OutputChunk[]): readonly Shared[] {
  const entries = chunks.filter(({ isDynamicEntry }) => isDynamicEntry);
  const usersOf = (chunk: Rolldown.OutputChunk): readonly string[] => entries.filter((entry) => neededBy(entry, chunks).has(chunk.fileName)).map(nameOf);
  const sharedAmong = (those: ReadonlySet<string>): readonly Rolldown.OutputChunk[] => later.filter((chunk) => usersOf(chunk).every((name) => those.has(name)));
  const [shown, carried] = [sharedAmong(screens), sharedAmong(carriers)];
  const common = later.filter((chunk) => !shown.includes(chunk) && !carried.includes(chunk));
  const before = [...first, ...common];
  return [
    ...sharedPart("common", common, first, new Set(common.flatMap(usersOf))),
    ...sharedPart("shown", shown, before, new Set(shown.flatMap(usersOf))),
    ...sharedPart("carried", carried, before, new Set(carried.flatMap(usersOf))),
  ];
}

function sharedPart(name: string, chunks: readonly Rolldown.OutputChunk[], before: readonly Rolldown.OutputChunk[], users: ReadonlySet<string>): readonly Shared[] {
  if (chunks.length === 0) return [];
  const all = chunks.map((chunk, at) => ran(chunk, [...before, ...chunks.slice(0, at)]));
  return [{ users, part: part(name, `${all.join("")}kithParts.${name}={};`, []) }];
}

/** neededBy returns the files of all that a chunk needs, and of what that needs. */
function neededBy({ imports }: Rolldown.OutputChunk, chunks: readonly Rolldown.OutputChunk[], found = new Set<string>()): ReadonlySet<string> {
  for (const file of imports) {
    if (found.has(file)) continue;
    found.add(file);
    const chunk = chunks.find(({ fileName }) => fileName === file);
    if (chunk !== undefined) neededBy(chunk, chunks, found);
  }
  return found;
}

function nameOf({ name }: Rolldown.OutputChunk): string {
  if (!/^[a-z]+$/.test(name)) throw new Error(`split: ${name} is no name for a part`);
  return name;
}

/** required returns the code of a chunk, with what it needs taken from scripts that have run before. */
function required({ code, imports, name }: Rolldown.OutputChunk, before: readonly Rolldown.OutputChunk[]): string {
  const strangers = imports.filter((each) => !before.some(({ fileName }) => fileName === each));
  if (strangers.length > 0) throw new Error(`split: ${name} needs what does not run before it: ${strangers.join(", ")}`);
  const taken = before.reduce((text, { fileName, name: other }) => text.replaceAll(new RegExp(`require\\(["'\`]\\./${fileName}["'\`]\\)`, "g"), `kithParts.${other}`), plain(code));
  return taken.replaceAll(/const ((?:[\w$]+=kithParts\.\w+,)*[\w$]+=kithParts\.\w+);/g, (_, all: string) => `const{${all.replaceAll(/([\w$]+)=kithParts\.(\w+)/g, "$2:$1")}}=kithParts;`);
}

/** plain returns code whose exports are assigned at once and not looked up each time: no export changes once its script has run. */
function plain(code: string): string {
  const assigned = code.replaceAll(/Object\.defineProperty\(exports,["'`](\w+)["'`],\{enumerable:!0,get:function\(\)\{return ([\w$]+)\}\}\)/g, "exports.$1=$2");
  return assigned.replaceAll(/exports\.[\w$]+=[\w$]+(?:,exports\.[\w$]+=[\w$]+)+(?=[;\n]|$)/g, (all) => `Object.assign(exports,{${all.replaceAll(/exports\.([\w$]+)=([\w$]+)/g, "$1:$2")}})`);
}

function mainText(scripts: readonly Rolldown.OutputChunk[], parts: readonly Part[]): string {
  const ready = scripts.map((chunk, at) => ran({ ...chunk, code: loading(chunk.code, parts) }, scripts.slice(0, at)));
  const all = ready.join("");
  const needed = parts.flatMap(({ needs }) => needs);
  const unloaded = parts.filter(({ name }) => !needed.includes(name) && !all.includes(`kithPart(${JSON.stringify(name)})`));
  if (unloaded.length > 0) throw new Error(`split: nothing loads ${unloaded.map(({ name }) => name).join(", ")} in the way that is expected`);
  const needing = JSON.stringify(Object.fromEntries(parts.filter(({ needs }) => needs.length > 0).map(({ name, needs }) => [name, needs])));
  if (/\brequire\(/.test(all)) throw new Error("split: a script requires something that is not there");
  return script(`kithNeeds=${needing};${all}`);
}

/** loading returns code with its imports of parts made calls of the loader. */
function loading(code: string, parts: readonly Part[]): string {
  return parts.reduce((text, { name }) => {
    const call = new RegExp(`Promise\\.resolve\\(\\)\\.then\\(\\(\\)=>require\\(["'\`]\\./${name}\\.js["'\`]\\)\\)`, "g");
    return text.replace(call, () => `kithPart(${JSON.stringify(name)})`);
  }, code);
}

function ran(chunk: Rolldown.OutputChunk, before: readonly Rolldown.OutputChunk[]): string {
  return `((exports)=>{${required(chunk, before)}\n})(kithParts.${nameOf(chunk)}={});`;
}

function script(text: string): string {
  if (/<\/script|<!--/i.test(text)) throw new Error("split: a script cannot be inlined");
  return text;
}

/** Parts that are not worth their weight in the one file: `reader` reads codes where the browser cannot, and a link can be pasted as well. */
const beside: ReadonlySet<string> = new Set(["reader"]);

/** The languages but English, which the one file does without. */
const languages: ReadonlySet<string> = new Set(["ar", "de", "es", "fr"]);

/** The order of the parts in the one file. Gzip looks back 32 KiB, so what is alike stands side by side. */
const neighbours: readonly string[] = [
  "relays", "elsewhere", "home", "places", "conversation", "shown", "answers", "carried", "connecting", "sealed", "joining", "house", "acts", "online", "replicas", "talk", "common", "backups",
];

/** inlined returns the page with the main script and the parts `inside` it, which knows the files of those `outside`. */
function inlined(template: string, style: string, main: string, inside: readonly Part[], outside: readonly Part[]): string {
  const place = '<script type="module" src="/src/main.ts"></script>';
  if (template.split(place).length !== 2 || template.split("</head>").length !== 2) throw new Error("split: the page has no place for the script");
  const files = JSON.stringify(outside.map(({ file }) => file));
  // Of this type nothing runs: a part runs when it is asked for.
  const kept = inside.toSorted((a, b) => neighbours.indexOf(a.name) - neighbours.indexOf(b.name)).map(({ name, text }) => `<script type="text/plain" id="part-${name}">${text}</script>`);
  const page = template
    .replace("</head>", () => `<style>${style}</style>\n</head>`)
    .replace(place, () => [...kept, `<script>var kithParts={},kithFiles=${files},${main}</script>`].join("\n  "));
  return guarded(page, outside.map(({ text }) => text));
}
