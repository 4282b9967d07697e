import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { violations } from "./walls.ts";

const src = fileURLToPath(new URL("../src/", import.meta.url));

test("the source keeps to its walls", () => {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !/\.(test|d)\.ts$/.test(file))
    .sort();
  expect(files).toContain("main.ts");
  const sources = Object.fromEntries(files.map((file) => [file, readFileSync(join(src, file), "utf8")]));
  expect(violations(sources)).toEqual([]);
});

describe("a wall holds against", () => {
  test.each([
    ["the core importing a view", "core/pod/x.ts", `import { a } from "../../ui/a.ts";`, "core/pod/x.ts:1: core/pod may not import ui"],
    ["a low room importing a higher one", "core/webid/x.ts", `export { a } from "../pod/a.ts";`, "core/webid/x.ts:1: core/webid may not import core/pod"],
    ["rooms of one height knowing each other", "core/store/x.ts", `import type { a } from "../webid/a.ts";`, "core/store/x.ts:1: core/store may not import core/webid"],
    ["a lazy import", "core/acl/x.ts", `export const a = () => import("../sync/a.ts");`, "core/acl/x.ts:1: core/acl may not import core/sync"],
    ["a view importing a worker", "ui/x.ts", `import { a } from "../worker/a.ts";`, "ui/x.ts:1: ui may not import worker"],
    ["a room without a place", "core/things/x.ts", `export const a = 1;`, "core/things/x.ts: core/things has no place in the order"],
    ["any", "ui/x.ts", `export type A = any;`, "ui/x.ts:1: any"],
    ["a default export", "ui/x.ts", `export default 1;`, "ui/x.ts:1: a default export"],
    ["an enum", "ui/x.ts", `enum A { B }`, "ui/x.ts:1: an enum"],
    ["innerHTML", "ui/x.ts", `export const f = (e: Element) => { e.innerHTML = ""; };`, "ui/x.ts:1: innerHTML"],
    ["innerHTML by Preact", "ui/x.tsx", `export const a = <b dangerouslySetInnerHTML={{ __html: "" }} />;`, "ui/x.tsx:1: dangerouslySetInnerHTML"],
    ["the core's own clock", "core/x.ts", `export const a =\n  Date.now();`, "core/x.ts:2: the core gets Date.now as an argument"],
    ["its other clock", "core/x.ts", `export const a = new Date();`, "core/x.ts:1: the core gets new Date() as an argument"],
    ["its own chance", "core/x.ts", `export const a = crypto.getRandomValues(new Uint8Array(1));`, "core/x.ts:1: the core gets crypto.getRandomValues as an argument"],
    ["its own network", "core/x.ts", `export const a = () => fetch("/");`, "core/x.ts:1: the core gets fetch as an argument"],
    ["its own surroundings", "core/x.ts", `export const a = self.name;`, "core/x.ts:1: the core gets self as an argument"],
    ["words in a view", "ui/x.tsx", `export const a = <b>Hello</b>;`, "ui/x.tsx:1: words outside the message files: Hello"],
    ["words in an attribute", "ui/x.tsx", `export const a = <img alt="A dog" />;`, "ui/x.tsx:1: words outside the message files: A dog"],
    ["501 lines", "ui/x.ts", "\n".repeat(501), "ui/x.ts: 501 lines; at most 500"],
  ])("%s", (_name, file, text, violation) => {
    expect(violations({ [file]: text })).toEqual([violation]);
  });

  test.each([
    ["the way down", "core/sync/x.ts", `import { a } from "../pod/a.ts"; import { b } from "../errors.ts"; export const c = [a, b];`],
    ["a view over the core", "ui/x.ts", `import { a } from "../core/kith.ts"; export const b = a;`],
    ["the clock as an argument", "core/x.ts", `export const at = (now: () => number) => new Date(now());`],
    ["a parameter of a global's name", "core/x.ts", `export const f = (self: { a: 1 }, { fetch }: { fetch(): 1 }) => [self.a, fetch()];`],
    ["a page's own surroundings", "ui/x.ts", `export const a = () => fetch(location.href);`],
    ["signs and numbers in a view", "ui/x.tsx", `export const a = <b title="·"> · {1} </b>;`],
    ["500 lines", "ui/x.ts", "\n".repeat(500)],
  ])("nothing in %s", (_name, file, text) => {
    expect(violations({ [file]: text })).toEqual([]);
  });
});
