/**
 * Who may do what in the owner's tree on this device, by the same rules as a pod (protocol §1.2, §3.1): the own access
 * list of a path or the nearest one above it, what it says of the agent's names and groups, and for the owner Control.
 *
 * What an access list cannot be understood to say it does not grant. Groups that lie elsewhere have no members here.
 */

import type { AudienceId } from "../acl/group.ts";
import { list, parse } from "../json.ts";
import type { ContactId } from "../kith.ts";
import { audiences } from "../pod/paths.ts";
import { unpacked } from "../pod/facts.ts";
import type { Row, Store } from "../store/store.ts";
import { escapedPath, parentOf, pathOf, subjectOf } from "./names.ts";
import { Refusal } from "./refusal.ts";
import { append, authenticated, control, everybody, has, membersIn, type Modes, read, type Rule, rulesIn } from "./rules.ts";
import { essence } from "./spelled.ts";
import { readTurtle } from "./turtle.ts";

/** Agent is who asks: one of the owner's devices, a contact, or nobody in particular. */
export type Agent =
  | { readonly kind: "owner"; readonly kid: string }
  | { readonly kind: "contact"; readonly cid: ContactId; readonly grant: number; readonly kid: string; readonly also: readonly string[]; /** It is a device that answers and asks nothing: it may give hints. */ readonly hints?: boolean }
  | { readonly kind: "nobody" };

/** Realm is whose tree it is. */
export interface Realm {
  readonly store: Store;
  /** The base of all names in it, with a slash at its end: `https://<label>.kith.invalid/`. */
  readonly base: string;
  /** Other addresses of the same tree, such as its pod's; documents may name things by them. */
  readonly aliases: readonly string[];
}

/** The longest access list, group or setting that is read, in bytes. */
const longest = 256 << 10;

/** idsOf returns the names by which documents may mean an agent, its own first (protocol §1.2). */
export function idsOf(base: string, agent: Agent): readonly string[] {
  if (agent.kind === "nobody") return [];
  const self = agent.kind === "owner" ? "profile/card#me" : `contacts/${agent.cid}/card#me`;
  return [...new Set([base + self, agent.kid, ...(agent.kind === "contact" ? agent.also : [])])].filter((id) => id !== "");
}

/** Judge decides for one agent, in one state of the store. */
export class Judge {
  readonly agent: Agent;
  readonly #realm: Realm;
  readonly #ids: ReadonlySet<string>;
  readonly #granted = new Map<string, Modes>();
  readonly #member = new Map<string, boolean>();

  constructor(realm: Realm, agent: Agent) {
    this.#realm = realm;
    this.agent = agent;
    this.#ids = new Set(idsOf(realm.base, agent));
  }

  /** again returns a judge of the state that the store has by now. */
  again(): Judge {
    return new Judge(this.#realm, this.agent);
  }

  /** modes returns what the agent may do with a subject that may or may not be there (WAC §effective-acl-resource). */
  async modes(subject: string): Promise<Modes> {
    if (this.#own(subject) !== undefined) return this.#implicit | (await this.#grants(subject, false));
    const above = this.#above(subject);
    return this.#implicit | (above === undefined ? 0 : await this.#grants(above, true));
  }

  /** apparent returns what the agent would be granted on a path if neither it nor what is hidden above it were there. It decides what is said of the path's absence, never what may be done. */
  async apparent(path: string): Promise<Modes> {
    for (let at = this.#above(path); at !== undefined; at = this.#above(at)) {
      const below = await this.#grants(at, true);
      if (below !== 0) return below | this.#implicit;
      if ((await this.#grants(at, false)) !== 0) return this.#implicit;
    }
    return this.#implicit;
  }

  /** absent returns the refusal for a path that is not there, or has to seem so (protocol §3.1). */
  async absent(path: string): Promise<Refusal> {
    const modes = await this.apparent(subjectOf(path));
    const seen = path.endsWith(".acl") ? has(modes, control) : has(modes, read) || this.agent.kind === "owner";
    return seen ? new Refusal("absent") : this.refusal();
  }

  /** refusal returns the refusal for want of a right. */
  refusal(): Refusal {
    return new Refusal(this.agent.kind === "nobody" ? "unauthenticated" : "forbidden");
  }

  /** implicit is what the agent holds whatever is written. */
  get #implicit(): Modes {
    return this.agent.kind === "owner" ? control : 0;
  }

  #own(subject: string): Row | undefined {
    return this.#realm.store.row(`${subject}.acl`);
  }

  /** above returns the nearest container above a path that has an access list. */
  #above(path: string): string | undefined {
    for (let at = parentOf(path); at !== ""; at = parentOf(at)) if (this.#own(at) !== undefined) return at;
    return undefined;
  }

  /** grants returns what the access list of a subject gives the agent there, or below. */
  async #grants(subject: string, below: boolean): Promise<Modes> {
    const key = `${below ? "below" : "at"} ${subject}`;
    const known = this.#granted.get(key) ?? (await this.#decide(subject, below));
    this.#granted.set(key, known);
    return known;
  }

  async #decide(subject: string, below: boolean): Promise<Modes> {
    const row = this.#own(subject);
    if (row === undefined) return 0;
    if (row.note?.readers === "me") return this.agent.kind === "owner" ? all : 0;
    if (row.note?.readers === "audience") return this.#ofAudience(row.note.audience as AudienceId);
    let modes: Modes = 0;
    for (const rule of await this.#rules(row)) {
      const about = below ? rule.inherit : rule.accessTo;
      if (about.some((iri) => this.#path(iri) === subject) && (await this.#isFor(rule, subject))) modes |= rule.modes;
    }
    return modes;
  }

  async #ofAudience(id: AudienceId): Promise<Modes> {
    if (this.agent.kind === "owner") return all;
    return (await this.#in(`${this.#realm.base}${audiences.slice(1)}${id}#members`)) ? read : 0;
  }

  async #rules(row: Row): Promise<readonly Rule[]> {
    const text = await this.#turtle(row);
    const triples = text === undefined ? undefined : readTurtle(text, this.#iri(row.path));
    return triples === undefined ? [] : rulesIn(triples);
  }

  /** turtle returns the text of a document; undefined when it is none, is not here, or too long to be read. */
  async #turtle({ path, type, size }: Row): Promise<string | undefined> {
    if (essence(type) !== "text/turtle" || size > longest) return undefined;
    return this.#text(path);
  }

  async #text(path: string): Promise<string | undefined> {
    const bytes = await this.#realm.store.bytes(path);
    try {
      return bytes === undefined ? undefined : new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return undefined;
    }
  }

  /** isFor tells whether a rule is for the agent (WAC §authorization-evaluation). */
  async #isFor(rule: Rule, subject: string): Promise<boolean> {
    for (const each of rule.classes) if (await this.#ofClass(each, rule, subject)) return true;
    if (rule.agents.some((iri) => this.#ids.has(this.#canonical(iri)))) return true;
    for (const group of rule.groups) if (await this.#in(this.#canonical(group))) return true;
    return false;
  }

  async #in(group: string): Promise<boolean> {
    if (this.agent.kind === "nobody") return false;
    const known = this.#member.get(group) ?? (await this.#isMember(group));
    this.#member.set(group, known);
    return known;
  }

  async #isMember(group: string): Promise<boolean> {
    const path = this.#path(group.replace(/#.*$/, ""));
    const row = path === undefined ? undefined : this.#realm.store.row(path);
    if (row === undefined || path !== subjectOf(path ?? "")) return false;
    const { agent } = this;
    if (agent.kind === "contact" && row.note?.members !== undefined && row.path.startsWith(audiences) && group.endsWith("#members")) {
      return unpacked(row.note.members).includes(agent.cid);
    }
    const text = await this.#turtle(row);
    const triples = text === undefined ? undefined : readTurtle(text, this.#iri(row.path));
    return membersIn(triples ?? [], group).some((iri) => this.#ids.has(this.#canonical(iri)));
  }

  /** ofClass tells whether the agent is of a class that a rule may name there (docs/protocol.md, Who may be named). */
  async #ofClass(name: string, rule: Rule, subject: string): Promise<boolean> {
    const somebody = this.agent.kind !== "nobody";
    const own = rule.inherit.length === 0;
    if (name === everybody && own && subject === "/profile/card" && rule.modes === read) return true;
    if (name === authenticated && own && somebody) {
      if ((subject === "/social/posts/" && rule.modes === read) || (subject === "/inbox/" && rule.modes === append)) return true;
    }
    return (name === everybody || somebody) && (await this.#allowed(name, subject));
  }

  /** allowed tells whether the owner lets a class be named in the access list of a subject. */
  async #allowed(name: string, subject: string): Promise<boolean> {
    const said = parse((await this.#text("/settings/classes")) ?? "");
    for (const [where, classes] of Object.entries(said ?? {})) {
      if (!list(classes).includes(name)) continue;
      const container = containerOf(where);
      if (container !== undefined && subject.startsWith(container)) return true;
    }
    return false;
  }

  #iri(path: string): string {
    return this.#realm.base + escapedPath(path).slice(1);
  }

  /** canonical gives what lies in this tree its one name. */
  #canonical(iri: string): string {
    const alias = this.#realm.aliases.find((each) => iri.startsWith(each));
    return alias === undefined ? iri : this.#realm.base + iri.slice(alias.length);
  }

  /** path returns the path that an IRI names in this tree; undefined when it lies elsewhere. */
  #path(iri: string): string | undefined {
    const here = this.#canonical(iri);
    if (!here.startsWith(this.#realm.base) || /[?#]/.test(here)) return undefined;
    return readPath(`/${here.slice(this.#realm.base.length)}`);
  }
}

/** all is what the owner's own rule gives. */
const all: Modes = read | 4 | append | control;

function containerOf(written: string): string | undefined {
  const path = readPath(written);
  return path?.endsWith("/") ? path : undefined;
}

function readPath(escaped: string): string | undefined {
  try {
    return pathOf(escaped);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
