import { defineConfig, mergeConfig } from "vitest/config";
import e2e from "../vitest.e2e.config.ts";

// The app in browsers of other makes, for who has them (`make browsers`).
export default defineConfig(mergeConfig({ ...e2e, test: { ...e2e.test, include: [] } }, { test: { include: ["browsers/**/*.browsers.ts"] } }));
