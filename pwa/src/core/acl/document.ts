/**
 * The access lists that this app writes, in Turtle with references relative to the list itself, so
 * that the same bytes are right under every base (protocol §1.2, §2.1).
 *
 * What another app wrote is shown as `custom` and never rewritten unasked: only a text that equals
 * one of these templates, byte for byte, is one of ours.
 */

import type { ContactId } from "../kith.ts";
import type { AudienceId } from "./group.ts";

const prefix = "@prefix acl: <http://www.w3.org/ns/auth/acl#>.\n";

function rule(name: string, who: string, where: readonly string[], modes: string): string {
  const scope = where.map((each) => `acl:${each} <./>`).join("; ");
  return `\n<#${name}> a acl:Authorization;\n  ${who};\n  ${scope};\n  acl:mode ${modes}.\n`;
}

const everywhere = ["accessTo", "default"] as const;

/** owner is the rule of the person themself; `up` leads from the list's folder to the root. */
function owner(up: string): string {
  return prefix + rule("owner", `acl:agent <${up}profile/card#me>`, everywhere, "acl:Read, acl:Write, acl:Control");
}

/** rootACL is `/.acl`: everything is the owner's. */
export const rootACL = owner("");

/** postsACL is `/social/posts/.acl`: contacts may list the folder, which shows each what they may see. */
export const postsACL = owner("../../") + rule("friends", "acl:agentClass acl:AuthenticatedAgent", ["accessTo"], "acl:Read");

/** inboxACL returns `/social/in/<cid>/.acl`: that friend may add, the owner reads. */
export function inboxACL(cid: ContactId): string {
  return owner("../../../") + rule("sender", `acl:agent <../../../contacts/${cid}/card#me>`, everywhere, "acl:Append");
}

/** Readers says whom a post's access list lets read: the owner alone, one audience, or what only another app understands. */
export type Readers = { readonly kind: "me" } | { readonly kind: "audience"; readonly id: AudienceId } | { readonly kind: "custom" };

/** postACL returns the access list of a post's folder. */
export function postACL(audience?: AudienceId): string {
  const base = owner("../../../");
  if (audience === undefined) return base;
  return base + rule("readers", `acl:agentGroup <../../audiences/${audience}#members>`, everywhere, "acl:Read");
}

/** readPostACL returns whom the access list of a post's folder lets read. */
export function readPostACL(text: string): Readers {
  if (text === postACL()) return { kind: "me" };
  const id = /<\.\.\/\.\.\/audiences\/([a-z2-7]{20})#members>/.exec(text)?.[1] as AudienceId | undefined;
  if (id !== undefined && text === postACL(id)) return { kind: "audience", id };
  return { kind: "custom" };
}
