package solid

import (
	"slices"
	"strings"
)

// sparqlCases are the forms of SPARQL Update that applications send (Inrupt's solid-client and rdflib).
func sparqlCases() []testCase {
	return []testCase{
		sparql("insertData/insert", "INSERT DATA { <#it> <#q> \"w\". }", []triple{v, {"#it", "#q", `"w`}}, nil),
		sparql("insertData/prefixes-and-base", "PREFIX x: <urn:x:>\nINSERT DATA { <#it> x:q \"w\"; x:r 5 . }", []triple{{"#it", "urn:x:q", `"w`}, {"#it", "urn:x:r", `"5`}}, nil),
		sparql("insertData/literals", `INSERT DATA { <#it> <#q> "a \"quoted\" one", "deux"@fr, "3"^^<http://www.w3.org/2001/XMLSchema#integer>, true. }`, []triple{{"#it", "#q", `"a "quoted" one`}, {"#it", "#q", `"deux`}, {"#it", "#q", `"3`}, {"#it", "#q", `"true`}}, nil),
		sparql("insertData/as-solid-client-writes-it", "INSERT DATA {<#it> <#q> \"w\".\n<#it> <#r> <#o>.\n};", []triple{{"#it", "#q", `"w`}, {"#it", "#r", "#o"}}, nil),
		sparql("deleteData/delete", "DELETE DATA { <#it> <#p> \"v\". }", nil, []triple{v}),
		sparql("graphUpdate/several-joined", "DELETE DATA { <#it> <#p> \"v\". };\nINSERT DATA { <#it> <#p> \"w\". }", []triple{{"#it", "#p", `"w`}}, []triple{v}),
		sparql("deleteInsert/as-rdflib-writes-it", "DELETE DATA { <#it> <#p> \"v\" . } \n ; INSERT DATA { <#it> <#p> \"w\" . }", []triple{{"#it", "#p", `"w`}}, []triple{v}),
		sparql("deleteInsert/where", "DELETE { ?who <#given> \"Claudia\". } INSERT { ?who <#given> \"Alex\". } WHERE { ?who <#family> \"Garcia\". }", []triple{{"#maria", "#given", `"Alex`}}, []triple{{"#maria", "#given", `"Claudia`}}),
		sparql("deleteInsert/insert-where", "INSERT { ?who <#q> \"w\". } WHERE { ?who <#family> \"Garcia\". }", []triple{{"#maria", "#q", `"w`}}, nil),
		sparql("deleteWhere/pattern", "DELETE WHERE { <#maria> <#given> ?name. }", []triple{v, {"#maria", "#family", `"Garcia`}}, []triple{{"#maria", "#given", `"Claudia`}}),
		sparql("deleteInsert/empty-where", "INSERT { <#it> <#q> \"w\". } WHERE {}", []triple{v, {"#it", "#q", `"w`}}, nil),
		{"sparql11-update#insertData/creates", func(t *trial) {
			t.needSPARQL()
			t.send(t.alice, "PATCH", t.at("new"), sparqlText("INSERT DATA { <#it> <#q> \"w\". }")).is(201)
			t.check(t.turtle(t.at("new")).has(t.at("new")+"#it", t.at("new")+"#q", `"w`), "what was inserted is not there")
		}},
		{"sparql11-update#insertData/creates-an-ACL", func(t *trial) {
			t.needSPARQL()
			acl := t.aux(t.at("made"), "acl")
			rules := t.rule(0, t.at("made"), grant{"accessTo", "alice", "RWC"}) + t.rule(1, t.at("made"), grant{"accessTo", "bob", "R"})
			text := "PREFIX acl: <" + aclNS + ">\nINSERT DATA {" + strings.ReplaceAll(rules, "<#", "<"+acl+"#") + "}"
			t.send(t.alice, "PATCH", acl, sparqlText(text)).is(200, 201, 204, 205)
			t.ask(t.bob, "GET", t.at("made")).is(200)
		}},
		{"sparql11-update#insertData/on-an-ACL-that-is-there", func(t *trial) {
			t.needSPARQL()
			t.allow(t.at("made"))
			acl := t.aux(t.at("made"), "acl")
			text := "PREFIX acl: <" + aclNS + ">\nINSERT DATA {" + strings.ReplaceAll(t.rule(9, t.at("made"), grant{"accessTo", "bob", "R"}), "<#", "<"+acl+"#") + "}"
			t.send(t.alice, "PATCH", acl, sparqlText(text)).ok()
			t.ask(t.bob, "GET", t.at("made")).is(200)
			t.send(t.alice, "PATCH", acl, sparqlText(strings.Replace(text, "INSERT", "DELETE", 1))).ok()
			t.ask(t.bob, "GET", t.at("made")).is(403)
		}},
		{"sparql11-update#insertData/a-blank-node", func(t *trial) {
			t.needSPARQL()
			t.put("r", turtleText(patched))
			t.send(t.alice, "PATCH", t.at("r"), sparqlText("INSERT DATA { <#it> <urn:x:knows> _:b. _:b <urn:x:p> \"blank\". }")).ok()
			g := t.turtle(t.at("r"))
			t.check(slices.Equal(g.objects(t.at("r")+"#it", "urn:x:knows"), g.subjects("urn:x:p", `"blank`)), "the two ends of the blank node are not one")
		}},
		{"sparql11-update#graphUpdate/syntax-error", func(t *trial) {
			t.needSPARQL()
			t.put("r", turtleText(patched))
			t.send(t.alice, "PATCH", t.at("r"), sparqlText("INSERT DTA { nonsense")).is(400, 422)
			t.check(t.turtle(t.at("r")).has(v.in(t.at("r"))), "the resource has changed")
		}},
		{"sparql11-update#load/nothing-is-fetched", func(t *trial) {
			t.needSPARQL()
			if t.elsewhere == nil {
				t.skip("the server could not reach the suite")
				return
			}
			t.put("r", turtleText(patched))
			trap := t.elsewhere.trap()
			r := t.send(t.alice, "PATCH", t.at("r"), sparqlText("LOAD <"+trap.url+">"))
			r.check(r.status >= 400 && r.status < 500 || r.status == 501, "status %d", r.status)
			t.check(trap.hits.Load() == 0, "the server fetched what a client named")
		}},
		{"sparql11-update#graphUpdate/modes", func(t *trial) {
			t.needSPARQL()
			t.put("r", turtleText(patched))
			t.allow(t.at("r"), grant{"accessTo", "bob", "A"})
			t.send(t.bob, "PATCH", t.at("r"), sparqlText("INSERT DATA { <#bob> <#q> \"w\". }")).ok()
			t.send(t.bob, "PATCH", t.at("r"), sparqlText("DELETE DATA { <#it> <#p> \"v\". }")).refused()
			t.send(t.bob, "PATCH", t.at("r"), sparqlText("INSERT { <#bob> <#q> ?x. } WHERE { <#it> <#p> ?x. }")).refused()
			t.check(t.turtle(t.at("r")).has(v.in(t.at("r"))), "the resource has changed")
		}},
	}
}

// needSPARQL skips a case where the server does not list SPARQL Update.
func (t *trial) needSPARQL() {
	if !slices.Contains(t.offers.patches, "application/sparql-update") {
		t.skip("Accept-Patch does not list application/sparql-update")
	}
}

func sparql(id, update string, there, gone []triple) testCase {
	return testCase{"sparql11-update#" + id, func(t *trial) {
		t.needSPARQL()
		t.put("r", turtleText(patched))
		t.send(t.alice, "PATCH", t.at("r"), sparqlText(update)).is(done...)
		g := t.turtle(t.at("r"))
		for _, want := range there {
			t.check(g.has(want.in(t.at("r"))), "%q is not there", want)
		}
		for _, not := range gone {
			t.check(!g.has(not.in(t.at("r"))), "%q is there", not)
		}
	}}
}
