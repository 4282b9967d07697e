/** A pod that was made of a backup in which everything but the keyring is damaged: its phone gives it all back, byte for byte. */

import { execFile } from "node:child_process";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { binary, Host, type Person } from "./host.ts";
import { Device, picture, until } from "./world.ts";

const run = promisify(execFile);
const device = new Device("phone");
let host: Host;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(async () => {
  await device.close();
  await host.close();
});

/** files returns what lies in a folder, by name. */
async function files(folder: string): Promise<Readonly<Record<string, string>>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = found.filter((each) => each.isFile()).map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path.slice(folder.length), await readFile(path, "base64")] as const)));
}

/** backUp makes a backup of a pod that no server has open, and returns where its kit is. */
async function backUp({ name }: Person, place: string): Promise<string> {
  const data = ["--data", host.folder];
  await run(binary, ["backup", "add", name, place, ...data]);
  await run(binary, ["backup", "run", name, ...data]);
  const { stdout } = await run(binary, ["backup", "kit", name, ...data]);
  await writeFile(`${place}.kit`, stdout);
  return `${place}.kit`;
}

test("a phone gives back what a salvage could not", async () => {
  const kith = await device.kith();
  await kith.start("Ana");
  const person = await host.person("ana");
  await kith.connectPod(person.pair);
  await kith.post({ text: "for all", pictures: [picture("A dog")], audience: { kind: "all" } });
  await kith.post({ text: "for me", pictures: [], audience: { kind: "me" } });
  await kith.addCircle("Family", []);
  await kith.syncNow();
  expect(kith.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  await host.stop();
  const tree = join(host.folder, "pods", person.name);
  const before = await files(tree);
  const place = `${host.folder}-backup`;
  const kit = await backUp(person, place);
  try {
    for (const name of Object.keys(await files(join(place, "objects")))) await truncate(join(place, "objects", name), 100);
    await rm(host.folder, { recursive: true });
    const salvage = run(binary, ["restore", place, "--kit", kit, "--salvage", "--data", host.folder, "--url", host.url]);
    await expect(salvage).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining("/post.jsonld\n") });
  } finally {
    for (const each of [place, kit]) await rm(each, { recursive: true });
  }
  expect(Object.keys(await files(tree)).filter((name) => /post\.jsonld|webp|circles|profile/.test(name))).toEqual([]);
  await host.start();
  await until(async () => {
    await kith.syncNow();
    return Object.keys(before).length === Object.keys(await files(tree)).length && kith.pod().waiting === 0;
  }, "give it back");
  expect(await files(tree)).toEqual(before);
  expect((await kith.feed({ limit: 5 })).posts.map(({ text, state }) => [text, state])).toEqual([["for me", "pod"], ["for all", "pod"]]);
});
