import { createContainerAt, universalAccess } from "@inrupt/solid-client";
import { BlankNode, Collection, Fetcher, IndexedFormula, NamedNode, Node, UpdateManager, graph, literal, st, sym, type Statement } from "rdflib";
import { expect } from "vitest";
import { onBoth } from "./harness/servers.ts";

const foaf = (name: string): NamedNode => sym(`http://xmlns.com/foaf/0.1/${name}`);
const rdf = (name: string): NamedNode => sym(`http://www.w3.org/1999/02/22-rdf-syntax-ns#${name}`);
const xsd = "http://www.w3.org/2001/XMLSchema#";
const contains = sym("http://www.w3.org/ns/ldp#contains");

/** Desk is rdflib's store with its fetcher and its updater, as an app of one person has it. */
interface Desk {
  readonly store: IndexedFormula;
  readonly fetcher: Fetcher;
  readonly updater: UpdateManager;
}

function desk(as: { readonly fetch: typeof fetch }): Desk {
  const store = graph();
  const fetcher = new Fetcher(store, { fetch: as.fetch });
  return { store, fetcher, updater: new UpdateManager(store) };
}

/** names returns what a fresh store says that a subject is called, after loading the document. */
async function names(as: { readonly fetch: typeof fetch }, subject: NamedNode): Promise<string[]> {
  const { store, fetcher } = desk(as);
  await fetcher.load(subject.doc());
  return store.each(subject, foaf("name"), null, subject.doc()).map((each) => each.value).sort();
}

function named(subject: NamedNode, name: string): Statement {
  return st(subject, foaf("name"), literal(name), subject.doc());
}

/** blank returns the blank node that somebody knows. */
function blank(store: IndexedFormula, who: NamedNode): BlankNode {
  const found = store.any(who, foaf("knows"), null, who.doc());
  if (!(found instanceof BlankNode)) throw new Error(`${who.value} knows ${found?.toNT()}, no blank node`);
  return found;
}

/** elements returns what is in a list, which the library holds as one when the document writes it so. */
function elements(store: IndexedFormula, list: Node | null | undefined): Node[] {
  if (list instanceof Collection) return list.elements;
  if (list === null || list === undefined || list.equals(rdf("nil"))) return [];
  const cell = list as BlankNode;
  return [store.any(cell, rdf("first")) as Node, ...elements(store, store.any(cell, rdf("rest")) as Node)];
}

onBoth("rdf", (it) => {
  it("a document that is not there is made by its first statement", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/new#me`);
    await desk(alice).updater.update([], [named(me, "Alice")]);
    expect(await names(alice, me)).toEqual(["Alice"]);
  });

  it("statements are replaced", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/replaced#me`);
    const { updater } = desk(alice);
    await updater.update([], [named(me, "Alice"), named(me, "Al")]);
    await updater.update([named(me, "Al")], [named(me, "Alicia")]);
    expect(await names(alice, me)).toEqual(["Alice", "Alicia"]);
  });

  it("updates of several documents go to each of them", async ({ alice }) => {
    const [one, two] = [sym(`${alice.pod}rdf/many-1#it`), sym(`${alice.pod}rdf/many-2#it`)];
    const { updater } = desk(alice);
    await updater.updateMany([], [named(one, "One"), named(two, "Two")]);
    await updater.updateMany([named(one, "One"), named(two, "Two")], [named(one, "First"), named(two, "Second")]);
    expect([await names(alice, one), await names(alice, two)]).toEqual([["First"], ["Second"]]);
  });

  it("literals of every kind come back as they were", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/literals#me`);
    const texts = ['"quoted"', "line\nend\r\n", "back\\slash \\u0041", "tab\t", "{ } ; . }", "a'b"].map((text) => literal(text));
    const date = literal("2026-11-22T10:00:00Z", sym(`${xsd}dateTime`));
    const objects = [...texts, literal("Grüezi", "de"), literal("41", sym(`${xsd}integer`)), date];
    await desk(alice).updater.update([], objects.map((object) => st(me, foaf("name"), object, me.doc())));
    const { store, fetcher } = desk(alice);
    await fetcher.load(me.doc());
    const found = store.each(me, foaf("name"), null, me.doc()).map((each) => each.toNT());
    expect(found.sort()).toEqual(objects.map((object) => object.toNT()).sort());
  });

  it("blank nodes are inserted, found by what is said of them, and deleted", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/blank#me`);
    const writing = desk(alice);
    const ben = writing.store.bnode();
    const known = [st(me, foaf("knows"), ben, me.doc()), st(ben, foaf("name"), literal("Ben"), me.doc()), st(ben, foaf("mbox"), sym("mailto:ben@example.org"), me.doc())];
    await writing.updater.update([], [named(me, "Alice"), ...known]);
    const again = desk(alice);
    await again.fetcher.load(me.doc());
    const found = blank(again.store, me);
    const renamed = st(found, foaf("name"), literal("Benjamin"), me.doc());
    await again.updater.update(again.store.statementsMatching(found, foaf("name"), null, me.doc()), [renamed]);
    const third = desk(alice);
    await third.fetcher.load(me.doc());
    const last = blank(third.store, me);
    expect(third.store.each(last, foaf("name"), null, me.doc()).map((each) => each.value)).toEqual(["Benjamin"]);
    await third.updater.update([...third.store.statementsMatching(last), ...third.store.statementsMatching(me, foaf("knows"), last)], []);
    const { store, fetcher } = desk(alice);
    await fetcher.load(me.doc());
    expect(store.statementsMatching(null, null, null, me.doc())).toHaveLength(1);
  });

  it("a list is inserted cell by cell, and read", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/list#me`);
    const writing = desk(alice);
    const [first, second] = [writing.store.bnode(), writing.store.bnode()];
    const cells = [st(first, rdf("first"), literal("one")), st(first, rdf("rest"), second), st(second, rdf("first"), literal("two")), st(second, rdf("rest"), rdf("nil"))];
    await writing.updater.update([], [st(me, foaf("interest"), first), ...cells].map((each) => st(each.subject, each.predicate, each.object, me.doc())));
    const { store, fetcher } = desk(alice);
    await fetcher.load(me.doc());
    expect(elements(store, store.any(me, foaf("interest"), null, me.doc())).map((each) => each.value)).toEqual(["one", "two"]);
  });

  it("a patch in N3, as the library writes it, is taken", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/n3#me`);
    const writing = desk(alice);
    const send = (ds: Statement[], is: Statement[], where: Statement[] = []): Promise<Response> =>
      alice.fetch(me.doc().value, { method: "PATCH", headers: { "content-type": "text/n3" }, body: writing.updater.constructN3PatchQuery(ds, is, where) });
    const statuses = [(await send([], [named(me, "Alice"), named(me, "Al")])).status, (await send([named(me, "Al")], [named(me, "Ally")])).status];
    expect(statuses.map((status) => Math.floor(status / 100))).toEqual([2, 2]);
    expect(await names(alice, me)).toEqual(["Alice", "Ally"]);
    expect((await send([named(me, "Al")], [])).status).toBe(409);
  });

  it("a blank node is changed by a patch in N3 that the library writes", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/n3-blank#me`);
    await alice.fetch(me.doc().value, { method: "PUT", headers: { "content-type": "text/turtle" }, body: `<#me> <${foaf("knows").value}> [ <${foaf("name").value}> "Ben" ].` });
    const editing = desk(alice);
    await editing.fetcher.load(me.doc());
    const ben = blank(editing.store, me);
    const where = editing.updater.bnodeContext([ben], me.doc());
    const body = editing.updater.constructN3PatchQuery([st(ben, foaf("name"), literal("Ben"), me.doc())], [st(ben, foaf("name"), literal("Benno"), me.doc())], where);
    const answer = await alice.fetch(me.doc().value, { method: "PATCH", headers: { "content-type": "text/n3" }, body });
    expect(answer.ok).toBe(true);
    const { store, fetcher } = desk(alice);
    await fetcher.load(me.doc());
    expect(store.statementsMatching(null, foaf("name"), null, me.doc()).map((each) => each.object.value)).toEqual(["Benno"]);
  });

  it("a document is put whole, as Turtle and as JSON-LD, and read either way", async ({ alice }) => {
    for (const type of ["text/turtle", "application/ld+json"]) {
      const me = sym(`${alice.pod}rdf/put-${type.length}#me`);
      const writing = desk(alice);
      writing.store.add(named(me, "Alice"));
      writing.store.add(st(me, foaf("knows"), sym("https://ben.example/#me"), me.doc()));
      await writing.fetcher.putBack(me.doc(), { contentType: type });
      expect(await names(alice, me)).toEqual(["Alice"]);
      const json = await alice.fetch(me.doc().value, { headers: { accept: "application/ld+json" } });
      expect(json.headers.get("content-type")).toMatch(/^application\/ld\+json/);
      expect(JSON.stringify(await json.json())).toContain("Alice");
    }
  });

  it("the updater puts a document", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/updater-put#me`);
    const { updater } = desk(alice);
    const done = await new Promise<boolean>((resolve) => void updater.put(me.doc(), [named(me, "Alice")], "text/turtle", (_, ok) => resolve(ok)));
    expect([done, await names(alice, me)]).toEqual([true, ["Alice"]]);
  });

  it("what can be edited is known from the answer's headers", async ({ alice, bob }) => {
    const me = sym(`${alice.pod}rdf/editable#me`);
    await desk(alice).updater.update([], [named(me, "Alice")]);
    expect(await desk(alice).updater.checkEditable(me.doc())).toBe("SPARQL");
    await universalAccess.setAgentAccess(me.doc().value, bob.webid, { read: true }, { fetch: alice.fetch });
    expect(await desk(bob).updater.checkEditable(me.doc())).toBe(false);
    await universalAccess.setAgentAccess(me.doc().value, bob.webid, { write: true }, { fetch: alice.fetch });
    expect(await desk(bob).updater.checkEditable(me.doc())).toBe("SPARQL");
  });

  it("an update that is refused leaves the store and the document as they were", async ({ alice, bob }) => {
    const me = sym(`${alice.pod}rdf/refused#me`);
    await desk(alice).updater.update([], [named(me, "Alice")]);
    await universalAccess.setAgentAccess(me.doc().value, bob.webid, { read: true, append: true }, { fetch: alice.fetch });
    const reading = desk(bob);
    await reading.fetcher.load(me.doc());
    await reading.updater.update([], [named(me, "Ali")]);
    await expect(reading.updater.update([named(me, "Alice")], [])).rejects.toThrow();
    expect(reading.store.holds(me, foaf("name"), literal("Alice"), me.doc())).toBe(true);
    expect(await names(alice, me)).toEqual(["Ali", "Alice"]);
  });

  it("a container is made, listed and deleted", async ({ alice }) => {
    const parent = `${alice.pod}rdf-folder/`;
    await createContainerAt(parent, { fetch: alice.fetch });
    const { store, fetcher } = desk(alice);
    await fetcher.createContainer(parent, "inner", "");
    await fetcher.load(parent);
    expect(store.each(sym(parent), contains).map((each) => each.value)).toEqual([`${parent}inner/`]);
    await fetcher.delete(`${parent}inner/`);
    await fetcher.delete(parent);
    await expect(desk(alice).fetcher.load(parent)).rejects.toMatchObject({ status: 404 });
  });

  it("a document is made only if it is not there", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/if-not#me`);
    await desk(alice).fetcher.createIfNotExists(me.doc(), "text/turtle", `<#me> <${foaf("name").value}> "first".`);
    await desk(alice).fetcher.createIfNotExists(me.doc(), "text/turtle", `<#me> <${foaf("name").value}> "second".`);
    expect(await names(alice, me)).toEqual(["first"]);
  });

  it("a document that was deleted is known to be gone", async ({ alice }) => {
    const me = sym(`${alice.pod}rdf/deleted#me`);
    const { updater, fetcher } = desk(alice);
    await updater.update([], [named(me, "Alice")]);
    await fetcher.delete(me.doc().value);
    await expect(desk(alice).fetcher.load(me.doc())).rejects.toMatchObject({ status: 404 });
  });

  it("a profile is read by its WebID", async ({ alice }) => {
    const { store, fetcher } = desk(alice);
    await fetcher.load(sym(alice.webid).doc());
    expect(store.any(sym(alice.webid), sym("http://www.w3.org/ns/solid/terms#oidcIssuer"))?.value).toBe(alice.issuer);
  });
});
