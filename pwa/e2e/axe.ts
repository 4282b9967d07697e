/** What axe-core finds wrong with a page for people who do not see, hear or point as others do. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

/** Violation is one rule that a page breaks and the elements that break it. */
export interface Violation {
  readonly rule: string;
  readonly help: string;
  readonly targets: readonly string[];
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
  }[];
  readonly passes: readonly unknown[];
}

/** axe runs all of axe-core's rules on the page as it is. A page on which no rule passed was not looked at,
 * and is an error. */
export async function axe(page: Page): Promise<Violation[]> {
  // The page's own policy lets no script in; the debugger's protocol goes past it.
  const debug = await page.context().newCDPSession(page);
  try {
    if ((await evaluate(debug, "typeof axe")) !== "object") await evaluate(debug, `${await source()};undefined`);
    const result = JSON.parse(await evaluate(debug, "axe.run(document, { resultTypes: ['violations'] }).then(JSON.stringify)")) as AxeResult;
    if (result.passes.length === 0) throw new Error("run axe: no rule found anything to look at");
    return result.violations.map(({ id, help, nodes }) => ({
      rule: id,
      help,
      targets: nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary ?? ""}`),
    }));
  } finally {
    await debug.detach();
  }
}

function source(): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
}

type Debug = Awaited<ReturnType<ReturnType<Page["context"]>["newCDPSession"]>>;

async function evaluate(debug: Debug, expression: string): Promise<string> {
  const answer = await debug.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (answer.exceptionDetails !== undefined) {
    throw new Error(`run axe: ${answer.exceptionDetails.exception?.description ?? answer.exceptionDetails.text}`);
  }
  return String(answer.result.value);
}
