import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { guarded } from "../build/policy.ts";

const head = '<!doctype html>\n<meta charset="utf-8">\n';

function sha256(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

test("the policy names each inlined script and style by its hash, and stands before them", () => {
  const page = guarded(`${head}<script type="module">one()</script><style>b{}</style><script>two()</script>`);
  expect(page).toContain(`script-src ${sha256("one()")} ${sha256("two()")};`);
  expect(page).toContain(`style-src ${sha256("b{}")};`);
  expect(page.indexOf("Content-Security-Policy")).toBeLessThan(page.indexOf("<script"));
});

test("a page without scripts and styles gets none", () => {
  expect(guarded(head)).toContain("script-src 'none'; style-src 'none';");
});

test("a dollar sign in a page stays what it is", () => {
  expect(guarded(`${head}<script>"$&$1"</script>`)).toContain(`<script>"$&$1"</script>`);
});

test.each([
  ["an outside script", `${head}<script src="a.js"></script>`, "not inlined"],
  ["an outside style", `${head}<link rel="stylesheet" href="a.css">`, "not inlined"],
  ["no place for the policy", "<!doctype html>", "exactly one"],
  ["two places for it", head + head, "exactly one"],
])("%s is an error", (_name, page, message) => {
  expect(() => guarded(page)).toThrow(message);
});
