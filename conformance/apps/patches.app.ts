import { buildThing, createContainerAt, createSolidDataset, getSolidDataset, getThingAll, saveSolidDatasetAt, setThing, universalAccess } from "@inrupt/solid-client";
import { expect } from "vitest";
import { onBoth } from "./harness/servers.ts";
import type { Actor } from "./harness/sessions.ts";

const prefixes = "@prefix solid: <http://www.w3.org/ns/solid/terms#>. @prefix ex: <https://vocab.example/>.\n";
const foafName = "http://xmlns.com/foaf/0.1/name";

/** n3 writes a patch; each part is the inside of a formula. */
function n3({ where, deletes, inserts }: { where?: string; deletes?: string; inserts?: string }): string {
  const parts = Object.entries({ where, deletes, inserts }).filter(([, inside]) => inside !== undefined);
  return `${prefixes}<#patch> a solid:InsertDeletePatch${parts.map(([name, inside]) => `;\n  solid:${name} { ${inside} }`).join("")}.`;
}

function patch(who: Actor, url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return who.fetch(url, { method: "PATCH", headers: { "content-type": "text/n3", ...headers }, body });
}

function put(who: Actor, url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return who.fetch(url, { method: "PUT", headers: { "content-type": "text/turtle", ...headers }, body });
}

async function subjects(who: Actor, url: string): Promise<string[]> {
  return getThingAll(await getSolidDataset(url, { fetch: who.fetch })).map((thing) => thing.url).sort();
}

const turtle = '@prefix ex: <https://vocab.example/>. <#a> ex:says "one", "two"; ex:knows <#b>.';

onBoth("patches", (it) => {
  it("a patch in N3 makes a document, with the containers above it", async ({ alice }) => {
    const url = `${alice.pod}n3/made/it`;
    expect((await patch(alice, url, n3({ inserts: "<#a> ex:says 1." }))).status).toBe(201);
    expect(await subjects(alice, url)).toEqual([`${url}#a`]);
    expect((await alice.fetch(`${alice.pod}n3/made/`)).status).toBe(200);
  });

  it("a patch in N3 replaces what its condition finds", async ({ alice }) => {
    const url = `${alice.pod}n3/replaced`;
    await put(alice, url, turtle);
    const answer = await patch(alice, url, n3({ where: "?who ex:knows ?other.", deletes: '?who ex:says "one".', inserts: '?other ex:says "three".' }));
    expect([200, 204, 205]).toContain(answer.status);
    const text = await (await alice.fetch(url)).text();
    expect([text.includes('"one"'), text.includes('"two"'), text.includes('"three"')]).toEqual([false, true, true]);
  });

  it("blank nodes are inserted by N3", async ({ alice }) => {
    const url = `${alice.pod}n3/blank`;
    await put(alice, url, turtle);
    expect((await patch(alice, url, n3({ inserts: '<#a> ex:address [ ex:city "Ghent" ].' }))).ok).toBe(true);
    expect(await (await alice.fetch(url)).text()).toContain('"Ghent"');
  });

  for (const [what, body, status] of [
    ["a condition that nothing meets conflicts", n3({ where: '?x ex:says "nine".', inserts: "?x ex:is 1." }), 409],
    ["a condition that two things meet conflicts", n3({ where: "<#a> ex:says ?x.", deletes: "<#a> ex:says ?x." }), 409],
    ["deleting what is not there conflicts", n3({ deletes: '<#a> ex:says "nine".' }), 409],
    ["a variable that no condition binds cannot be processed", n3({ inserts: "<#a> ex:says ?x." }), 422],
    ["deleting a blank node cannot be processed", n3({ deletes: "<#a> ex:knows [ ]." }), 422],
    ["a patch without a type cannot be processed", `${prefixes}<#patch> solid:inserts { <#a> ex:says 1. }.`, 422],
    ["two patches in one body cannot be processed", `${n3({ inserts: "<#a> ex:x 1." })} <#other> a solid:InsertDeletePatch; solid:inserts { <#a> ex:y 1. }.`, 422],
    ["a body that is no N3 is a bad request", `${prefixes}<#patch> a solid:InsertDeletePatch; solid:inserts { <#a `, 400],
  ] as const) {
    it(`${what}, and nothing changes`, async ({ alice }) => {
      const url = `${alice.pod}n3/${encodeURIComponent(what)}`;
      await put(alice, url, turtle);
      const before = await (await alice.fetch(url)).text();
      expect((await patch(alice, url, body)).status).toBe(status);
      expect(await (await alice.fetch(url)).text()).toBe(before);
    });
  }

  it("a patch of an unknown type is refused with the types that are taken", async ({ alice }) => {
    const url = `${alice.pod}n3/unknown`;
    await put(alice, url, turtle);
    const answer = await patch(alice, url, "{}", { "content-type": "application/json-patch+json" });
    expect(answer.status).toBe(415);
    const accepted = (answer.headers.get("accept-patch") ?? "").split(/\s*,\s*/);
    expect(accepted).toContain("text/n3");
    expect(accepted).toContain("application/sparql-update");
  });

  it("who may only append inserts, and learns nothing", async ({ alice, bob }) => {
    const url = `${alice.pod}n3/append`;
    await put(alice, url, turtle);
    await universalAccess.setAgentAccess(url, bob.webid, { append: true }, { fetch: alice.fetch });
    const statuses: number[] = [];
    for (const body of [
      n3({ inserts: '<#b> ex:says "hello".' }),
      n3({ where: '<#a> ex:says "one".', inserts: "<#b> ex:x 1." }),
      n3({ where: '<#a> ex:says "nine".', inserts: "<#b> ex:x 1." }),
      n3({ deletes: '<#a> ex:says "one".' }),
      n3({ deletes: '<#a> ex:says "nine".' }),
    ]) statuses.push((await patch(bob, url, body)).status);
    expect([statuses[0], ...statuses.slice(1)]).toEqual([expect.toSatisfy((status: number) => status >= 200 && status < 300), 403, 403, 403, 403]);
    const text = await (await alice.fetch(url)).text();
    expect([text.includes('"hello"'), text.includes('"one"')]).toEqual([true, true]);
  });

  it("twenty changes that an app saves at the same time are all stored", async ({ alice }) => {
    const url = `${alice.pod}at-once/library`;
    const saved = await saveSolidDatasetAt(url, createSolidDataset(), { fetch: alice.fetch });
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(numbers.map((number) => {
      const thing = buildThing({ name: `it-${number}` }).addStringNoLocale(foafName, String(number)).build();
      return saveSolidDatasetAt(url, setThing(saved, thing), { fetch: alice.fetch });
    }));
    expect(await subjects(alice, url)).toEqual(numbers.map((number) => `${url}#it-${number}`).sort());
  });

  it("twenty patches in N3 at the same time are all stored", async ({ alice }) => {
    const url = `${alice.pod}at-once/n3`;
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const answers = await Promise.all(numbers.map((number) => patch(alice, url, n3({ inserts: `<#it-${number}> ex:is ${number}.` }))));
    expect(answers.filter((answer) => !answer.ok).map((answer) => answer.status)).toEqual([]);
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(await subjects(alice, url)).toEqual(numbers.map((number) => `${url}#it-${number}`).sort());
  });

  it("of ten that make the same resource at the same time one succeeds, ten times", async ({ alice }) => {
    for (let round = 0; round < 10; round++) {
      const url = `${alice.pod}at-once/only-${round}`;
      const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => put(alice, url, `<#it-${index}> a <#X>.`, { "if-none-match": "*" })));
      const statuses = answers.map((answer) => answer.status).sort();
      expect(statuses).toEqual([201, ...Array<number>(9).fill(412)]);
    }
  });

  it("a container is made once by ten apps at the same time", async ({ alice }) => {
    const url = `${alice.pod}at-once/container/`;
    const made = await Promise.allSettled(Array.from({ length: 10 }, () => createContainerAt(url, { fetch: alice.fetch })));
    expect(made.filter((each) => each.status === "fulfilled")).toHaveLength(1);
  });

  it("a change of what is not the newest is refused", async ({ alice }) => {
    const url = `${alice.pod}stale`;
    await put(alice, url, turtle);
    const old = (await alice.fetch(url)).headers.get("etag") ?? "";
    expect((await put(alice, url, `${turtle} <#new> a <#X>.`, { "if-match": old })).ok).toBe(true);
    const stale = { "if-match": old };
    const answers = [await put(alice, url, turtle, stale), await patch(alice, url, n3({ inserts: "<#a> ex:x 1." }), stale), await alice.fetch(url, { method: "DELETE", headers: stale })];
    expect(answers.map((answer) => answer.status)).toEqual([412, 412, 412]);
    expect(await subjects(alice, url)).toEqual([`${url}#a`, `${url}#new`]);
  });

  it("two changes in the same moment have two tags", async ({ alice }) => {
    const url = `${alice.pod}tags`;
    const tags = new Set<string | null>();
    for (let number = 0; number < 10; number++) {
      await put(alice, url, `<#a> <https://vocab.example/is> ${number}.`);
      tags.add((await alice.fetch(url)).headers.get("etag"));
    }
    expect(tags.size).toBe(10);
  });
});
