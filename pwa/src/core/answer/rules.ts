/** What an access list says, taken apart (WAC §authorization-rule). */

import type { Triple } from "./turtle.ts";

/** Modes is a set of access modes; 0 grants nothing. Write includes Append; Control includes neither (WAC §access-modes). */
export type Modes = number;
/** read lets somebody read a resource. */
export const read: Modes = 1;
/** append lets somebody add to it. */
export const append: Modes = 2;
/** write lets somebody change it. */
export const write: Modes = 4 | append;
/** control lets somebody say who may do what. */
export const control: Modes = 8;

/** has tells whether a set includes all of another. */
export function has(modes: Modes, wanted: Modes): boolean {
  return (modes & wanted) === wanted;
}

/** Rule is one authorization. All names are IRIs; `origins` are left out, since sealed requests come from none. */
export interface Rule {
  readonly modes: Modes;
  readonly accessTo: readonly string[];
  readonly inherit: readonly string[];
  readonly agents: readonly string[];
  readonly groups: readonly string[];
  readonly classes: readonly string[];
}

const acl = "http://www.w3.org/ns/auth/acl#";
const typeOf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const hasMember = "http://www.w3.org/2006/vcard/ns#hasMember";
/** everybody is the class of all agents. */
export const everybody = "http://xmlns.com/foaf/0.1/Agent";
/** authenticated is the class of all who are somebody. */
export const authenticated = `${acl}AuthenticatedAgent`;

const modeOf: Readonly<Record<string, Modes>> = { [`${acl}Read`]: read, [`${acl}Append`]: append, [`${acl}Write`]: write, [`${acl}Control`]: control };

/** rulesIn returns the rules that have object, mode and subject (WAC §authorization-conformance). */
export function rulesIn(triples: readonly Triple[]): readonly Rule[] {
  const subjects = new Set(triples.filter(({ p, o }) => p === typeOf && o === `${acl}Authorization`).map(({ s }) => s));
  return [...subjects].map((subject) => ruleOf(triples.filter(({ s }) => s === subject))).filter(counts);
}

function ruleOf(triples: readonly Triple[]): Rule {
  const objects = (name: string): readonly string[] => triples.filter(({ p, o }) => p === acl + name && !o.startsWith('"')).map(({ o }) => o);
  return {
    modes: objects("mode").reduce((all, mode) => all | (modeOf[mode] ?? 0), 0),
    accessTo: objects("accessTo"),
    inherit: objects("default"),
    agents: objects("agent"),
    groups: objects("agentGroup"),
    classes: objects("agentClass").filter((each) => each === everybody || each === authenticated),
  };
}

function counts({ modes, accessTo, inherit, agents, groups, classes }: Rule): boolean {
  return modes !== 0 && accessTo.length + inherit.length > 0 && agents.length + groups.length + classes.length > 0;
}

/** membersIn returns the members of a group (vCard ontology, `vcard:hasMember`). */
export function membersIn(triples: readonly Triple[], group: string): readonly string[] {
  return triples.filter(({ s, p, o }) => s === group && p === hasMember && !o.startsWith('"')).map(({ o }) => o);
}
