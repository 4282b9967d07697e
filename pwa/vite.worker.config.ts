import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";
import { bundle } from "./build/source.ts";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const hash = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");

// The service worker: a script of its own, built after the pages because it
// carries their hashes. A changed page thus makes a changed worker, which is
// what a browser looks at to see an update. What answers after a push is
// another script, which it names by its hash.
export default defineConfig(async (): Promise<UserConfig> => {
  const { code } = await bundle(at("src/worker/answer.ts"));
  const answer = `answer-${hash(code).slice(0, 12)}.js`;
  writeFileSync(at(`dist/${answer}`), code);
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
