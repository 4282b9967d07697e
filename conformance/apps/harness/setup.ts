/** Starts the one Community Solid Server of a run, and tells the tests where it is. */

import type { TestProject } from "vitest/node";
import { startCSS } from "./css.ts";

declare module "vitest" {
  export interface ProvidedContext {
    css: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const css = await startCSS();
  project.provide("css", css.url);
  return css.close;
}
