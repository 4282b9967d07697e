import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin, Rolldown } from "vite";
import { guarded } from "./policy.ts";

/**
 * split turns the build into pages. The app is one main script, and parts that it loads with `import()`
 * after the first page. Two pages come of the same bytes:
 *
 *     index.html   everything inlined; opens from a file and on any host
 *     shell.html   the main script alone; the parts are files beside it, `part-<name>-<hash>.js`
 *
 * A script may run only if the page's policy names its hash, wherever its text comes from, so a part is
 * not imported by address: its text, inlined or fetched, becomes an inline script (see `ui/later.ts` for
 * the other half). The main script is built as CommonJS and wrapped, and so is each part:
 *
 *     kithParts.main   = (exports of main.js)
 *     kithParts.online = (exports of the part)      when its script has run
 *
 * `import("./x.ts")` becomes `kithPart("x")`. What the bundler puts into a chunk of its own because main and parts
 * share it stands in the main script, before main, and is found in `kithParts` too.
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
        const shared = chunks.filter((chunk) => !chunk.isEntry && !chunk.isDynamicEntry);
        const parts = chunks.filter((chunk) => chunk.isDynamicEntry).map((chunk) => partOf(chunk, [main, ...shared]));
        const style = String(styles[0]?.source);
        for (const each of [...chunks, ...styles]) delete bundle[each.fileName];
        const script = mainText(main, shared, parts);
        const template = readFileSync(page, "utf8");
        this.emitFile({ type: "asset", fileName: "index.html", source: inlined(template, style, script, parts, true) });
        this.emitFile({ type: "asset", fileName: "shell.html", source: inlined(template, style, script, parts, false) });
        for (const { file, text } of parts) this.emitFile({ type: "asset", fileName: file, source: text });
      },
    },
  };
}

/** Part is a script that is loaded later. */
export interface Part {
  readonly name: string;
  /** What it is called as a file of its own. */
  readonly file: string;
  readonly text: string;
}

function partOf(chunk: Rolldown.OutputChunk, before: readonly Rolldown.OutputChunk[]): Part {
  const name = nameOf(chunk);
  if (chunk.dynamicImports.length > 0) throw new Error(`split: ${name} loads parts; only main does`);
  const text = script(`kithParts.${name}=((exports)=>{${required(chunk, before)}\nreturn exports})({});`);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { name, file: `part-${name}-${hash}.js`, text };
}

function nameOf({ name }: Rolldown.OutputChunk): string {
  if (!/^[a-z]+$/.test(name)) throw new Error(`split: ${name} is no name for a part`);
  return name;
}

/** required returns the code of a chunk, with what it needs taken from scripts that have run before. */
function required({ code, imports, name }: Rolldown.OutputChunk, before: readonly Rolldown.OutputChunk[]): string {
  const strangers = imports.filter((each) => !before.some(({ fileName }) => fileName === each));
  if (strangers.length > 0) throw new Error(`split: ${name} needs what does not run before it: ${strangers.join(", ")}`);
  return before.reduce((text, { fileName, name: other }) => text.replaceAll(new RegExp(`require\\(["'\`]\\./${fileName}["'\`]\\)`, "g"), `kithParts.${other}`), code);
}

/** The main script knows the file of each part, for where they are not inlined. */
function mainText(main: Rolldown.OutputChunk, shared: readonly Rolldown.OutputChunk[], parts: readonly Part[]): string {
  const files = JSON.stringify(Object.fromEntries(parts.map(({ name, file }) => [name, file])));
  let code = main.code;
  for (const { name } of parts) {
    const call = new RegExp(`Promise\\.resolve\\(\\)\\.then\\(\\(\\)=>require\\(["'\`]\\./${name}\\.js["'\`]\\)\\)`, "g");
    if (!call.test(code)) throw new Error(`split: main does not load ${name} in the way that is expected`);
    code = code.replace(call, `kithPart(${JSON.stringify(name)})`);
  }
  const all = [...shared.map((chunk) => ran(chunk, [])), ran({ ...main, code }, shared)].join("");
  if (/\brequire\(/.test(all)) throw new Error("split: main requires something that is not there");
  return script(`var kithParts={},kithFiles=${files};${all}`);
}

function ran(chunk: Rolldown.OutputChunk, before: readonly Rolldown.OutputChunk[]): string {
  return `((exports)=>{${required(chunk, before)}\n})(kithParts.${nameOf(chunk)}={});`;
}

function script(text: string): string {
  if (/<\/script|<!--/i.test(text)) throw new Error("split: a script cannot be inlined");
  return text;
}

function inlined(template: string, style: string, main: string, parts: readonly Part[], whole: boolean): string {
  const place = '<script type="module" src="/src/main.ts"></script>';
  if (template.split(place).length !== 2 || template.split("</head>").length !== 2) throw new Error("split: the page has no place for the script");
  // Of this type nothing runs: a part runs when it is asked for.
  const kept = whole ? parts.map(({ name, text }) => `<script type="text/plain" id="part-${name}">${text}</script>`) : [];
  const page = template
    .replace("</head>", () => `<style>${style}</style>\n</head>`)
    .replace(place, () => [...kept, `<script>${main}</script>`].join("\n  "));
  return guarded(page, whole ? [] : parts.map(({ text }) => text));
}
