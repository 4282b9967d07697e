/** What a document is worth by which backups are opened: nothing takes the place of one that opens but another that does (protocol §3.4). */

import { list, parse, whole } from "../json.ts";
import { kitPath, kitsPath } from "../pod/paths.ts";
import type { Label } from "../webid/key.ts";
import { signedKit } from "../webid/kit.ts";

/** isKit tells whether a path holds what opens backups. */
export function isKit(path: string): boolean {
  return path === kitPath || path === kitsPath;
}

/** rank returns the serial of a kit of the person with that label, or 1 for kits of the pod's backups; 0 for what opens nothing. */
export async function rank(path: string, label: string, text: string): Promise<number> {
  if (path === kitsPath) return list(parse(text)?.backups).length > 0 ? 1 : 0;
  return whole((await signedKit(text, label as Label).catch(() => undefined))?.serial) ?? 0;
}
