package rdf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTermsAreEqualAsRDFSays(t *testing.T) {
	if Literal("x") != TypedLiteral("x", xsdString) {
		t.Error("a plain literal differs from an xsd:string")
	}
	if LangLiteral("x", "EN") != LangLiteral("x", "en") {
		t.Error("languages differ by case")
	}
	different := []Term{
		{}, IRITerm("urn:x"), Blank("urn:x"), Literal("urn:x"), Blank("x"), Literal("x"), Literal("X"), LangLiteral("x", "en"),
		LangLiteral("x", "de"), TypedLiteral("x", "en"), TypedLiteral("x", rdfLangString), TypedLiteral("1", xsdInteger), TypedLiteral("01", xsdInteger),
	}
	seen := make(map[Term]bool)
	for _, term := range different {
		if seen[term] {
			t.Errorf("%v equals another term", term)
		}
		seen[term] = true
	}
}

func TestTermTellsItsParts(t *testing.T) {
	for _, c := range []struct {
		term     Term
		kind     Kind
		value    string
		datatype IRI
		lang     string
		text     string
	}{
		{Term{}, 0, "", "", "", ""},
		{IRITerm("urn:x"), KindIRI, "urn:x", "", "", "<urn:x>"},
		{Blank("b"), KindBlank, "b", "", "", "_:b"},
		{Literal("x"), KindLiteral, "x", xsdString, "", `"x"`},
		{TypedLiteral("1", xsdInteger), KindLiteral, "1", xsdInteger, "", `"1"^^<http://www.w3.org/2001/XMLSchema#integer>`},
		{LangLiteral("x", "EN"), KindLiteral, "x", rdfLangString, "en", `"x"@en`},
		{Literal("\"\\\n\r\t\b\f\x00\x7f\u0085é"), KindLiteral, "\"\\\n\r\t\b\f\x00\x7f\u0085é", xsdString, "", `"\"\\\n\r\t\b\f\u0000\u007f\u0085é"`},
		{IRITerm("urn:x> <urn:y"), KindIRI, "urn:x> <urn:y", "", "", `<urn:x\u003e\u0020\u003curn:y>`},
		{Blank("x <urn:y>"), KindBlank, "x <urn:y>", "", "", `_:x78203c75726e3a793e`},
		{LangLiteral("x", "en .\n<a>"), KindLiteral, "x", rdfLangString, "en .\n<a>", `"x"@und`},
		{Literal("\xff"), KindLiteral, "\xff", xsdString, "", "\"\ufffd\""},
	} {
		if c.term.Kind() != c.kind || c.term.Value() != c.value || c.term.Datatype() != c.datatype || c.term.Lang() != c.lang {
			t.Errorf("%#v: kind %d, value %q, datatype %q, language %q", c.term, c.term.Kind(), c.term.Value(), c.term.Datatype(), c.term.Lang())
		}
		if got := c.term.String(); got != c.text {
			t.Errorf("String() = %s, want %s", got, c.text)
		}
		if i, ok := c.term.IRI(); ok != (c.kind == KindIRI) || ok && string(i) != c.value || !ok && i != "" {
			t.Errorf("%v: IRI() = %q, %v", c.term, i, ok)
		}
	}
}

func TestGraphRefusesWhatIsNotRDF(t *testing.T) {
	i := IRITerm("urn:x")
	for _, bad := range []Triple{
		{}, {S: i, P: i}, {S: i, O: i}, {P: i, O: i},
		{Literal("x"), i, i}, {LangLiteral("x", "en"), i, i}, {i, Blank("b"), i}, {i, Literal("x"), i},
		{IRITerm(""), i, i}, {i, IRITerm("relative"), i}, {i, i, IRITerm("urn:a b")}, {i, i, IRITerm("urn:x> <urn:y")},
		{i, i, Blank("")}, {i, i, Blank("a b")}, {i, i, Blank("a.")}, {i, i, Blank("-a")}, {i, i, Blank("a:b")}, {i, i, Blank("\xff")},
		{i, i, TypedLiteral("x", "")}, {i, i, TypedLiteral("x", "t")}, {i, i, TypedLiteral("x", rdfLangString)},
		{i, i, LangLiteral("x", "")}, {i, i, LangLiteral("x", "en-")}, {i, i, LangLiteral("x", "1")}, {i, i, LangLiteral("x", "en us")},
		{i, i, Literal("\xff")}, {i, i, LangLiteral("\xc0\x80", "en")},
	} {
		var g Graph
		if err := g.Add(bad); !errors.Is(err, ErrSyntax) || g.Len() != 0 {
			t.Errorf("Add(%v) = %v with %d triples, want ErrSyntax", bad, err, g.Len())
		}
	}
}

// number returns the term of a small number.
func number(n int) Term { return IRITerm(IRI(fmt.Sprintf("urn:n:%d", n))) }

// TestGraphIsAnOrderedSet compares a graph with a plain slice through a long run
// of additions and removals.
func TestGraphIsAnOrderedSet(t *testing.T) {
	var g Graph
	var want []Triple
	state := uint32(1)
	for step := range 3000 {
		state = state*1664525 + 1013904223
		triple := Triple{number(int(state >> 16 % 7)), number(int(state >> 20 % 3)), number(int(state >> 24 % 9))}
		at := slices.Index(want, triple)
		if g.Has(triple) != (at >= 0) {
			t.Fatalf("step %d: Has(%v) = %v", step, triple, at < 0)
		}
		switch {
		case step/500%2 == 1 || state>>30 == 0:
			g.Remove(triple)
			if at >= 0 {
				want = slices.Delete(want, at, at+1)
			}
		default:
			if err := g.Add(triple); err != nil {
				t.Fatal(err)
			}
			if at < 0 {
				want = append(want, triple)
			}
		}
		if g.Len() != len(want) {
			t.Fatalf("step %d: Len() = %d, want %d", step, g.Len(), len(want))
		}
		if step%50 == 0 {
			compareMatches(t, &g, want)
		}
	}
}

// compareMatches checks every pattern over the terms in use.
func compareMatches(t *testing.T, g *Graph, all []Triple) {
	t.Helper()
	candidates := []Term{{}, IRITerm("urn:absent")}
	for n := range 9 {
		candidates = append(candidates, number(n))
	}
	for _, s := range candidates {
		for _, p := range candidates[:5] {
			for _, o := range candidates {
				var want []Triple
				for _, c := range all {
					if (s == Term{} || s == c.S) && (p == Term{} || p == c.P) && (o == Term{} || o == c.O) {
						want = append(want, c)
					}
				}
				if got := slices.Collect(g.Match(s, p, o)); !slices.Equal(got, want) {
					t.Fatalf("Match(%v, %v, %v) = %v, want %v", s, p, o, got, want)
				}
			}
		}
	}
}

func TestGraphAnswersQuestions(t *testing.T) {
	g := decodeTurtle(t, "@prefix : <urn:x:> . :a :p :b, :c . :d :p :b ; :q :b .")
	a, b, c, d, p := IRITerm("urn:x:a"), IRITerm("urn:x:b"), IRITerm("urn:x:c"), IRITerm("urn:x:d"), IRITerm("urn:x:p")
	if got := g.Objects(a, p); !slices.Equal(got, []Term{b, c}) {
		t.Errorf("Objects = %v", got)
	}
	if got := g.Subjects(p, b); !slices.Equal(got, []Term{a, d}) {
		t.Errorf("Subjects = %v", got)
	}
	if got := g.Objects(b, p); got != nil {
		t.Errorf("Objects of no subject = %v", got)
	}
	g.Remove(Triple{a, p, Term{}})
	g.Remove(Triple{})
	g.Remove(Triple{b, p, a})
	if g.Len() != 4 || g.Has(Triple{a, p, Term{}}) {
		t.Errorf("Remove took the zero Term for any: %d triples left", g.Len())
	}
}

func TestZeroGraphIsEmpty(t *testing.T) {
	var g Graph
	g.Remove(Triple{number(1), number(1), number(1)})
	if g.Len() != 0 || g.Has(Triple{}) || slices.Collect(g.All()) != nil || g.Objects(number(1), number(2)) != nil {
		t.Error("the zero Graph holds something")
	}
	var out strings.Builder
	if err := Encode(&out, &g, nil, ""); err != nil || out.String() != "" {
		t.Errorf("it is written %q, %v", out.String(), err)
	}
	if !Isomorphic(&g, new(Graph)) {
		t.Error("two empty graphs differ")
	}
}

func TestGraphMayChangeWhileRanged(t *testing.T) {
	var g Graph
	for n := range 100 {
		if err := g.Add(Triple{number(0), number(1), number(n)}); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for triple := range g.Match(number(0), Term{}, Term{}) {
		seen++
		g.Remove(triple)
		if err := g.Add(Triple{triple.O, number(2), number(0)}); err != nil {
			t.Fatal(err)
		}
	}
	if seen < 100 || g.Has(Triple{number(0), number(1), number(50)}) || !g.Has(Triple{number(99), number(2), number(0)}) {
		t.Errorf("%d triples seen, %d left", seen, g.Len())
	}
}
