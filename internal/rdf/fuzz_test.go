package rdf

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"kith/internal/fuzztest"
)

// A document of at most 64 KB is read, of so many triples.
const (
	fuzzBytes   = 64 << 10
	fuzzTriples = 2000
)

var fuzzLimits = Limits{Bytes: fuzzBytes, Triples: fuzzTriples, Depth: 64}

func FuzzTurtle(f *testing.F) {
	seedTurtle(f)
	f.Fuzz(func(t *testing.T, doc string) { fuzzDecode(t, Turtle, doc) })
}

func FuzzNTriples(f *testing.F) {
	f.Add("<urn:s> <urn:p> \"a\\u00e9\\\"\"@en-x .# c\r\n_:a.b<urn:p>_:c.")
	f.Add("<urn:s> <urn:p> \"x\" ^^ <urn:\\U00000041> .\n\n\t#")
	f.Fuzz(func(t *testing.T, doc string) { fuzzDecode(t, NTriples, doc) })
}

func seedTurtle(f *testing.F) {
	for _, c := range turtleGood {
		f.Add(ex + c.doc)
	}
	for _, c := range turtleBad {
		f.Add(c.doc)
	}
	// The two that allocate most for a triple and for a byte.
	var names strings.Builder
	for n := range fuzzTriples {
		fmt.Fprintf(&names, ":%x :%x :%x .", 3*n, 3*n+1, 3*n+2)
	}
	f.Add(ex + names.String())
	f.Add("<s> <p> (" + strings.Repeat("()", fuzzTriples/2-1) + ").")
}

// fuzzDecode checks what decoding costs and what comes out.
func fuzzDecode(t *testing.T, syntax Syntax, doc string) {
	if len(doc) > fuzzBytes {
		return
	}
	var g *Graph
	var err error
	fuzztest.Cheap(t, len(doc), func() {
		g, err = Decode(strings.NewReader(doc), syntax, testBase, fuzzLimits)
	})
	if err != nil {
		if g != nil {
			t.Fatal("a graph and an error")
		}
		return
	}
	checkSound(t, g)
}

// checkSound checks that a graph holds only what Add would let in.
func checkSound(t *testing.T, g *Graph) {
	t.Helper()
	seen := 0
	for triple := range g.All() {
		seen++
		if !triple.valid() {
			t.Fatalf("not RDF: %v", triple)
		}
		if !g.Has(triple) {
			t.Fatalf("listed but not there: %v", triple)
		}
	}
	if seen != g.Len() {
		t.Fatalf("%d triples listed, Len() = %d", seen, g.Len())
	}
}

func FuzzJSONLD(f *testing.F) {
	seedJSONLD(f)
	f.Fuzz(func(t *testing.T, doc string) { fuzzDecode(t, JSONLD, doc) })
}

// seedJSONLD adds a document of each feature, and those that ask for most.
func seedJSONLD(f *testing.F) {
	for _, doc := range []string{
		`{"@context": {"@vocab": "urn:x:", "p": {"@type": "@id", "@container": ["@set", "@index"]}}, "@id": "a", "p": {"i": ["b"]}}`,
		`{"@context": [{"@base": "x/", "@language": "en"}, null, {"a": {"@id": "urn:a", "@context": {"b": "urn:b"}, "@protected": true}}], "a": {"b": 1}}`,
		`{"@context": {"@version": 1.1, "@propagate": false, "n": "@nest", "r": {"@reverse": "urn:r"}, "j": {"@id": "urn:j", "@type": "@json"}}, "n": {"r": {}, "j": [1.5e3]}}`,
		`{"@context": {"t": {"@id": "urn:t", "@container": "@type"}, "g": {"@id": "urn:g", "@container": ["@graph", "@id"]}}, "t": {"u:v": {}}, "g": {"_:b": {}}, "@included": []}`,
		`{"@graph": [{"@id": "_:b", "@type": ["a:b"], "urn:p": {"@list": [[], {"@set": [null]}, {"@value": "x", "@direction": "rtl"}]}}]}`,
		`[{"@context": "https://www.w3.org/ns/activitystreams", "nameMap": {"en": "x"}, "orderedItems": ["a"]}, {"@context": ["https://www.w3.org/ns/cid/v1"], "service": {}}]`,
		`{"@context": {"p": "urn:` + strings.Repeat("x", 30_000) + `/"}, "urn:x:p": ["a"` + strings.Repeat(`, {"@id": "p:a"}`, 1500) + `]}`,
		`{"@context": {` + manyTerms(1000) + `}, "@graph": [{}` + strings.Repeat(`, {"@context": {"a": "urn:x:a"}}`, 1000) + `]}`,
		`{"@context": {"T": {"@id": "urn:T", "@context": {` + manyTerms(1000) + `}}}, "@graph": [{}` + strings.Repeat(`, {"@type": "T"}`, 1500) + `]}`,
		`{"@context": {"T": {"@id": "urn:T", "@context": [` + strings.Repeat("null,", 500) + `null]}}, "@graph": [{}` + strings.Repeat(`, {"@type": "T"}`, 1500) + `]}`,
		`{"@context":[` + strings.Repeat(`"https://www.w3.org/ns/activitystreams",`, 1400) + `{}]}`,
		strings.Repeat("[", 62) + strings.Repeat("[],", 15_000) + "1" + strings.Repeat("]", 62),
		`{"urn:p": [` + strings.Repeat("1,", 20_000) + `1]}`,
	} {
		f.Add(doc)
	}
}

// FuzzJSONLDRoundTrip writes what it reads.
func FuzzJSONLDRoundTrip(f *testing.F) {
	seedJSONLD(f)
	f.Fuzz(func(t *testing.T, doc string) {
		g, err := Decode(strings.NewReader(doc), JSONLD, testBase, fuzzLimits)
		if err != nil {
			return
		}
		for _, base := range []IRI{"", testBase} {
			fuzzSame(t, g, JSONLD, encodeJSON(t, g, base), base)
		}
		fuzzSame(t, g, NTriples, lines(g), "")
	})
}

func FuzzN3Patch(f *testing.F) {
	const head = "@prefix solid: <http://www.w3.org/ns/solid/terms#>. @prefix : <urn:x:>.\n<> a solid:InsertDeletePatch; "
	f.Add(head + "solid:where { ?a :p ?b . _:c :p [ :q 1 ] }; solid:deletes { ?a :p ?b }; solid:inserts { ?b :p ( _:x 'y'@en ) }.")
	f.Add(head + "solid:where { <#s> :p [], [], [], [], [], [] }.")
	f.Add(head + "solid:where { ?a :p ?b . ?c :p ?d . ?e :p ?f . ?g :p ?h . ?i :p ?j }.")
	f.Add(head + "solid:inserts {" + strings.Repeat("[] :p [] . ", 900) + "}.")
	f.Fuzz(func(t *testing.T, doc string) { fuzzPatch(t, ParseN3Patch, doc) })
}

func FuzzUpdate(f *testing.F) {
	const head = "PREFIX : <urn:x:> "
	f.Add(head + "INSERT DATA { <> :p 1, [ :q () ] }; DELETE DATA { <> :p 1 };")
	f.Add(head + "DELETE WHERE { $a :p ?b . ?b ?c true }; BASE <http://a/> DELETE { ?a :p ?b } INSERT { ?b :p ?a, [] } WHERE { ?a :p ?b }")
	f.Add(head + "INSERT { ?a :q ?d } WHERE { ?a :p ?b . ?c :p ?d . ?e :p ?f . ?g :p ?h }")
	f.Add(head + "DELETE { <> :p 1 } WHERE {" + strings.Repeat("?a :p [] . ", 1900) + "}")
	f.Add(strings.Repeat(head+"DELETE WHERE { ?a ?b ?c . ?d :p ?e . ?f :p ?a }; ", 400))
	f.Fuzz(func(t *testing.T, doc string) { fuzzPatch(t, ParseUpdate, doc) })
}

// fuzzPatch checks what it costs to read a patch and to apply it to a graph in
// which much matches, and that a patch that fails changes nothing.
func fuzzPatch(t *testing.T, parse func(io.Reader, IRI, Limits) (Patch, error), doc string) {
	if len(doc) > fuzzBytes {
		return
	}
	var before strings.Builder
	for i := range 500 {
		fmt.Fprintf(&before, "<#s%d> <urn:x:p> <#o%d>, %d .\n", i%20, i%30, i%7)
	}
	text := before.String()
	whole, err := Decode(strings.NewReader(text), Turtle, testBase, fuzzLimits)
	if err != nil {
		t.Fatal(err)
	}
	var g *Graph
	var applied error
	fuzztest.Cheap(t, len(doc)+len(text), func() {
		g = whole.clone()
		p, err := parse(strings.NewReader(doc), testBase, fuzzLimits)
		if err != nil {
			applied = err
			return
		}
		applied = p.Apply(g)
	})
	checkSound(t, g)
	if applied != nil && lines(g) != lines(whole) {
		t.Fatalf("changed although %v", applied)
	}
}

func FuzzRoundTrip(f *testing.F) {
	seedTurtle(f)
	f.Fuzz(func(t *testing.T, doc string) {
		g, err := Decode(strings.NewReader(doc), Turtle, testBase, fuzzLimits)
		if err != nil {
			return
		}
		for _, base := range []IRI{"", testBase} {
			var out strings.Builder
			if err := Encode(&out, g, testPrefixes, base); err != nil {
				t.Fatal(err)
			}
			fuzzSame(t, g, Turtle, out.String(), base)
		}
		fuzzSame(t, g, NTriples, lines(g), "")
	})
}

// fuzzSame checks that text means g, where that can be told.
func fuzzSame(t *testing.T, g *Graph, syntax Syntax, text string, base IRI) {
	back, err := Decode(strings.NewReader(text), syntax, base, Limits{})
	if err != nil {
		t.Fatalf("%v does not read back: %v\n%s", syntax, err, text)
	}
	if back.Len() != g.Len() {
		t.Fatalf("%v reads back as %d triples, want %d:\n%s", syntax, back.Len(), g.Len(), text)
	}
	if same, decided := isomorphic(g, back, 1<<20); decided && !same {
		t.Fatalf("%v reads back as another graph:\n%s", syntax, text)
	}
}
