import { defineConfig, mergeConfig } from "vitest/config";
import e2e from "./vitest.e2e.config.ts";

// What needs a pod that was built for direct connections: $KITH_BINARY names it.
export default defineConfig(mergeConfig({ ...e2e, test: { ...e2e.test, include: [] } }, { test: { include: ["e2e/**/*.rtc.ts"] } }));
