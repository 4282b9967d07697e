import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

// The service worker: a script of its own, built after the page because it
// carries the page's hash. A changed page thus makes a changed worker, which is
// what a browser looks at to see an update.
export default defineConfig({
  publicDir: false,
  define: {
    SHELL_SHA256: JSON.stringify(createHash("sha256").update(readFileSync(at("dist/index.html"))).digest("hex")),
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
