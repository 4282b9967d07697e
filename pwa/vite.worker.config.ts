import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const hash = (name: string): string => createHash("sha256").update(readFileSync(at(`dist/${name}`))).digest("hex");
const parts = readdirSync(at("dist")).filter((name) => name.startsWith("part-")).sort();

// The service worker: a script of its own, built after the pages because it
// carries their hashes, and the files that each needs beside it. A changed page
// thus makes a changed worker, which is what a browser looks at to see an update.
export default defineConfig({
  publicDir: false,
  define: {
    PAGES: JSON.stringify({ [hash("shell.html")]: parts, [hash("index.html")]: [] }),
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
});
