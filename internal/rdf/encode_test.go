package rdf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var testPrefixes = map[string]IRI{
	"": "urn:x:", "acl": "http://www.w3.org/ns/auth/acl#", "x": "urn:x:", "xs": xsdNS, "deep": "urn:x:deep/", "unused": "urn:unused:",
}

func encode(t *testing.T, g *Graph, base IRI) string {
	t.Helper()
	var out strings.Builder
	if err := Encode(&out, g, testPrefixes, base); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Each text is what Encode writes of the graph that it means.
func TestEncodeWritesReadably(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"nothing for an empty graph", ""},
		{"one triple on one line", "<http://h/s> <http://h/p> <http://h/o> .\n"},
		{"an ACL resource", `@prefix acl: <http://www.w3.org/ns/auth/acl#> .

<#owner>
    a acl:Authorization ;
    acl:agent <https://alice.example/card#me> ;
    acl:accessTo <./>, <>, <doc>, <sub/x> ;
    acl:mode acl:Read, acl:Write, acl:Control .
`},
		{"values bare where they may be", `@prefix : <urn:x:> .
@prefix xs: <http://www.w3.org/2001/XMLSchema#> .

:s :p 1, -1.5, 1e9, true, "1"^^:t, "one"^^xs:integer, "1"^^xs:decimal, "TRUE"^^xs:boolean, "1", "x"@en .
`},
		{"namespaces by length, then label", `@prefix : <urn:x:> .
@prefix deep: <urn:x:deep/> .

:s deep:p <urn:x:deep/a/b>, <urn:x:a.b>, <urn:x:-a>, :, <urn:x:a%20b>, :_1-, <urn:x:é> .
`},
		{"blank nodes where they are used once", `@prefix : <urn:x:> .

:s
    :p [ :q 1 ], [], [
        a :T ;
        :q [ :r 2 ]
    ] ;
    :q ( 1 [ :q 1 ] ( 2 ) ) .
`},
		{"a blank node that nothing uses", "@prefix : <urn:x:> .\n\n[] :p 1 .\n\n[]\n    a :T ;\n    :p 2 .\n"},
		{"labels where a blank node is used twice", "@prefix : <urn:x:> .\n\n:s :p _:b1, [ :q _:b1 ] .\n\n_:b1 :p 1 .\n"},
		{"labels where blank nodes go in circles", "@prefix : <urn:x:> .\n\n_:b1 :p [ :p [ :p _:b1 ] ] .\n\n_:b2 :p _:b2 .\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			const base = "https://pod.example/dir/doc.acl"
			text := strings.ReplaceAll(c.text, "<>", "<"+base+">")
			g, err := Decode(strings.NewReader(text), Turtle, base, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, g, base); got != c.text {
				t.Errorf("written is\n%s\nwant\n%s", got, c.text)
			}
		})
	}
}

// A crafted term must come back as itself and bring no other triple with it.
func TestEncodeKeepsCraftedTermsWhole(t *testing.T) {
	attack := "x> <urn:p> <urn:o> . <urn:evil> <urn:p> <urn:o> . <"
	terms := []Term{
		Literal(attack), Literal(`" . <urn:evil> <urn:p> "`), Literal(`\" . <urn:evil> <urn:p> "`), Literal(`"""`), Literal(`\`),
		Literal("\n<urn:evil> <urn:p> <urn:o> .\n"), Literal("a\r\nb\tc\bd\fe\x00f\x7fg\u0085h\u2028i\ufeffj\ufffd"), LangLiteral(attack, "en"),
		TypedLiteral("1 . :evil :p :o ", xsdInteger), TypedLiteral("", xsdInteger), TypedLiteral("+", xsdInteger), TypedLiteral("1.", xsdInteger),
		TypedLiteral("1.", xsdDecimal), TypedLiteral("1e", xsdDouble), TypedLiteral(".e1", xsdDouble), TypedLiteral("true .", xsdBoolean),
		TypedLiteral("1e1", xsdDecimal), TypedLiteral("1", xsdDouble), TypedLiteral("\u0661", xsdInteger),
		IRITerm("urn:x:a;b"), IRITerm("urn:x:a,b"), IRITerm("urn:x:a."), IRITerm("urn:x:.a"), IRITerm("urn:x:a:b"), IRITerm("urn:x:#a"), IRITerm("urn:x:a'b(c)"),
		IRITerm("urn:x:%zz"), IRITerm("urn:x:a#b"), IRITerm("urn:x:日本"), IRITerm("https://pod.example/dir/a:b"), IRITerm("https://pod.example/dir//h/x"),
		IRITerm("https://pod.example/dir/../x"), IRITerm("https://pod.example/dir/."), IRITerm("https://pod.example/dir/?q"), IRITerm("https://pod.example/dir/doc?q#"),
		IRITerm("https://pod.example/dir/doc?q#a#b"), IRITerm("https://pod.example/dir/doc?q#a?b/../c"), IRITerm("https://pod.example/dir/doc"), IRITerm("https://pod.example/dir/doc?"),
		IRITerm("https://pod.example/dir"), IRITerm("https://pod.example"), IRITerm("https:x"), IRITerm("x:"), Blank("b1"), Blank("g1"), Blank("0"), Blank("a.b-c·"),
	}
	for _, base := range []IRI{"", testBase, "https://pod.example/dir/", "https://pod.example", "urn:x:a", "x:", "x:/a//b"} {
		var all Graph
		for _, o := range terms {
			triple := Triple{IRITerm("urn:x:s"), IRITerm("urn:x:p"), o}
			var one Graph
			for _, g := range []*Graph{&one, &all} {
				if err := g.Add(triple); err != nil {
					t.Fatalf("Add(%v): %v", triple, err)
				}
			}
			checkReadsBack(t, &one, base)
		}
		checkReadsBack(t, &all, base)
	}
}

func checkReadsBack(t *testing.T, g *Graph, base IRI) {
	t.Helper()
	text := encode(t, g, base)
	back, err := Decode(strings.NewReader(text), Turtle, base, Limits{})
	if err != nil || !Isomorphic(g, back) {
		t.Errorf("base %q: reads back as another graph (%v):\n%s", base, err, text)
	}
}

func TestEncodeSplitsWhatIsTooDeep(t *testing.T) {
	for _, doc := range []string{
		"<s> <p> " + strings.Repeat("[ <p> ", 60) + "1" + strings.Repeat("]", 60) + ".",
		"<s> <p> " + strings.Repeat("(", 60) + strings.Repeat(")", 60) + ".",
		"<s> <p> (" + strings.Repeat("1 ", 5000) + ").",
	} {
		g := decodeTurtle(t, doc)
		text := encode(t, g, testBase)
		back, err := Decode(strings.NewReader(text), Turtle, testBase, Limits{Depth: nestLimit})
		if err != nil || !Isomorphic(g, back) {
			t.Errorf("reads back as another graph: %v", err)
		}
	}
}

// A chain that is no collection, because its end is missing, is still written in
// time that grows with its length.
func TestEncodeWritesBrokenCollections(t *testing.T) {
	var g Graph
	for n := range 5000 {
		link := Blank(fmt.Sprintf("l%d", n))
		for _, triple := range []Triple{
			{link, IRITerm(rdfFirst), Literal("x")},
			{link, IRITerm(rdfRest), Blank(fmt.Sprintf("l%d", n+1))},
		} {
			if err := g.Add(triple); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := g.Add(Triple{IRITerm("urn:s"), IRITerm("urn:p"), Blank("l0")}); err != nil {
		t.Fatal(err)
	}
	checkReadsBack(t, &g, "")
	for _, extra := range []string{
		"_:a rdf:first 1, 2 ; rdf:rest () . <s> <p> _:a .", "_:a rdf:first 1 ; rdf:rest (), (2) . <s> <p> _:a .",
		"_:a rdf:first 1 ; rdf:rest () ; <q> 1 . <s> <p> _:a .", "_:a rdf:first 1 ; rdf:rest <x> . <s> <p> _:a .",
		"_:a rdf:first 1 . <s> <p> _:a .", "_:a rdf:rest () . <s> <p> _:a .", "_:a rdf:first 1 ; rdf:rest _:a . <s> <p> _:a .",
		"_:a rdf:first 1 ; rdf:rest _:a .", "_:a rdf:first 1 ; rdf:rest _:b . _:b rdf:first 2 ; rdf:rest _:a .",
		"_:a rdf:first _:a ; rdf:rest () . ", "_:a rdf:first 1 ; rdf:rest (2) . <s> <p> _:a ; <q> _:a .", `_:a rdf:first 1 ; rdf:rest "x" . <s> <p> _:a .`,
		"<l> rdf:first 1 ; rdf:rest () . <s> <p> <l> .", "_:a rdf:first _:b ; rdf:rest _:b . _:b rdf:first 1 ; rdf:rest () . <s> <p> _:a .",
	} {
		checkReadsBack(t, decodeTurtle(t, "@prefix rdf: <"+rdfNS+"> . "+extra), "")
	}
}

func TestEncodeLeavesRemovedTriplesOut(t *testing.T) {
	g := decodeTurtle(t, "<s> <p> 1, 2 ; <q> [ <r> _:x ] . _:x <p> 4, 3 .")
	for triple := range g.All() {
		if triple.P.Value() == "https://pod.example/dir/q" || triple.O.Value() == "1" || triple.O.Value() == "4" {
			g.Remove(triple)
		}
	}
	if got, want := encode(t, g, testBase), "<s> <p> 2 .\n\n[] <r> [ <p> 3 ] .\n"; got != want {
		t.Errorf("written is\n%s\nwant\n%s", got, want)
	}
	checkReadsBack(t, g, testBase)
}

func TestEncodePutsTheTypeFirst(t *testing.T) {
	g := decodeTurtle(t, "<s> <p> 1 ; <q> 2 ; a <T> ; <r> 3 .")
	want := "<s>\n    a <T> ;\n    <p> 1 ;\n    <q> 2 ;\n    <r> 3 .\n"
	if got := encode(t, g, testBase); got != want {
		t.Errorf("written is\n%s\nwant\n%s", got, want)
	}
}

func TestEncodeRefusesBadPrefixes(t *testing.T) {
	for _, c := range []struct {
		label string
		iri   IRI
		base  IRI
	}{
		{"a b", "urn:x:", ""}, {"1", "urn:x:", ""}, {"a.", "urn:x:", ""}, {"_", "urn:x:", ""}, {"a: <urn:y> . b", "urn:x:", ""}, {"\xff", "urn:x:", ""},
		{"a", "", ""}, {"a", "relative", ""}, {"a", "urn:x:> . <urn:evil> <urn:p> <urn:o", ""}, {"a", "urn:x:", "no base"}, {"a", "urn:x:", "urn:>"},
	} {
		var out strings.Builder
		err := Encode(&out, decodeTurtle(t, "<s> <p> <o> ."), map[string]IRI{c.label: c.iri}, c.base)
		if !errors.Is(err, ErrSyntax) || out.Len() != 0 {
			t.Errorf("prefix %q, namespace %q, base %q: error %v, written %q", c.label, c.iri, c.base, err, out.String())
		}
	}
}

type brokenWriter struct{ error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.error }

func TestEncodeHandsOnTheWritersError(t *testing.T) {
	full := errors.New("full")
	if err := Encode(brokenWriter{full}, decodeTurtle(t, "<s> <p> <o> ."), nil, ""); !errors.Is(err, full) {
		t.Errorf("error is %v, want the writer's", err)
	}
}
