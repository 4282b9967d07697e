import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { deviations } from "./deviations.ts";

test("each deviation names a test that there is", async () => {
  const folder = new URL("./", import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".app.ts"));
  const text = (await Promise.all(files.map((name) => readFile(new URL(name, folder), "utf8")))).join("\n");
  const unknown = [...deviations.keys()].filter((name) => !text.includes(`it("${name}"`));
  expect(unknown).toEqual([]);
});
