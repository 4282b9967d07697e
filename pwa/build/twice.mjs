// Builds the app in two folders of different names and depths, under two time
// zones and languages, and asks for the same bytes in every file.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const home = fileURLToPath(new URL("..", import.meta.url));
const left = new Set(["dist", "packed", "shots", "e2e", "test"]);

/** @param {string} folder @param {Record<string, string>} place @returns {string} one line a file: hash and name */
function build(folder, place) {
  cpSync(home, folder, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => path === home || !left.has(path.slice(home.length).replace(/\/$/, "")),
  });
  const options = { cwd: folder, env: { ...process.env, ...place }, stdio: /** @type {const} */ ("pipe") };
  execFileSync("mkdir", ["-p", "dist", "packed"], options);
  execFileSync("npm", ["run", "--silent", "build"], options);
  return ["dist", "packed"]
    .flatMap((built) => readdirSync(join(folder, built)).sort().map((name) => join(folder, built, name)))
    .map((file) => `${createHash("sha256").update(readFileSync(file)).digest("hex")}  ${basename(file)}`)
    .join("\n");
}

const temp = mkdtempSync(join(tmpdir(), "kith-twice-"));
try {
  const first = build(join(temp, "one"), { TZ: "UTC", LC_ALL: "C" });
  const second = build(join(temp, "a longer name", "two"), { TZ: "Pacific/Auckland", LC_ALL: "C.UTF-8" });
  console.log(first);
  if (first !== second) {
    console.log(`--- the second build differs:\n${second}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(temp, { recursive: true });
}
