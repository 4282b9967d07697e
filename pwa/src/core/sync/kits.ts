/** Of two documents that open backups, which one holds: nothing takes the place of one that opens but another that does (protocol §3.4). */

import { list, parse } from "../json.ts";
import { kitPath, kitsPath } from "../pod/paths.ts";
import type { Label } from "../webid/key.ts";
import { signedKit } from "../webid/kit.ts";
import { numberOf } from "../webid/members.ts";
import { Refusal } from "../webid/verdict.ts";

/** isKit tells whether a path holds what opens backups. */
export function isKit(path: string): boolean {
  return path === kitPath || path === kitsPath;
}

/** better returns by how much their document is better than ours: less than zero when theirs is worse or opens nothing, 0 when each may hold. */
export async function better(path: string, label: string, ours: string | undefined, theirs: string | undefined): Promise<number> {
  const [here, there] = await Promise.all([ours, theirs].map((text) => rank(path, label, text ?? "")));
  return there === 0 ? -1 : (there ?? 0) - (here ?? 0);
}

/** rank returns the serial of a kit, or 1 for kits of the pod's backups; 0 for what opens nothing. */
async function rank(path: string, label: string, text: string): Promise<number> {
  if (path === kitsPath) return list(parse(text)?.backups).length > 0 ? 1 : 0;
  try {
    return numberOf(await signedKit(text, label as Label), "serial", 1);
  } catch (error) {
    if (error instanceof Refusal) return 0;
    throw error;
  }
}
