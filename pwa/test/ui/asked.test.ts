import { describe, expect, test } from "vitest";
import type { Asked } from "../../src/core/kith.ts";
import { backOf, cautionsOf, placeOf } from "../../src/ui/asked.ts";

const asked = (more: Partial<Asked>): Asked => ({
  issuer: "https://pods.example", id: "x", name: "Albums", host: "albums.example", described: true, back: "https://albums.example/back", expires: 0, ...more,
});

describe("a person is told to look twice when", () => {
  test.each<[string, Partial<Asked>, readonly string[]]>([
    ["nothing is unusual", {}, []],
    ["the name is only what the app said", { described: false }, ["unchecked"]],
    ["there is no name, which is said elsewhere", { described: false, name: undefined as never }, []],
    ["the way back leads to another host", { back: "https://other.example/back" }, ["otherHost"]],
    ["it leads to another port", { back: "https://albums.example:8443/back" }, ["otherHost"]],
    ["it leads to a host whose name begins alike", { back: "https://albums.example.evil.example/" }, ["otherHost"]],
    ["it leads to this computer", { back: "http://localhost:4000/" }, ["local"]],
    ["it leads to this computer by number", { back: "http://127.0.0.1:4000/" }, ["local"]],
    ["it leads to this computer by the other number", { back: "http://[::1]:4000/" }, ["local"]],
    ["it leads to a host that only looks like this computer", { back: "http://localhost.example/" }, ["otherHost"]],
    ["it leads to an app on the device", { back: "com.example.albums:/back" }, ["device"]],
    ["two things are unusual", { described: false, back: "http://localhost:4000/", host: "localhost:4000" }, ["unchecked", "local"]],
  ])("%s", (_name, more, cautions) => expect(cautionsOf(asked(more))).toEqual(cautions));
});

test.each([
  ["https://albums.example:8443/back?x", "albums.example:8443"],
  ["http://localhost:4000/", "localhost:4000"],
  ["com.example.albums:/back", "com.example.albums:"],
])("the way back %s is called %s", (back, called) => expect(backOf(asked({ back }))).toBe(called));

test("a place is an address without its scheme", () => {
  expect(placeOf("https://pods.example/ana/")).toBe("pods.example/ana");
});
