package rdf

import (
	"errors"
	"strings"
	"testing"
)

const patchPrefixes = "@prefix solid: <http://www.w3.org/ns/solid/terms#>. @prefix : <urn:x:>.\n"

// patchLimits leave room for the tests that go beyond them.
var patchLimits = Limits{Bytes: 1 << 20, Triples: 2000, Depth: 8}

// graphOf reads Turtle with the prefix ":" declared.
func graphOf(t testing.TB, doc string) *Graph {
	t.Helper()
	g, err := Decode(strings.NewReader(ex+doc), Turtle, testBase, Limits{})
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return g
}

func n3(t testing.TB, doc string) (Patch, error) {
	t.Helper()
	return ParseN3Patch(strings.NewReader(patchPrefixes+doc), testBase, patchLimits)
}

func sparql(t testing.TB, doc string) (Patch, error) {
	t.Helper()
	return ParseUpdate(strings.NewReader("PREFIX : <urn:x:> "+doc), testBase, patchLimits)
}

// parser is n3 or sparql.
type parser func(testing.TB, string) (Patch, error)

// applied is a patch, the graph it meets, and what comes out: a graph, or an
// error of Apply's.
type applied struct {
	name, patch, before, after string
	err                        error
}

func checkApply(t *testing.T, parse parser, cases []applied) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := parse(t, c.patch)
			if err != nil {
				t.Fatal(err)
			}
			g := graphOf(t, c.before)
			if err := p.Apply(g); !errors.Is(err, c.err) {
				t.Fatalf("error is %v, want %v", err, c.err)
			}
			want := c.after
			if c.err != nil {
				want = c.before
			}
			if !Isomorphic(g, graphOf(t, want)) {
				t.Errorf("graph is\n%swant\n%s", lines(g), lines(graphOf(t, want)))
			}
		})
	}
}

// TestN3PatchApplies is Solid Protocol §n3-patch, its rules of processing.
func TestN3PatchApplies(t *testing.T) {
	checkApply(t, n3, []applied{
		{"inserts go into an empty resource",
			"<> a solid:InsertDeletePatch; solid:inserts { <> :p 1, 2 . <#a> :q 'x'@en }.", "", "<> :p 1, 2 . <#a> :q 'x'@en .", nil},
		{"a condition binds what is deleted and inserted",
			"_:r a solid:InsertDeletePatch; solid:where { ?p :name 'Ann'. }; solid:inserts { ?p :name 'Anna'. }; solid:deletes { ?p :name 'Ann'. }.",
			"<#1> :name 'Ann'; :age 3 . <#2> :name 'Bo' .", "<#1> :name 'Anna'; :age 3 . <#2> :name 'Bo' .", nil},
		{"a variable may be a property",
			"<> a solid:InsertDeletePatch; solid:where { <> ?p 1 }; solid:deletes { <> ?p 1 }; solid:inserts { <> ?p 2 }.", "<> :n 1 .", "<> :n 2 .", nil},
		{"two conditions are joined",
			"<> a solid:InsertDeletePatch; solid:where { ?x :in ?y . ?y :name 'b' }; solid:inserts { ?x :found true }.",
			"<#1> :in <#a> . <#2> :in <#b> . <#a> :name 'a' . <#b> :name 'b' .",
			"<#1> :in <#a> . <#2> :in <#b> . <#a> :name 'a' . <#b> :name 'b' . <#2> :found true .", nil},
		{"a condition without variables is checked",
			"<> a solid:InsertDeletePatch; solid:where { <> :p 1 }; solid:inserts { <> :q 2 }.", "<> :p 1 .", "<> :p 1; :q 2 .", nil},
		{"a condition without variables that fails", "<> a solid:InsertDeletePatch; solid:where { <> :p 1 }; solid:inserts { <> :q 2 }.",
			"<> :p 2 .", "", ErrConflict},
		{"no mapping", "<> a solid:InsertDeletePatch; solid:where { ?x :p 1 }; solid:inserts { ?x :q 2 }.", "<> :p 2 .", "", ErrConflict},
		{"more than one mapping", "<> a solid:InsertDeletePatch; solid:where { ?x :p 1 }; solid:inserts { ?x :q 2 }.",
			"<#a> :p 1 . <#b> :p 1 .", "", ErrConflict},
		{"mappings that differ in blank nodes of the condition only are one",
			"<> a solid:InsertDeletePatch; solid:where { ?x :p [ :q 1 ] }; solid:inserts { ?x :ok true }.",
			"<> :p [ :q 1; :n 1 ], [ :q 1; :n 2 ] .", "<> :p [ :q 1; :n 1 ], [ :q 1; :n 2 ]; :ok true .", nil},
		{"a variable that stands twice has one value",
			"<> a solid:InsertDeletePatch; solid:where { ?x :knows ?x }; solid:inserts { ?x :alone true }.",
			"<#a> :knows <#b> . <#b> :knows <#b> .", "<#a> :knows <#b> . <#b> :knows <#b>; :alone true .", nil},
		{"a triple to delete is absent",
			"<> a solid:InsertDeletePatch; solid:deletes { <> :p 1, 2 }; solid:inserts { <> :p 3 }.", "<> :p 1 .", "", ErrConflict},
		{"deletions come before insertions",
			"<> a solid:InsertDeletePatch; solid:deletes { <> :p 1 }; solid:inserts { <> :p 1, 2 }.", "<> :p 1 .", "<> :p 1, 2 .", nil},
		{"what is there already may be inserted", "<> a solid:InsertDeletePatch; solid:inserts { <> :p 1 }.", "<> :p 1 .", "<> :p 1 .", nil},
		{"blank nodes in inserts are new ones (editor's draft)",
			"<> a solid:InsertDeletePatch; solid:inserts { <> :p _:n1, [ :q _:n1 ] . _:n1 :r ( 1 ) }.",
			"_:n1 :is 'old' . <#n2> :is _:n1 .", "_:o :is 'old' . <#n2> :is _:o . <> :p _:x, [ :q _:x ] . _:x :r ( 1 ) .", nil},
		{"a value that may be no subject",
			"<> a solid:InsertDeletePatch; solid:where { <> :p ?v }; solid:inserts { ?v :q 1 }.", "<> :p 'text' .", "", ErrConflict},
		{"a blank node of the resource can be bound",
			"<> a solid:InsertDeletePatch; solid:where { <> :p ?b . ?b :q 1 }; solid:deletes { ?b :q 1 }; solid:inserts { ?b :q 2 }.",
			"<> :p [ :q 1 ], [ :q 3 ] .", "<> :p [ :q 2 ], [ :q 3 ] .", nil},
		{"empty formulas change nothing", "<> a solid:InsertDeletePatch; solid:where {}; solid:deletes {}; solid:inserts {}.", "<> :p 1 .", "<> :p 1 .", nil},
		{"a patch of rdflib's", `_:patch
      solid:where { ?b0 :q 1 .};
      solid:inserts { ?b0 :r "x" .};
      solid:deletes { ?b0 :q 1 .};   a solid:InsertDeletePatch .`, "<> :p [ :q 1 ] .", "<> :p [ :r 'x' ] .", nil},
	})
}

// TestN3PatchConstraints is Solid Protocol §n3-patch, its constraints, and what is
// not N3 at all.
func TestN3PatchConstraints(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		err       error
	}{
		{"an empty document", "", ErrPatch},
		{"no type", "<> solid:inserts { <> :p 1 }.", ErrPatch},
		{"another type", "<> a solid:Patch; solid:inserts { <> :p 1 }.", ErrPatch},
		{"two patches", "<a> a solid:InsertDeletePatch; solid:inserts { <> :p 1 }. <b> a solid:InsertDeletePatch.", ErrPatch},
		{"inserts of another resource", "<a> a solid:InsertDeletePatch. <b> solid:inserts { <> :p 1 }.", ErrPatch},
		{"a literal is no patch", "'x' a solid:InsertDeletePatch; solid:inserts { <> :p 1 }.", ErrPatch},
		{"two of inserts", "<> a solid:InsertDeletePatch; solid:inserts { <> :p 1 }, { <> :p 2 }.", ErrPatch},
		{"two of deletes", "<> a solid:InsertDeletePatch; solid:deletes { <> :p 1 }; solid:deletes { <> :p 1 }.", ErrPatch},
		{"two of where", "<> a solid:InsertDeletePatch; solid:where { <> :p 1 }, {}.", ErrPatch},
		{"inserts that are no formula", "<> a solid:InsertDeletePatch; solid:inserts <#x>.", ErrPatch},
		{"a formula in a formula", "<> a solid:InsertDeletePatch; solid:inserts { <> :p { <> :p 1 } }.", ErrPatch},
		{"a formula in a list in a formula", "<> a solid:InsertDeletePatch; solid:inserts { <> :p ( {} ) }.", ErrPatch},
		{"an unknown variable in inserts", "<> a solid:InsertDeletePatch; solid:where { ?a :p 1 }; solid:inserts { ?b :p 2 }.", ErrPatch},
		{"an unknown variable in deletes", "<> a solid:InsertDeletePatch; solid:where { ?a :p 1 }; solid:deletes { ?a :p ?b }.", ErrPatch},
		{"a variable without a condition", "<> a solid:InsertDeletePatch; solid:inserts { ?a :p 1 }.", ErrPatch},
		{"a blank node in deletes", "<> a solid:InsertDeletePatch; solid:deletes { _:b :p 1 }.", ErrPatch},
		{"brackets in deletes", "<> a solid:InsertDeletePatch; solid:deletes { <> :p [] }.", ErrPatch},
		{"a list in deletes", "<> a solid:InsertDeletePatch; solid:deletes { <> :p ( 1 ) }.", ErrPatch},
		{"a literal as subject", "<> a solid:InsertDeletePatch; solid:inserts { 'x' :p 1 }.", ErrPatch},
		{"a literal as property", "<> a solid:InsertDeletePatch; solid:inserts { <> 'x' 1 }.", ErrPatch},
		{"a blank node as property", "<> a solid:InsertDeletePatch; solid:inserts { <> _:b 1 }.", ErrPatch},
		{"a formula that does not end", "<> a solid:InsertDeletePatch; solid:inserts { <> :p 1 .", ErrSyntax},
		{"a formula that ends twice", "<> a solid:InsertDeletePatch; solid:inserts { <> :p 1 }}.", ErrSyntax},
		{"no dot at the end", "<> a solid:InsertDeletePatch; solid:inserts { <> :p 1 }", ErrSyntax},
		{"a rule of N3", "{ <> :p 1 } => { <> :p 2 }.", ErrSyntax},
		{"an undeclared prefix", "<> a solid:InsertDeletePatch; solid:inserts { <> no:p 1 }.", ErrSyntax},
		{"a variable without a name", "<> a solid:InsertDeletePatch; solid:where { ? :p 1 }.", ErrSyntax},
		{"a variable of SPARQL", "<> a solid:InsertDeletePatch; solid:where { $x :p 1 }.", ErrSyntax},
		{"text", "not N3 at all", ErrSyntax},
		{"nested too deeply", "<> a solid:InsertDeletePatch; solid:inserts { <> :p " + strings.Repeat("[ :p ", 8) + "1" + strings.Repeat("]", 8) + "}.", ErrTooLarge},
		{"too many triples", "<> a solid:InsertDeletePatch; solid:inserts {" + strings.Repeat("<> :p 1 .", 2000) + "}.", ErrTooLarge},
		{"too many bytes", "#" + strings.Repeat("x", 1<<20), ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := n3(t, c.doc); !errors.Is(err, c.err) {
				t.Errorf("error is %v, want %v", err, c.err)
			}
		})
	}
}

// TestPatchesKeepWhatIsNoTriple patches JSON-LD that says more than its graph: who
// may only append would delete that (WAC §access-modes).
func TestPatchesKeepWhatIsNoTriple(t *testing.T) {
	p, err := sparql(t, "INSERT DATA { <#a> :p 1 }")
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]error{
		`{"@context": {"q": "urn:x:q"}, "@id": "#a", "q": "x", "@type": [], "none": null}`:           nil,
		`{"@context": {"q": {"@id": "urn:x:q", "@container": "@language"}}, "q": {"en": "x"}}`:       nil,
		`{"@id": "#a", "urn:x:q": 2, "@graph": [{"urn:x:q": 1}]}`:                                    ErrConflict,
		`{"@id": "#a", "urn:x:q": "x", "unknown": "y"}`:                                              ErrConflict,
		`{"@context": {"null": null}, "@id": "#a", "urn:x:q": "x", "null": {"a": 1}}`:                ErrConflict,
		`{"@context": {"@vocab": "_:"}, "@id": "#a", "urn:x:q": [{"unknown": 1}]}`:                   ErrConflict,
		`{"@id": "#a", "urn:x:q": {"@value": "x", "@direction": "rtl"}}`:                             ErrConflict,
		`{"@id": "#a", "urn:x:q": {"@value": "x", "@index": "i"}}`:                                   ErrConflict,
		`{"@context": {"q": {"@id": "urn:x:q", "@container": "@index"}}, "q": {"i": "x"}}`:           ErrConflict,
		`[{"@id": "#a", "urn:x:q": "x"}, "text"]`:                                                    ErrConflict,
		`{"@context": {"@base": null}, "@id": "a b", "urn:x:q": "x"}`:                                ErrConflict,
		`{"@context": "https://www.w3.org/ns/activitystreams", "id": "#a", "content": "x", "my": 1}`: ErrConflict,
	} {
		g, err := Decode(strings.NewReader(doc), JSONLD, testBase, Limits{})
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if err := p.Apply(g); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", doc, err, want)
		}
	}
}

// TestUpdateApplies is SPARQL 1.1 Update §3.1.
func TestUpdateApplies(t *testing.T) {
	checkApply(t, sparql, []applied{
		{"INSERT DATA", "INSERT DATA { <> :p 1, 'x'@EN ; a :T . }", "", "<> :p 1, 'x'@en; a :T .", nil},
		{"INSERT DATA makes blank nodes", "INSERT DATA { _:n1 :p [ :q _:n1 ] }", "_:n1 :p 1 .", "_:a :p 1 . _:b :p [ :q _:b ] .", nil},
		{"DELETE DATA", "DELETE DATA { <> :p 1 }", "<> :p 1, 2 .", "<> :p 2 .", nil},
		{"DELETE DATA of what is absent has no effect", "DELETE DATA { <> :p 1, 3 }", "<> :p 1, 2 .", "<> :p 2 .", nil},
		{"a patch of @inrupt/solid-client's", "DELETE DATA {<urn:x:s> <urn:x:p> \"a\".\n};  INSERT DATA {<urn:x:s> <urn:x:p> \"b\".\n};",
			":s :p 'a' .", ":s :p 'b' .", nil},
		{"a patch of @inrupt/solid-client's without changes", " ", ":s :p 'a' .", ":s :p 'a' .", nil},
		{"a patch of rdflib's without blank nodes", "DELETE DATA { <#s> :p 1 .\n } \n ; INSERT DATA { <#s> :p 2 .\n }\n", "<#s> :p 1 .", "<#s> :p 2 .", nil},
		{"a patch of rdflib's with a blank node", "DELETE { ?_g_L1C2 :p 1 .\n }\nINSERT { ?_g_L1C2 :p 2 .\n }\nWHERE { <#s> :q ?_g_L1C2 . }\n",
			"<#s> :q [ :p 1 ] .", "<#s> :q [ :p 2 ] .", nil},
		{"rdflib's set_object", "DELETE DATA { <#s> :p 1 . } ;\nINSERT DATA { <#s> :p 2  . }\n", "<#s> :p 1 .", "<#s> :p 2 .", nil},
		{"every mapping counts", "DELETE { ?s :p ?o } INSERT { ?o :of ?s } WHERE { ?s :p ?o }", "<#a> :p <#b>, <#c> . <#d> :p 'text' .",
			"<#b> :of <#a> . <#c> :of <#a> .", nil},
		{"no mapping is no error", "DELETE { ?s :p 1 } INSERT { <> :done true } WHERE { ?s :p 1 }", "<> :p 2 .", "<> :p 2 .", nil},
		{"blank nodes are new for each mapping", "INSERT { ?s :q [] } WHERE { ?s :p 1 }", "<#a> :p 1 . <#b> :p 1 .",
			"<#a> :p 1; :q [] . <#b> :p 1; :q [] .", nil},
		{"a variable without a value leaves its triple out", "INSERT { ?s :q ?nothing . ?s :r 1 } WHERE { ?s :p 1 }", "<> :p 1 .", "<> :p 1; :r 1 .", nil},
		{"DELETE WHERE", "DELETE WHERE { <> ?p ?o }", "<> :p 1, 2 . <#a> :p 3 .", "<#a> :p 3 .", nil},
		{"DELETE WHERE with dollar variables", "DELETE WHERE { $s :p $o . ?s :q 1 }", "<#a> :p 3; :q 1 . <#b> :p 4 .", "<#b> :p 4 .", nil},
		{"an empty condition has one mapping", "INSERT { <> :p 1 } WHERE {}", "", "<> :p 1 .", nil},
		{"the next operation sees what the last did", "INSERT DATA { <> :p 1 }; DELETE { <> :p ?o } INSERT { <> :q ?o } WHERE { <> :p ?o };",
			"", "<> :q 1 .", nil},
		{"a prologue before each operation", "BASE <http://example.org/x/> INSERT DATA { <a> :p 1 }; PREFIX b: <http://example.org/b/> INSERT DATA { b:a :p 2 }",
			"", "<http://example.org/x/a> :p 1 . <http://example.org/b/a> :p 2 .", nil},
		{"keywords in any case, comments, no spaces", "insert data{<>:p 1}#c\n;Delete Where{<>:p 1}", "", "", nil},
		{"a variable of a property", "DELETE { <> ?p ?o } WHERE { <> ?p ?o . ?p :private true }", "<> :p 1; :q 2 . :p :private true .",
			"<> :q 2 . :p :private true .", nil},
	})
}

// TestUpdateRefuses tells what SPARQL has and is not read, from what is no SPARQL.
func TestUpdateRefuses(t *testing.T) {
	for _, c := range []struct {
		doc string
		err error
	}{
		{"LOAD <http://example.org/>", ErrPatch},
		{"CLEAR ALL", ErrPatch},
		{"drop silent default", ErrPatch},
		{"CREATE GRAPH <g>", ErrPatch},
		{"COPY DEFAULT TO <g>", ErrPatch},
		{"WITH <g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", ErrPatch},
		{"DELETE { ?s ?p ?o } USING <g> WHERE { ?s ?p ?o }", ErrPatch},
		{"INSERT DATA { GRAPH <g> { <s> <p> 1 } }", ErrPatch},
		{"INSERT { GRAPH <g> { <s> <p> 1 } } WHERE {}", ErrPatch},
		{"DELETE WHERE { GRAPH <g> { <s> <p> 1 } }", ErrPatch},
		{"DELETE { ?s :p 1 } WHERE { ?s :p 1 . FILTER(?s = <a>) }", ErrPatch},
		{"DELETE { ?s :p 1 } WHERE { ?s :p 1 FILTER(?s = <a>) }", ErrPatch},
		{"DELETE { ?s :p 1 } WHERE { OPTIONAL { ?s :p 1 } }", ErrPatch},
		{"DELETE { ?s :p 1 } WHERE { { ?s :p 1 } UNION { ?s :p 2 } }", ErrPatch},
		{"DELETE { ?s :p 1 } WHERE { SELECT ?s WHERE { ?s :p 1 } }", ErrPatch},
		{"DELETE { ?s :p 1 } WHERE { BIND(1 AS ?s) }", ErrPatch},
		{"INSERT DATA { ?s :p 1 }", ErrPatch},
		{"DELETE DATA { ?s :p 1 }", ErrPatch},
		{"DELETE DATA { _:b :p 1 }", ErrPatch},
		{"DELETE WHERE { _:b :p 1 }", ErrPatch},
		{"DELETE { _:b :p 1 } WHERE {}", ErrPatch},
		{"INSERT DATA { 'x' :p 1 }", ErrPatch},
		{"SELECT * WHERE { ?s ?p ?o }", ErrSyntax},
		{"INSERT DATA { <> :p 1", ErrSyntax},
		{"INSERT DATA { <> :p 1 } INSERT DATA { <> :p 2 }", ErrSyntax},
		{"INSERT { <> :p 1 }", ErrSyntax},
		{"DELETE { <> :p 1 }", ErrSyntax},
		{"INSERT DATA <> :p 1", ErrSyntax},
		{"INSERT DATA { <> no:p 1 }", ErrSyntax},
		{"DELETE WHERE { ?s :p/:q 1 }", ErrSyntax},
		{"@prefix a: <urn:a> . INSERT DATA { }", ErrSyntax},
		{"<> :p 1 .", ErrSyntax},
		{";", ErrSyntax},
		{"INSERT DATA {" + strings.Repeat("<> :p 1 .", 2001) + "}", ErrTooLarge},
	} {
		t.Run(c.doc[:min(len(c.doc), 50)], func(t *testing.T) {
			if _, err := sparql(t, c.doc); !errors.Is(err, c.err) {
				t.Errorf("error is %v, want %v", err, c.err)
			}
		})
	}
}

// TestPatchSaysWhatItNeeds is Solid Protocol §n3-patch: the access that each part
// asks for.
func TestPatchSaysWhatItNeeds(t *testing.T) {
	for _, c := range []struct {
		parse                   parser
		doc                     string
		reads, inserts, deletes bool
	}{
		{n3, "<> a solid:InsertDeletePatch.", false, false, false},
		{n3, "<> a solid:InsertDeletePatch; solid:where {}; solid:inserts {}; solid:deletes {}.", false, false, false},
		{n3, "<> a solid:InsertDeletePatch; solid:inserts { <> :p 1 }.", false, true, false},
		{n3, "<> a solid:InsertDeletePatch; solid:deletes { <> :p 1 }.", false, false, true},
		{n3, "<> a solid:InsertDeletePatch; solid:where { <> :p 1 }.", true, false, false},
		{sparql, "INSERT DATA { <> :p 1 }", false, true, false},
		{sparql, "DELETE DATA { <> :p 1 }", false, false, true},
		{sparql, "DELETE WHERE { <> :p 1 }", true, false, true},
		{sparql, "INSERT { <> :p 1 } WHERE { <> :q 1 }", true, true, false},
		{sparql, "INSERT DATA { <> :p 1 }; DELETE DATA { <> :p 1 }", false, true, true},
		{sparql, "", false, false, false},
	} {
		p, err := c.parse(t, c.doc)
		if err != nil {
			t.Fatalf("%s: %v", c.doc, err)
		}
		if p.Reads() != c.reads || p.Inserts() != c.inserts || p.Deletes() != c.deletes {
			t.Errorf("%s: reads %v, inserts %v, deletes %v", c.doc, p.Reads(), p.Inserts(), p.Deletes())
		}
	}
}

// TestPatchIsBounded holds patches that would take long, or make much, to an
// error that comes soon and leaves the graph as it was.
func TestPatchIsBounded(t *testing.T) {
	var many strings.Builder
	for range 60 {
		many.WriteString("<#s> :p ")
		for o := range 20 {
			many.WriteString(strings.Repeat(",", min(o, 1)) + "<#o" + string(rune('a'+o)) + ">")
		}
		many.WriteString(".\n")
	}
	full := "<#s> :p " + strings.TrimSuffix(strings.Repeat("[],", 1995), ",") + "."
	for _, c := range []struct {
		name  string
		parse parser
		doc   string
		graph string
	}{
		{"a product of patterns", sparql, "DELETE { ?a :p 1 } WHERE { ?a :p ?b . ?c :p ?d . ?e :p ?f . ?g :p ?h . ?i :p ?j . ?k :p ?l }", many.String()},
		{"a product in N3 that has one name", n3, "<> a solid:InsertDeletePatch; solid:where { <#s> :p [], [], [], [], [], [] }.", many.String()},
		{"more than the limit is stated", sparql, "INSERT { ?a :q ?d } WHERE { ?a :p ?b . ?c :p ?d . ?e :p ?f . ?g :p ?h }", many.String()},
		{"a resource that grows beyond the limit", sparql, "INSERT DATA { <> :p 1, 2, 3, 4, 5, 6 }", full},
		{"an operation after one that worked", sparql, "DELETE WHERE { <#s> :p <#oa> }; DELETE { ?a :p 1 } WHERE { ?a :p ?b . ?c :p ?d . ?e :p ?f . ?g :p ?h . ?i :p ?j . ?k :p ?l }", many.String()},
		{"very many patterns", sparql, "DELETE { <> :p 1 } WHERE {" + strings.Repeat("?a :p [] .", 1900) + "}", many.String()},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := c.parse(t, c.doc)
			if err != nil {
				t.Fatal(err)
			}
			g := graphOf(t, c.graph)
			before := lines(g)
			if err := p.Apply(g); !errors.Is(err, ErrTooLarge) {
				t.Errorf("error is %v, want ErrTooLarge", err)
			}
			if after := lines(g); after != before {
				t.Errorf("graph changed from\n%sto\n%s", before, after)
			}
		})
	}
}

// TestPatchIsUnchangedByUse applies one patch to two graphs and twice to one.
func TestPatchIsUnchangedByUse(t *testing.T) {
	p, err := sparql(t, "INSERT { ?s :q [ :r ?o ] } WHERE { ?s :p ?o }")
	if err != nil {
		t.Fatal(err)
	}
	one, two := graphOf(t, "<#a> :p 1 ."), graphOf(t, "<#b> :p 2 .")
	for _, g := range []*Graph{one, two, one} {
		if err := p.Apply(g); err != nil {
			t.Fatal(err)
		}
	}
	if want := graphOf(t, "<#a> :p 1; :q [ :r 1 ], [ :r 1 ] ."); !Isomorphic(one, want) {
		t.Errorf("graph is\n%s", lines(one))
	}
	if want := graphOf(t, "<#b> :p 2; :q [ :r 2 ] ."); !Isomorphic(two, want) {
		t.Errorf("graph is\n%s", lines(two))
	}
}

// TestPatchKeepsNamedGraphs refuses to patch what would lose a part by it.
func TestPatchKeepsNamedGraphs(t *testing.T) {
	p, err := sparql(t, "INSERT DATA { <> :p 1 }")
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]error{
		`{"@id": "", "urn:x:q": 1}`:                                            nil,
		`{"@id": "", "urn:x:q": 1, "@graph": []}`:                              nil,
		`{"@graph": [{"@id": "", "urn:x:q": 1}]}`:                              nil,
		`{"@id": "", "@graph": [{"@id": "", "urn:x:q": 1}]}`:                   ErrConflict,
		`{"@id": "", "urn:x:r": {"@graph": [{"@id": "a", "urn:x:q": 1}]}}`:     ErrConflict,
		`[{"@graph": [{"@id": "", "urn:x:q": 1}]}, {"@id": "", "urn:x:q": 2}]`: ErrConflict,
	} {
		g := decodeJSON(t, doc, testBase)
		before := g.Len()
		if err := p.Apply(g); !errors.Is(err, want) || (want != nil) != (g.Len() == before) {
			t.Errorf("%s: error is %v, want %v; %d triples were %d", doc, err, want, g.Len(), before)
		}
	}
}
