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
 * `import("./x.ts")` becomes `kithPart("x")`.
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
        const parts = chunks.filter((chunk) => chunk !== main).map(partOf);
        const style = String(styles[0]?.source);
        for (const each of [...chunks, ...styles]) delete bundle[each.fileName];
        const script = mainText(main, parts);
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

function partOf(chunk: Rolldown.OutputChunk): Part {
  const name = chunk.name;
  if (!/^[a-z]+$/.test(name)) throw new Error(`split: ${name} is no name for a part`);
  const strangers = chunk.imports.filter((each) => each !== "main.js");
  if (strangers.length > 0 || chunk.dynamicImports.length > 0) throw new Error(`split: ${name} needs more than main: ${strangers.join(", ")}`);
  const text = script(`kithParts.${name}=((exports,require)=>{${chunk.code}\nreturn exports})({},()=>kithParts.main);`);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { name, file: `part-${name}-${hash}.js`, text };
}

/** The main script knows the file of each part, for where they are not inlined. */
function mainText(main: Rolldown.OutputChunk, parts: readonly Part[]): string {
  const files = JSON.stringify(Object.fromEntries(parts.map(({ name, file }) => [name, file])));
  let code = main.code;
  for (const { name } of parts) {
    const call = new RegExp(`Promise\\.resolve\\(\\)\\.then\\(\\(\\)=>require\\(["'\`]\\./${name}\\.js["'\`]\\)\\)`, "g");
    if (!call.test(code)) throw new Error(`split: main does not load ${name} in the way that is expected`);
    code = code.replace(call, `kithPart(${JSON.stringify(name)})`);
  }
  if (/\brequire\(/.test(code)) throw new Error("split: main requires something that is not there");
  return script(`var kithParts={},kithFiles=${files};((exports)=>{${code}\n})(kithParts.main={});`);
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
