import { viteSingleFile } from "vite-plugin-singlefile";
import { defineConfig } from "vitest/config";
import { policy } from "./build/policy.ts";
import { source } from "./build/source.ts";

// The app: one page, everything inlined. Unit tests run in plain Node.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [source(), viteSingleFile(), policy()],
  build: {
    target: "es2023",
    // light-dark() and its like stay as they are written: older browsers are not served.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The folder keeps a file that the Go package needs; `npm run build` empties the rest.
    emptyOutDir: false,
    modulePreload: false,
    reportCompressedSize: false,
  },
  test: { environment: "node", include: ["test/**/*.test.ts", "src/**/*.test.ts"] },
});
