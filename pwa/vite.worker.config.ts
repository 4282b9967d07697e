import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";
import { bundle } from "./build/source.ts";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const hash = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");

/** script writes a module as a script of its own and returns the name of its file. */
async function script(name: string, entry: string, define?: Readonly<Record<string, string>>): Promise<string> {
  const { code } = await bundle(at(entry), define);
  const file = `${name}-${hash(code).slice(0, 12)}.js`;
  writeFileSync(at(`dist/${file}`), code);
  return file;
}

// The service worker: a script of its own, built after the pages because it
// carries their hashes. A changed page thus makes a changed worker, which is
// what a browser looks at to see an update. What answers after a push is
// another script, which it names by its hash, and that names a third one in the
// same way, which takes in what friends bring.
export default defineConfig(async (): Promise<UserConfig> => {
  const taking = await script("answer-taking", "src/worker/taking.ts");
  const answer = await script("answer", "src/worker/answer.ts", { TAKING: taking });
  return {
    publicDir: false,
    define: {
      SHELL: JSON.stringify(hash(readFileSync(at("dist/shell.html")))),
      WHOLE: JSON.stringify(hash(readFileSync(at("dist/index.html")))),
      ANSWER: JSON.stringify(answer),
    },
    build: {
      target: "es2023",
      emptyOutDir: false,
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: at("src/worker/sw.ts"),
        output: { format: "iife", entryFileNames: "sw.js" },
      },
    },
  };
});
