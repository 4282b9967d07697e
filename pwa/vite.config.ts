import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { source } from "./build/source.ts";
import { split } from "./build/split.ts";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

// The app: a page with everything inlined, and the same app as a shell with parts beside it (build/split.ts).
// Unit tests run in plain Node.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [source(), split(at("index.html"))],
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    target: "es2023",
    // light-dark() and its like stay as they are written: older browsers are not served.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // CommonJS is not minified in library mode unless it is said.
    minify: true,
    // The folder keeps a file that the Go package needs; `npm run build` empties the rest.
    emptyOutDir: false,
    copyPublicDir: true,
    modulePreload: false,
    reportCompressedSize: false,
    lib: { entry: at("src/main.ts"), formats: ["cjs"], fileName: () => "main.js", cssFileName: "style" },
    // What parts share with main stays in main.
    rolldownOptions: { preserveEntrySignatures: false, output: { exports: "named", chunkFileNames: "[name].js" } },
  },
  test: {
    environment: "node",
    // A client for WebSocket is behind a flag before Node 22.
    execArgv: ["--experimental-websocket"],
    include: ["test/**/*.test.ts", "src/**/*.test.ts"],
    // Most of the time goes into waiting for pods and relays, so more files run than there are cores. A deadline ends what hangs; it is no
    // judgement of how quick a machine is.
    maxWorkers: 4,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
