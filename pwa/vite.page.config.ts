import { viteSingleFile } from "vite-plugin-singlefile";
import { defineConfig } from "vite";
import { policy } from "./build/policy.ts";
import { source } from "./build/source.ts";

// Pages of the browser tests: one file with everything inlined, under the app's own policy.
export default defineConfig({
  base: "./",
  plugins: [source(), viteSingleFile(), policy()],
  build: { target: "es2023", modulePreload: false, reportCompressedSize: false },
});
