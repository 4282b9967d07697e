/** What a link is for, by its mark; the rest of it is read in link.ts. */

import { type Bytes, fromB64u } from "../bytes.ts";
import type { LinkKind } from "../kith.ts";

const marks: Readonly<Record<string, LinkKind>> = { i: "invite", pair: "pair", device: "device" };

/** linkKind tells what a link that was opened, pasted or scanned is for. */
export function linkKind(link: string): LinkKind {
  return marks[take(link)?.mark ?? ""] ?? "unknown";
}

/** take returns the mark and what stands behind it; undefined when it is no link of ours. */
export function take(link: string): { readonly mark: string; readonly bytes: Bytes } | undefined {
  const [, mark, written] = /#([a-z]+)=([\w-]+)\s*$/.exec(link) ?? [];
  const bytes = written === undefined ? undefined : fromB64u(written);
  return mark === undefined || bytes === undefined ? undefined : { mark, bytes };
}
