/**
 * Groups of contacts: an audience (who may see some posts) and a circle (a named list of friends).
 *
 * Both are vcard groups in Turtle. Only the shapes written here are read back; anything else is
 * undefined, and the file is left as it is.
 */

import type { CircleId, ContactId } from "../kith.ts";

declare const brand: unique symbol;
/** AudienceId is the `<aid>` of `/social/audiences/<aid>`. */
export type AudienceId = string & { readonly [brand]: "AudienceId" };

/** CircleFile is what `/circles/<id>` says. */
export interface CircleFile {
  readonly id: CircleId;
  readonly name: string;
  /** 0..7. */
  readonly hue: number;
  readonly members: readonly ContactId[];
}

const vcard = "@prefix vcard: <http://www.w3.org/2006/vcard/ns#>.\n\n";
const hueTerm = "<https://kith.invalid/ns#hue>";

function group(up: string, facts: readonly string[], members: readonly ContactId[]): string {
  const people = sorted(members).map((cid) => `<${up}contacts/${cid}/card#me>`);
  const has = people.length === 0 ? [] : [`vcard:hasMember ${people.join(",\n    ")}`];
  return `${vcard}<#members> a vcard:Group${[...facts, ...has].map((each) => `;\n  ${each}`).join("")}.\n`;
}

/** sorted returns the contacts once each, in the one order in which sets are compared and written. */
export function sorted(members: readonly ContactId[]): readonly ContactId[] {
  return [...new Set(members)].sort();
}

function membersOf(text: string): readonly ContactId[] {
  return [...text.matchAll(/\/contacts\/([a-z2-7]{20})\/card#me>/g)].map((found) => found[1] as ContactId);
}

/** audienceText returns the file of an audience: the same text for the same set. */
export function audienceText(members: readonly ContactId[]): string {
  return group("../../", [], members);
}

/** readAudience returns the members of an audience, or undefined when the text is not of our shape. */
export function readAudience(text: string): readonly ContactId[] | undefined {
  const members = membersOf(text);
  return text === audienceText(members) ? members : undefined;
}

/** circleText returns the file of a circle. */
export function circleText(circle: Omit<CircleFile, "id">): string {
  return group("../", [`vcard:fn ${quoted(circle.name)}`, `${hueTerm} ${circle.hue}`], circle.members);
}

/** readCircle returns what the file of a circle says, or undefined when the text is not of our shape. */
export function readCircle(text: string): Omit<CircleFile, "id"> | undefined {
  const name = /vcard:fn ("(?:[^"\\\n]|\\.)*");/.exec(text)?.[1];
  const hue = /#hue> ([0-7])[;.]/.exec(text)?.[1];
  if (name === undefined || hue === undefined) return undefined;
  const circle = { name: unquoted(name), hue: Number(hue), members: membersOf(text) };
  return circleText(circle) === text ? circle : undefined;
}

/** quoted writes a Turtle string (Turtle §2.5.1, `ECHAR` and `UCHAR`). */
function quoted(text: string): string {
  const escape = (c: string): string => (c === '"' || c === "\\" ? `\\${c}` : `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
  return `"${text.replace(/["\\\u0000-\u001f\u007f]/g, escape)}"`;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(?:u([0-9A-F]{4})|(.))/g, (_all, code: string | undefined, plain: string | undefined) =>
    code === undefined ? (plain ?? "") : String.fromCharCode(parseInt(code, 16)),
  );
}
