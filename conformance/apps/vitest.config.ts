import { defineConfig } from "vitest/config";

// Solid applications against real servers. One file at a time: the machine's
// cores belong to the servers.
export default defineConfig({
  test: {
    environment: "node",
    include: ["*.app.ts"],
    globalSetup: "harness/setup.ts",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 180_000,
  },
});
