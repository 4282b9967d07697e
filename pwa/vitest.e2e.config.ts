import { defineConfig } from "vitest/config";
import { source } from "./build/source.ts";

// Browser tests, against the real binary. One file at a time: the machine's
// cores belong to the browsers.
export default defineConfig({
  plugins: [source()],
  test: {
    environment: "node",
    // A client for WebSocket is behind a flag before Node 22.
    execArgv: ["--experimental-websocket"],
    include: ["e2e/**/*.e2e.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
