/**
 * What the owner has agreed to have deleted, for their other devices, which ask about it no more (docs/protocol.md, Replicas).
 *
 *     /settings/agreed   JWS of {"label", "of"} by an admin device, LF, and below it a line for each resource, the last ones first
 *     of                 b64u SHA-256 of all that is below
 *     a line             b64u of the first 16 bytes of SHA-256 of <handle> LF <path>
 *
 * Whoever hands it on can neither write into it nor turn it on anything else: what comes again, or goes elsewhere, has another handle or path.
 */

import { b64u, sha256 } from "../bytes.ts";
import { agreedPath, devices } from "../pod/paths.ts";
import type { Tree } from "../pod/tree.ts";
import type { Row } from "../store/store.ts";
import { open, signAs } from "../webid/jws.ts";
import { can, ownList } from "../webid/list.ts";
import { postOf } from "./held.ts";
import type { Session } from "./session.ts";

const typ = "kith-agreed+jwt";
/** So many lines are kept of what was agreed to before. */
const most = 4096;

const lineOf = async ({ id, path }: Row): Promise<string> => b64u((await sha256(`${id}\n${path}`)).subarray(0, 16));

/** agree notes, for the person's other devices, that these rows are to be deleted. A device that is no admin notes nothing: the others ask. */
export async function agree({ tree, signer, list: { label }, list }: Session, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0 || !can(list, signer.kid, "admin")) return;
  const lines = await Promise.all(rows.map(lineOf));
  await tree.act("other", async (batch) => {
    const before = [...(await agreedLines(tree))].filter((line) => !lines.includes(line)).slice(0, most);
    const below = [...lines, ...before].join("\n");
    await batch.putText(agreedPath, "text/plain", `${await signAs(signer, typ, { label, of: b64u(await sha256(below)) })}\n${below}`);
  });
}

/** agreed returns those of some rows that the owner has agreed to have deleted, on a device that is an admin still; with its text goes all of a post. */
export async function agreed(tree: Tree, rows: readonly Row[]): Promise<readonly Row[]> {
  const lines = await agreedLines(tree);
  if (lines.size === 0) return [];
  const named = await Promise.all(rows.map(async (row) => lines.has(await lineOf(row))));
  const texts = new Set(rows.flatMap(({ path }, n) => (named[n] ? (postOf(path) ?? []) : [])));
  return rows.filter(({ path }, n) => named[n] || texts.has(path.slice(0, path.lastIndexOf("/") + 1)));
}

/** agreedLines returns what an admin device of the list that holds has signed; none where nobody has. */
async function agreedLines(tree: Tree): Promise<ReadonlySet<string>> {
  const [text = "", chain = ""] = await Promise.all([tree.text(agreedPath), tree.text(devices)]);
  const [, jws = "", below = ""] = /^([^\n]*)\n([^]*)$/.exec(text) ?? [];
  const list = ownList(chain);
  const signed = await open(jws, typ).catch(() => undefined);
  if (list === undefined || signed === undefined || !can(list, signed.signer, "admin")) return new Set();
  const { label, of } = signed.payload;
  return label === list.label && of === b64u(await sha256(below)) ? new Set(below.split("\n")) : new Set();
}
