import {
  addStringNoLocale, addUrl, buildThing, createContainerAt, createContainerInContainer, createSolidDataset, createThing, deleteContainer,
  deleteSolidDataset, getContainedResourceUrlAll, getInteger, getResourceInfo, getSolidDataset, getSourceUrl, getStringNoLocale,
  getStringNoLocaleAll, getStringWithLocale, getThing, getThingAll, getUrlAll, isContainer, isRawData, removeThing,
  saveSolidDatasetAt, saveSolidDatasetInContainer, setStringNoLocale, setThing, type SolidDataset, type ThingPersisted,
} from "@inrupt/solid-client";
import { expect } from "vitest";
import { refused } from "./harness/refused.ts";
import { onBoth } from "./harness/servers.ts";

const foaf = "http://xmlns.com/foaf/0.1/";

// Quotes, a line end and what only looks like an escape.
const odd = 'Carla "C" \\ \\u0041\n';

/** friends is a dataset about #ben and #carla. */
function friends(): SolidDataset {
  const ben = buildThing({ name: "ben" }).addStringNoLocale(`${foaf}name`, "Ben").addInteger(`${foaf}age`, 31).build();
  const carla = buildThing({ name: "carla" }).addStringWithLocale(`${foaf}name`, odd, "de").addUrl(`${foaf}knows`, "https://ben.example/#me").build();
  return setThing(setThing(createSolidDataset(), ben), carla);
}

function about(dataset: SolidDataset, url: string, name: string): ThingPersisted {
  const thing = getThing(dataset, `${url}#${name}`);
  if (thing === null) throw new Error(`nothing about #${name} in ${url}`);
  return thing as ThingPersisted;
}

onBoth("datasets", (it) => {
  it("a container is made at a URL, and only once", async ({ alice }) => {
    const url = `${alice.pod}made/`;
    const container = await createContainerAt(url, { fetch: alice.fetch });
    expect(getSourceUrl(container)).toBe(url);
    expect(isContainer(await getResourceInfo(url, { fetch: alice.fetch }))).toBe(true);
    await refused(createContainerAt(url, { fetch: alice.fetch }), 412);
  });

  it("a container is made in a container under the name that is suggested", async ({ alice }) => {
    const parent = `${alice.pod}parent/`;
    await createContainerAt(parent, { fetch: alice.fetch });
    const child = await createContainerInContainer(parent, { slugSuggestion: "child", fetch: alice.fetch });
    expect(getSourceUrl(child)).toBe(`${parent}child/`);
    const listed = await getSolidDataset(parent, { fetch: alice.fetch });
    expect(getContainedResourceUrlAll(listed)).toEqual([`${parent}child/`]);
  });

  it("a dataset comes back as it was saved", async ({ alice }) => {
    const url = `${alice.pod}deep/er/friends`;
    await saveSolidDatasetAt(url, friends(), { fetch: alice.fetch });
    const found = await getSolidDataset(url, { fetch: alice.fetch });
    expect(getThingAll(found)).toHaveLength(2);
    expect(getInteger(about(found, url, "ben"), `${foaf}age`)).toBe(31);
    expect(getStringWithLocale(about(found, url, "carla"), `${foaf}name`, "de")).toBe(odd);
    expect(getUrlAll(about(found, url, "carla"), `${foaf}knows`)).toEqual(["https://ben.example/#me"]);
    expect(isRawData(found)).toBe(false);
  });

  it("letters of other scripts outlive a change", async ({ alice }) => {
    const url = `${alice.pod}letters`;
    const text = "größe 日記 “\u{1F600}”";
    const saved = await saveSolidDatasetAt(url, setThing(createSolidDataset(), buildThing({ name: "a" }).addStringNoLocale(`${foaf}name`, text).build()), { fetch: alice.fetch });
    await saveSolidDatasetAt(url, setThing(saved, buildThing({ name: "b" }).addStringNoLocale(`${foaf}name`, text).build()), { fetch: alice.fetch });
    const found = await getSolidDataset(url, { fetch: alice.fetch });
    expect([getStringNoLocale(about(found, url, "a"), `${foaf}name`), getStringNoLocale(about(found, url, "b"), `${foaf}name`)]).toEqual([text, text]);
  });

  it("a new dataset does not replace one that is there", async ({ alice }) => {
    const url = `${alice.pod}once`;
    await saveSolidDatasetAt(url, friends(), { fetch: alice.fetch });
    await refused(saveSolidDatasetAt(url, createSolidDataset(), { fetch: alice.fetch }), 412);
    expect(getThingAll(await getSolidDataset(url, { fetch: alice.fetch }))).toHaveLength(2);
  });

  it("what is changed, added and removed in a thing is saved", async ({ alice }) => {
    const url = `${alice.pod}changed`;
    await saveSolidDatasetAt(url, friends(), { fetch: alice.fetch });
    const before = await getSolidDataset(url, { fetch: alice.fetch });
    const renamed = addUrl(setStringNoLocale(about(before, url, "ben"), `${foaf}name`, "Benjamin"), `${foaf}knows`, `${url}#carla`);
    await saveSolidDatasetAt(url, setThing(before, addStringNoLocale(renamed, `${foaf}nick`, "B")), { fetch: alice.fetch });
    const after = await getSolidDataset(url, { fetch: alice.fetch });
    expect(getStringNoLocaleAll(about(after, url, "ben"), `${foaf}name`)).toEqual(["Benjamin"]);
    expect(getUrlAll(about(after, url, "ben"), `${foaf}knows`)).toEqual([`${url}#carla`]);
    expect(getStringNoLocale(about(after, url, "ben"), `${foaf}nick`)).toBe("B");
    expect(getInteger(about(after, url, "ben"), `${foaf}age`)).toBe(31);
  });

  it("the dataset that saving returns can be changed and saved again", async ({ alice }) => {
    const url = `${alice.pod}again`;
    const saved = await saveSolidDatasetAt(url, friends(), { fetch: alice.fetch });
    const next = setThing(saved, setStringNoLocale(about(saved, url, "ben"), `${foaf}name`, "Benny"));
    const twice = await saveSolidDatasetAt(url, next, { fetch: alice.fetch });
    await saveSolidDatasetAt(url, setThing(twice, setStringNoLocale(about(twice, url, "ben"), `${foaf}name`, "Bennie")), { fetch: alice.fetch });
    const found = await getSolidDataset(url, { fetch: alice.fetch });
    expect(getStringNoLocaleAll(about(found, url, "ben"), `${foaf}name`)).toEqual(["Bennie"]);
  });

  it("a thing that is removed is gone and the other stays", async ({ alice }) => {
    const url = `${alice.pod}removed`;
    const saved = await saveSolidDatasetAt(url, friends(), { fetch: alice.fetch });
    await saveSolidDatasetAt(url, removeThing(saved, `${url}#ben`), { fetch: alice.fetch });
    const found = await getSolidDataset(url, { fetch: alice.fetch });
    expect(getThing(found, `${url}#ben`)).toBeNull();
    expect(getThingAll(found)).toHaveLength(1);
  });

  it("a change of a dataset that was deleted meanwhile makes it anew", async ({ alice }) => {
    const url = `${alice.pod}meanwhile`;
    const saved = await saveSolidDatasetAt(url, createSolidDataset(), { fetch: alice.fetch });
    await deleteSolidDataset(url, { fetch: alice.fetch });
    const thing = buildThing(createThing({ name: "it" })).addStringNoLocale(`${foaf}name`, "New").build();
    await saveSolidDatasetAt(url, setThing(saved, thing), { fetch: alice.fetch });
    const found = await getSolidDataset(url, { fetch: alice.fetch });
    expect(getStringNoLocale(about(found, url, "it"), `${foaf}name`)).toBe("New");
  });

  it("a dataset is saved in a container and listed there", async ({ alice }) => {
    const parent = `${alice.pod}listed/`;
    await createContainerAt(parent, { fetch: alice.fetch });
    const saved = await saveSolidDatasetInContainer(parent, friends(), { slugSuggestion: "people", fetch: alice.fetch });
    expect(getSourceUrl(saved)).toBe(`${parent}people`);
    const container = await getSolidDataset(parent, { fetch: alice.fetch });
    expect(getContainedResourceUrlAll(container)).toEqual([`${parent}people`]);
  });

  it("a container with something in it cannot be deleted, an empty one can", async ({ alice }) => {
    const parent = `${alice.pod}full/`;
    await saveSolidDatasetAt(`${parent}child`, friends(), { fetch: alice.fetch });
    await refused(deleteContainer(parent, { fetch: alice.fetch }), 409);
    await deleteSolidDataset(`${parent}child`, { fetch: alice.fetch });
    await deleteContainer(parent, { fetch: alice.fetch });
    await refused(getSolidDataset(parent, { fetch: alice.fetch }), 404);
  });

  it("what is not there is not found by its owner, and hidden from others", async ({ alice, bob }) => {
    const url = `${alice.pod}absent`;
    await refused(getSolidDataset(url, { fetch: alice.fetch }), 404);
    await refused(getSolidDataset(url, { fetch: bob.fetch }), 403);
    await refused(getSolidDataset(url), 401);
    await refused(deleteSolidDataset(url, { fetch: alice.fetch }), 404);
  });

  it("others can neither read nor change nor make datasets", async ({ alice, bob }) => {
    const url = `${alice.pod}private`;
    const saved = await saveSolidDatasetAt(url, friends(), { fetch: alice.fetch });
    await refused(getSolidDataset(url, { fetch: bob.fetch }), 403);
    await refused(saveSolidDatasetAt(url, removeThing(saved, `${url}#ben`), { fetch: bob.fetch }), 403);
    await refused(saveSolidDatasetAt(`${alice.pod}planted`, friends(), { fetch: bob.fetch }), 403);
    await refused(createContainerAt(`${alice.pod}planted/`, { fetch: bob.fetch }), 403);
    await refused(deleteSolidDataset(url, { fetch: bob.fetch }), 403);
    expect(getThingAll(await getSolidDataset(url, { fetch: alice.fetch }))).toHaveLength(2);
  });
});
