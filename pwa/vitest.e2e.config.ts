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
    // A deadline ends what hangs; it is no judgement of how quick a machine is.
    testTimeout: 600_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
