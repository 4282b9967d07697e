#!/usr/bin/env node
// bench: runs every benchmark of the tree and writes docs/performance.md: first the figures that have a
// goal, then what other commands have measured, which stays as it stands there, then all of them. Ratios come from one
// run in which both sides take turns. It takes some minutes; BENCHTIME=1x looks only whether all of it works.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** @param {string[]} args @returns {string} */
function go(args) {
  const run = spawnSync("go", args, { encoding: "utf8", maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "inherit"] });
  process.stdout.write(run.stdout);
  if (run.status !== 0) throw new Error(`go ${args.join(" ")} ended with ${run.status}`);
  return run.stdout;
}

/** @typedef {{ room: string, name: string, figures: Map<string, number> }} Result */

/** @param {string} output @returns {Result[]} */
function results(output) {
  /** @type {Result[]} */
  const all = [];
  let room = "";
  for (const line of output.split("\n")) {
    if (line.startsWith("pkg: ")) room = line.slice(5).replace(/^kith\//, "");
    const found = /^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$/.exec(line);
    if (found === null) continue;
    const words = (found[2] ?? "").trim().split(/\s+/);
    const figures = new Map();
    for (let i = 0; i + 1 < words.length; i += 2) figures.set(words[i + 1], Number(words[i]));
    all.push({ room, name: found[1] ?? "", figures });
  }
  return all;
}

const wire = results(go(["test", "-run", "^$", "-bench", ".", "-benchtime", "1x", "-timeout", "30m", "./conformance"]));
const rest = results(go(["test", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", process.env["BENCHTIME"] ?? "1s", "-timeout", "30m", ...rooms()]));

function rooms() {
  return execFileSync("go", ["list", "./..."], { encoding: "utf8" }).trim().split("\n").filter((name) => !name.includes("/conformance"));
}

/** @param {string} name @param {string} unit @param {Result[]} [among] @returns {number} */
function measured(name, unit, among = wire) {
  const value = among.find((each) => each.name === name)?.figures.get(unit);
  if (value === undefined) throw new Error(`nothing measured ${unit} of ${name}`);
  return value;
}

const shell = statSync("pwa/packed/shell.html.gz").size / 1000;

/** what, figure, unit, goal (or undefined) */
/** @type {[string, number, string, number | undefined][]} */
const goals = [
  ["binary", measured("Server", "binary-MB"), "MB", 20],
  ["memory at rest (RSS), one small pod", measured("Server", "rss-MB"), "MB", 25],
  ["memory at rest, 10,000 posts", measured("Server", "rss-10k-MB"), "MB", undefined],
  ["start to listening, one small pod", measured("Server", "start-ms"), "ms", undefined],
  ["start, 10,000 posts (20,000 files)", measured("Server", "start-10k-ms"), "ms", undefined],
  ["start without the index, 10,000 posts", measured("Server", "index-again-ms"), "ms", undefined],
  ["a friend's GET of 2 KB: server CPU", measured("GET", "cpu-µs"), "µs", undefined],
  ["… beside bare net/http with one P-256 verification: CPU", measured("GET", "bare-cpu-µs"), "µs", undefined],
  ["… ratio", measured("GET", "cpu-ratio"), "×", undefined],
  ["… median time, Kith and bare", measured("GET", "median-µs"), `µs (bare: ${measured("GET", "bare-median-µs")} µs)`, undefined],
  ["files of ours that one GET runs, warm", measured("Touched", "files"), "", 8],
  ["functions of ours that one GET runs, warm", measured("Touched", "functions"), "", 30],
  ["a friend's listing of 10,000 posts, half of them visible", measured("Reading10000", "listing-ms"), "ms", undefined],
  ["a friend's first feed page of 20 with texts, of 10,000", measured("Reading10000", "feed-ms"), "ms", undefined],
  ["relay: question and answer of 1 KiB, both awake, on this machine", measured("Answered/bytes=1024", "ms-median", rest), "ms", 15],
  ["a friend's GET of 2 KB, asker, relay and pod 50 ms from each other, there and back: through a mailbox", measured("Away/mailbox", "ms/GET", rest), "ms", 120],
  ["… sealed by HTTPS, and plain", measured("Away/https", "ms/GET", rest), `ms (plain: ${measured("Away/plain", "ms/GET", rest).toFixed(0)} ms)`, undefined],
  ["relay: messages put and acknowledged, each on the disk, 64 at a time", measured("PutAck/people=64", "messages/s", rest), "/s", undefined],
  ["relay: memory (RSS) with 10,000 sockets, each with a queue", measured("Sockets", "rss-MB", rest), "MB", 256],
  ["10,000 slow connections: 99 of 100 good requests meanwhile within", measured("Slow", "good-p99-ms"), "ms", 50],
  ["… memory (RSS), at most", measured("Slow", "rss-MB"), "MB", 256],
  ["… the last of them cut after", measured("Slow", "cut-s"), "s", 30],
  ["app shell, gzipped", shell, "KB", 60],
];

/** What stands under a heading of the file, up to the next. @param {string} heading @returns {string[]} */
function kept(heading) {
  const [, rest = ""] = readFileSync("docs/performance.md", "utf8").split(`\n## ${heading}\n`);
  return [`## ${heading}`, ...(rest.split("\n## ")[0] ?? "").replace(/^\n*/, "\n").trimEnd().split("\n"), ""];
}

/** @param {number} n */
const short = (n) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));

const lines = [
  "# Performance",
  "",
  "Written by `make bench`. The app's own times are measured in a browser by `pwa/e2e/scale.e2e.ts`, which",
  "`make test` runs and prints.",
  "",
  `Machine: ${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${execFileSync("go", ["version"], { encoding: "utf8" }).trim().replace("go version ", "")}.`,
  "It is shared, so times vary by a third from run to run; ratios are of one run.",
  "",
  "| what | figure | goal | |",
  "|---|---:|---:|---|",
  ...goals.map(([what, value, unit, goal]) => `| ${what} | ${short(value)} ${unit} | ${goal === undefined ? "" : `≤ ${goal}`} | ${goal === undefined ? "" : value <= goal ? "met" : "**missed**"} |`),
  "",
  "Files and functions: each of our functions is small, so a request runs many of them: of the functions",
  "counted, most are one-line methods of paths, agents and rows. Community Solid Server runs 129 files and",
  "327 functions for the same GET.",
  "",
  ...kept("By other commands"),
  "## All benchmarks",
  "",
  "| package | benchmark | figures |",
  "|---|---|---|",
  ...[...wire, ...rest].map(({ room, name, figures }) => `| ${room} | ${name} | ${[...figures].filter(([unit, n]) => !(unit === "ns/op" && n === 0)).map(([unit, n]) => `${short(n)} ${unit}`).join(", ")} |`),
  "",
];
writeFileSync("docs/performance.md", lines.join("\n"));
console.log("\nwritten: docs/performance.md");
