/** What each kind of asker may ask by a sealed request (docs/protocol.md, Sealed requests). What they may see of it is decided by access lists. */

import type { SealedRequest } from "../sealed/request.ts";
import type { Agent } from "./judge.ts";

/** Target is what is asked of this device. `elsewhere`: only the pod answers it. */
export type Target =
  | { readonly kind: "resource" | "message" | "door" | "feed"; readonly path: string; readonly query: string }
  | { readonly kind: "invite"; readonly id: string }
  | { readonly kind: "hint" | "direct" | "elsewhere" }
  /** Nothing more is said than this. */
  | { readonly kind: "refused"; readonly status: 401 | 403 | 405 | 413 | 428 };

type Kind = Exclude<Target["kind"], "refused" | "door" | "feed">;

interface Reach {
  readonly who: readonly Agent["kind"][];
  readonly where: RegExp;
  readonly methods: readonly string[];
  readonly kind: Kind;
}

const nobody = ["nobody"] as const;
const known = ["contact", "owner"] as const;
const reaches: readonly Reach[] = [
  { who: known, where: /^\/social(\/.*)?$/s, methods: ["GET", "HEAD"], kind: "resource" },
  { who: ["contact"], where: /^\/social\/in\/[^/]+\/[^/.][^/]*$/, methods: ["PUT"], kind: "message" },
  { who: known, where: /^\/\.hint$/, methods: ["POST"], kind: "hint" },
  { who: ["contact"], where: /^\/\.rtc$/, methods: ["POST"], kind: "direct" },
  { who: ["owner"], where: /^\/\.replica(\/.*)?$/s, methods: ["GET", "HEAD", "PUT", "DELETE"], kind: "elsewhere" },
  { who: ["owner"], where: /^\/(\.invites(\/.*)?|\.pair\/links)$/s, methods: ["GET", "POST", "DELETE"], kind: "elsewhere" },
  { who: ["owner"], where: /^\/\.push$/, methods: ["GET", "PUT", "DELETE"], kind: "elsewhere" },
  { who: ["owner"], where: /^\/\.(hints|trouble|grants)$/, methods: ["GET"], kind: "elsewhere" },
  { who: ["owner"], where: /^\/\.(keys|trouble\/deletions|backups\/run)$/, methods: ["POST"], kind: "elsewhere" },
  { who: ["owner"], where: /^\/\.(backups|passwords)$/, methods: ["GET", "POST"], kind: "elsewhere" },
  { who: ["owner"], where: /^\/\.(backups|passwords|grants)\/[^/]+$/, methods: ["DELETE"], kind: "elsewhere" },
  { who: ["owner"], where: /^\/\.elsewhere$/, methods: ["GET", "PUT"], kind: "elsewhere" },
  { who: nobody, where: /^\/\.pair$/, methods: ["POST"], kind: "elsewhere" },
  { who: nobody, where: /^\/\.invites\/[^/]+$/, methods: ["POST"], kind: "invite" },
];

const mostContent = 256 << 10;

/** targetOf says what a request is for. */
export function targetOf(agent: Agent, request: SealedRequest): Target {
  const [escaped = "", ...queries] = request.path.split("?");
  const path = decoded(escaped);
  const hints = agent.kind === "contact" && agent.hints === true;
  const may = ({ who, where, kind }: Reach): boolean => who.includes(agent.kind) && where.test(path ?? "") && (!hints || kind === "hint");
  const here = path === undefined || hasAuxiliary(path) ? [] : reaches.filter(may);
  const found = here.find(({ methods }) => methods.includes(request.method));
  if (path === undefined || here.length === 0) return { kind: "refused", status: agent.kind === "nobody" ? 401 : 403 };
  if (found === undefined) return { kind: "refused", status: 405 };
  if (found.kind === "message" && request.headers.get("If-None-Match") !== "*") return { kind: "refused", status: 428 };
  if (agent.kind !== "owner" && request.body.length > mostContent) return { kind: "refused", status: 413 };
  if (found.kind === "invite") return { kind: "invite", id: path.slice("/.invites/".length) };
  if (found.kind === "hint" || found.kind === "direct" || found.kind === "elsewhere") return { kind: found.kind };
  const kind = path === "/social/door" ? "door" : path === "/social/feed" ? "feed" : found.kind;
  return { kind, path: escaped, query: queries.join("?") };
}

/** decoded returns a path whose names can be read in one way only, byte for byte; undefined for others. */
function decoded(escaped: string): string | undefined {
  if (!escaped.startsWith("/") || escaped.includes("#") || /%(?![0-9A-Fa-f]{2})/.test(escaped)) return undefined;
  const names = escaped.slice(1).split("/").map((each) => each.replace(/%(..)/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 16))));
  const plain = names.every((name, i) => (name !== "" || i === names.length - 1) && name !== "." && name !== ".." && !/[/\\\0]/.test(name));
  return plain ? `/${names.join("/")}` : undefined;
}

/** hasAuxiliary tells whether a path below `/social` leads through a name that is none of a resource. */
function hasAuxiliary(path: string): boolean {
  return path.startsWith("/social") && path.split("/").slice(2).some((name) => name.startsWith(".") || /\.(acl|meta)$/.test(name));
}
