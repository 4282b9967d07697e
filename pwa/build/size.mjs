// The size gate: what a phone downloads before it sees anything. Bytes, as pack.mjs
// wrote what the pod sends.
import { readdirSync, statSync } from "node:fs";

const dist = new URL("../dist/", import.meta.url);

// index.html is one file to keep, with every part in it; nobody waits for it. The answer-… scripts are fetched
// beside the shell and kept for the worker. After a push it answers by the first: store, rules and sealing are in it. The
// second takes in messages and acceptances, and is run when somebody brings one.
/** @type {{ file: string, packed: boolean, limit: number }[]} */
const budgets = [
  { file: "shell.html", packed: true, limit: 60_000 },
  ...readdirSync(dist).filter((file) => file.startsWith("part-")).map((file) => ({ file, packed: true, limit: 20_000 })),
  { file: "index.html", packed: true, limit: 178_000 },
  { file: "sw.js", packed: false, limit: 2_048 },
  ...readdirSync(dist).filter((file) => file.startsWith("answer-")).map((file) => ({ file, packed: true, limit: file.startsWith("answer-taking-") ? 20_000 : 28_500 })),
];

let over = false;
for (const { file, packed, limit } of budgets) {
  const { size } = statSync(packed ? new URL(`../packed/${file}.gz`, import.meta.url) : new URL(file, dist));
  over ||= size > limit;
  console.log(`${file}: ${size} of ${limit} bytes${packed ? " gzipped" : ""}${size > limit ? ": too large" : ""}`);
}
process.exitCode = over ? 1 : 0;
