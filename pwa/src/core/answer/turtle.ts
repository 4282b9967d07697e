/**
 * As much of Turtle as access lists and groups are written in: prefixes, IRIs, `a`, plain literals. A text with
 * anything else is not read at all, so that nothing is granted by half of a document.
 */

/** Triple is a fact; literals are their text behind a quote. */
export interface Triple {
  readonly s: string;
  readonly p: string;
  readonly o: string;
}

const rdfType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const maxTriples = 20_000;

/** What a token may be, in the order in which they are tried (Turtle §6.5). */
const shapes: readonly (readonly [Token["kind"] | "space", RegExp])[] = [
  ["space", /(?:[ \t\r\n]+|#[^\r\n]*)+/y],
  ["iri", /<((?:[^\x00-\x20<>"{}|^`\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*)>/y],
  ["literal", /"((?:[^"\\\r\n]|\\[tbnrf"'\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*)"(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*)?(?!["\w@^])/y],
  ["directive", /@prefix\b|@base\b|(?:PREFIX|prefix|BASE|base)(?=[ \t])/y],
  ["name", /((?:[A-Za-z](?:[\w.-]*[\w-])?)?:(?:[\w:](?:[\w.:-]*[\w:-])?)?)/y],
  ["number", /([+-]?\d+(?:\.\d+)?)(?=[ \t\r\n;,.\]])/y],
  ["a", /a(?=[ \t\r\n<])/y],
  ["mark", /[.;,]/y],
];

interface Token {
  readonly kind: "iri" | "literal" | "directive" | "name" | "number" | "a" | "mark";
  readonly text: string;
}

/** readTurtle returns the triples of a text that lies at `base`; undefined when it is not of the forms that are read here. */
export function readTurtle(text: string, base: string): readonly Triple[] | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  try {
    return new Reader(tokens, base).read();
  } catch (error) {
    if (error instanceof Unread) return undefined;
    throw error;
  }
}

class Unread extends Error {}

function tokensOf(text: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const found = next(text, at);
    if (found === undefined || tokens.length > 4 * maxTriples) return undefined;
    at = found.end;
    if (found.kind !== "space") tokens.push({ kind: found.kind, text: found.text });
  }
  return tokens;
}

function next(text: string, at: number) {
  for (const [kind, shape] of shapes) {
    shape.lastIndex = at;
    const found = shape.exec(text);
    if (found !== null) return { kind, text: found[1] ?? found[0], end: shape.lastIndex };
  }
  return undefined;
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #prefixes = new Map<string, string>();
  readonly #triples: Triple[] = [];
  #base: string;
  #at = 0;

  constructor(tokens: readonly Token[], base: string) {
    this.#tokens = tokens;
    this.#base = base;
  }

  read(): readonly Triple[] {
    while (this.#at < this.#tokens.length) {
      if (this.#peek()?.kind === "directive") this.#directive();
      else this.#statement();
    }
    return this.#triples;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #take(): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new Unread();
    return token;
  }

  /** passes takes a mark when it is the next token. */
  #passes(mark: string): boolean {
    const token = this.#peek();
    if (token?.kind !== "mark" || token.text !== mark) return false;
    this.#at++;
    return true;
  }

  #directive(): void {
    const word = this.#take().text;
    if (word.toLowerCase().endsWith("prefix")) {
      const name = this.#take();
      if (name.kind !== "name" || name.text.indexOf(":") !== name.text.length - 1) throw new Unread();
      this.#prefixes.set(name.text, this.#iri());
    } else {
      this.#base = this.#iri();
    }
    if (word.startsWith("@") && !this.#passes(".")) throw new Unread();
  }

  #statement(): void {
    const s = this.#term(false);
    do {
      const p = this.#peek()?.kind === "a" ? (this.#at++, rdfType) : this.#term(false);
      do this.#triples.push({ s, p, o: this.#term(true) });
      while (this.#passes(","));
      if (this.#triples.length > maxTriples) throw new Unread();
      while (this.#passes(";") && this.#peek()?.kind === "mark" && this.#peek()?.text === ";");
      const before = this.#tokens[this.#at - 1];
      if (before?.kind !== "mark" || before.text !== ";") break;
    } while (!(this.#peek()?.kind === "mark" && this.#peek()?.text === "."));
    if (!this.#passes(".")) throw new Unread();
  }

  #iri(): string {
    if (this.#peek()?.kind !== "iri") throw new Unread();
    return this.#term(false);
  }

  #term(literals: boolean): string {
    const { kind, text } = this.#take();
    if (kind === "iri") return this.#resolved(unescaped(text));
    if (kind === "name") return this.#expanded(text);
    if (literals && (kind === "literal" || kind === "number")) return `"${text}`;
    throw new Unread();
  }

  #resolved(reference: string): string {
    if (!URL.canParse(reference, this.#base)) throw new Unread();
    // An absolute IRI stays as it is written: names are compared character by character.
    return /^[A-Za-z][\w+.-]*:/.test(reference) ? reference : new URL(reference, this.#base).href;
  }

  #expanded(name: string): string {
    const colon = name.indexOf(":") + 1;
    const prefix = this.#prefixes.get(name.slice(0, colon));
    if (prefix === undefined) throw new Unread();
    return prefix + name.slice(colon);
  }
}

function unescaped(iri: string): string {
  return iri.replace(/\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})/g, (_all, short: string | undefined, long: string | undefined) => {
    const code = parseInt(short ?? long ?? "", 16);
    if (code > 0x10ffff) throw new Unread();
    return String.fromCodePoint(code);
  });
}
