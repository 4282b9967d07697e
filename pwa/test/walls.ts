/**
 * The walls of the app's source: which folder may import which, what the core may touch, and what no
 * module does. The Go packages have theirs in house_test.go.
 *
 *     core/webid core/store   the lowest, beside core's own plain modules
 *     core/acl core/ldp core/relay
 *     core/pod core/sealed
 *     core/sync core/answer
 *     core/backup
 *     ui                      -> core
 *     worker                  -> core
 *     main.ts                 -> all
 */

import { posix } from "node:path";
import { parseSync } from "vite";

/** Node is what every node of the syntax tree has in common. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

interface Module {
  /** Path below src. */
  readonly file: string;
  readonly text: string;
  readonly nodes: readonly Node[];
  /** Names that the module binds somewhere: parameters, variables, functions, imports. */
  readonly bound: ReadonlySet<string>;
}

const maxLines = 500;

/** How high a folder of the core stands; what is not listed may not be there. */
const height: Readonly<Record<string, number>> = {
  "core/webid": 1,
  "core/store": 1,
  "core/acl": 2,
  "core/ldp": 2,
  "core/relay": 2,
  "core/pod": 3,
  "core/sealed": 3,
  "core/answer": 4,
  "core/sync": 4,
  "core/backup": 5,
};

const markup = new Set(["innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySetInnerHTML", "setHTMLUnsafe"]);

/** What of its surroundings the core gets as arguments instead. */
const surroundings = new Set([
  "document", "window", "self", "globalThis", "location", "navigator", "localStorage", "sessionStorage",
  "fetch", "postMessage", "importScripts", "setTimeout", "setInterval",
]);

/** Attributes whose value a person reads or hears. */
const spoken = new Set(["alt", "aria-label", "aria-description", "label", "placeholder", "title"]);

/** violations returns one line for each broken wall. The keys are paths below src, the values the source. */
export function violations(sources: Readonly<Record<string, string>>): string[] {
  return Object.entries(sources).flatMap(([file, text]) => {
    const module = parse(file, text);
    return [...size(module), ...imports(module), ...language(module), ...environment(module), ...words(module)];
  });
}

function parse(file: string, text: string): Module {
  const { program, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`parse ${file}: ${errors[0].message}`);
  const nodes: Node[] = [];
  collect(program, nodes);
  return { file, text, nodes, bound: new Set(nodes.flatMap(binds)) };
}

function collect(value: unknown, into: Node[]): void {
  if (Array.isArray(value)) {
    for (const each of value) collect(each, into);
    return;
  }
  if (!isNode(value)) return;
  into.push(value);
  for (const field of Object.values(value)) collect(field, into);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

// The names that a node binds, looking into patterns.
function binds(node: Node): string[] {
  switch (node.type) {
    case "VariableDeclarator":
    case "FunctionDeclaration":
      return names(node["id"]).concat(names(node["params"]));
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return names(node["params"]);
    case "ImportSpecifier":
    case "ImportNamespaceSpecifier":
      return names(node["local"]);
    case "CatchClause":
      return names(node["param"]);
    default:
      return [];
  }
}

function names(pattern: unknown): string[] {
  if (Array.isArray(pattern)) return pattern.flatMap(names);
  if (!isNode(pattern)) return [];
  switch (pattern.type) {
    case "Identifier":
      return [String(pattern["name"])];
    case "ObjectPattern":
      return names(pattern["properties"]);
    case "Property":
      return names(pattern["value"]);
    case "ArrayPattern":
      return names(pattern["elements"]);
    case "AssignmentPattern":
      return names(pattern["left"]);
    case "RestElement":
      return names(pattern["argument"]);
    default:
      return [];
  }
}

function line(module: Module, node: Node): string {
  return `${module.file}:${module.text.slice(0, node.start).split("\n").length}`;
}

function size({ file, text }: Module): string[] {
  const lines = text.split("\n").length - 1;
  return lines > maxLines ? [`${file}: ${lines} lines; at most ${maxLines}`] : [];
}

function imports(module: Module): string[] {
  const from = room(module.file);
  const found: string[] = [];
  if (from.startsWith("core/") && height[from] === undefined) found.push(`${module.file}: ${from} has no place in the order`);
  for (const node of module.nodes) {
    const source = node["source"];
    if (!isNode(source) || typeof source["value"] !== "string" || !source["value"].startsWith(".")) continue;
    const to = room(posix.join(posix.dirname(module.file), source["value"]));
    if (!mayImport(from, to)) found.push(`${line(module, node)}: ${from} may not import ${to}`);
  }
  return found;
}

/** room returns the folder that decides what a file may import: `core/webid`, `core`, `ui`, `worker`, `.`. */
function room(file: string): string {
  const [first = ".", second = "", ...deeper] = file.split("/");
  if (second === "") return ".";
  return first === "core" && deeper.length > 0 ? `core/${second}` : first;
}

function mayImport(from: string, to: string): boolean {
  if (from === to || from === ".") return true;
  if (!from.startsWith("core")) return to === "core" || to.startsWith("core/");
  // Core's own plain modules stand beside its rooms: they name what the rooms share, or wire them.
  if (from === "core") return to.startsWith("core/");
  if (to === "core") return true;
  return (height[to] ?? Infinity) < (height[from] ?? 0);
}

function language(module: Module): string[] {
  return module.nodes.flatMap((node) => {
    const where = line(module, node);
    switch (node.type) {
      case "TSAnyKeyword":
        return [`${where}: any`];
      case "ExportDefaultDeclaration":
        return [`${where}: a default export`];
      case "TSEnumDeclaration":
        return [`${where}: an enum`];
      case "Identifier":
      case "JSXIdentifier":
        return markup.has(String(node["name"])) ? [`${where}: ${String(node["name"])}`] : [];
      default:
        return [];
    }
  });
}

function environment(module: Module): string[] {
  if (!module.file.startsWith("core/")) return [];
  return module.nodes.flatMap((node) => {
    const touched = touches(module, node);
    return touched === undefined ? [] : [`${line(module, node)}: the core gets ${touched} as an argument`];
  });
}

// The clock, chance and the surroundings that a node reaches for.
function touches(module: Module, node: Node): string | undefined {
  if (node.type === "NewExpression" && name(node["callee"]) === "Date" && isEmpty(node["arguments"])) return "new Date()";
  if (node.type === "CallExpression") return global(module, node["callee"]);
  if (node.type !== "MemberExpression") return undefined;
  const path = `${name(node["object"]) ?? ""}.${name(node["property"]) ?? ""}`;
  if (["Date.now", "Math.random", "crypto.getRandomValues", "crypto.randomUUID", "performance.now"].includes(path)) return path;
  return global(module, node["object"]);
}

function global(module: Module, node: unknown): string | undefined {
  const found = name(node);
  return found !== undefined && surroundings.has(found) && !module.bound.has(found) ? found : undefined;
}

function name(node: unknown): string | undefined {
  return isNode(node) && node.type === "Identifier" ? String(node["name"]) : undefined;
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}

// What a person reads stands in the message files, so that it can be said in other languages.
function words(module: Module): string[] {
  if (!module.file.startsWith("ui/")) return [];
  return module.nodes.flatMap((node) => {
    const text = said(node);
    return text !== undefined && /\p{L}/u.test(text) ? [`${line(module, node)}: words outside the message files: ${text.trim()}`] : [];
  });
}

function said(node: Node): string | undefined {
  if (node.type === "JSXText") return String(node["value"]);
  if (node.type !== "JSXAttribute" || !isNode(node["name"]) || !spoken.has(String(node["name"]["name"]))) return undefined;
  return isNode(node["value"]) && node["value"].type === "Literal" ? String(node["value"]["value"]) : undefined;
}
