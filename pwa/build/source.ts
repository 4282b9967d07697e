import { build, type Plugin, type Rolldown } from "vite";

const suffix = "?source";

/** source bundles a module imported as `./x.ts?source` into one classic script and exports its text as
 * `source`, so that a worker can be started from a blob: the only way that works from a file too. */
export function source(): Plugin {
  return {
    name: "kith:source",
    enforce: "pre",
    async resolveId(id, importer) {
      if (!id.endsWith(suffix)) return null;
      const found = await this.resolve(id.slice(0, -suffix.length), importer, { skipSelf: true });
      return found === null ? null : found.id + suffix;
    },
    async load(id) {
      if (!id.endsWith(suffix)) return null;
      const { code, moduleIds } = await bundle(id.slice(0, -suffix.length));
      for (const each of moduleIds) this.addWatchFile(each);
      return `export const source = ${JSON.stringify(code)};`;
    },
  };
}

/** bundle returns a module with all that it imports as one classic script, in which the names in `define` stand for these texts. */
export async function bundle(entry: string, define: Readonly<Record<string, string>> = {}): Promise<Rolldown.OutputChunk> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    define: Object.fromEntries(Object.entries(define).map(([name, text]) => [name, JSON.stringify(text)])),
    build: {
      target: "es2023",
      write: false,
      modulePreload: false,
      rolldownOptions: { input: entry, output: { format: "iife", codeSplitting: false } },
    },
  });
  const outputs = Array.isArray(result) ? result : [result];
  for (const each of outputs) {
    if (!("output" in each)) continue;
    const [chunk, ...rest] = each.output;
    if (rest.length > 0) throw new Error(`bundle ${entry}: it has to be one script, without assets`);
    return chunk;
  }
  throw new Error(`bundle ${entry}: nothing came out`);
}
