package rdf

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// benchLimits admits every document of the benchmarks.
var benchLimits = Limits{Bytes: 64 << 20, Triples: 10_000_000, Depth: 64}

// container is what a pod says of a container with n resources.
func container(n int) string {
	var out strings.Builder
	out.WriteString(`@prefix ldp: <http://www.w3.org/ns/ldp#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix stat: <http://www.w3.org/ns/posix/stat#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

<> a ldp:BasicContainer, ldp:Container .
`)
	for i := range n {
		fmt.Fprintf(&out, `<> ldp:contains <2024-03-%d.jpg> .
<2024-03-%d.jpg> a ldp:Resource, <http://www.w3.org/ns/iana/media-types/image/jpeg#Resource> ;
    dcterms:title "A walk \"by\" the sea, number %d" ;
    dcterms:modified "2024-03-01T10:00:%02dZ"^^xsd:dateTime ;
    stat:size %d .
`, i, i, i, i%60, i*37)
	}
	return out.String()
}

func benchDecode(b *testing.B, syntax Syntax, doc string) {
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(strings.NewReader(doc), syntax, testBase, benchLimits); err != nil {
			b.Fatal(err)
		}
	}
}

func benchGraph(b *testing.B) *Graph {
	g, err := Decode(strings.NewReader(container(5000)), Turtle, testBase, benchLimits)
	if err != nil {
		b.Fatal(err)
	}
	return g
}

func BenchmarkDecodeTurtle(b *testing.B) { benchDecode(b, Turtle, container(5000)) }

func BenchmarkDecodeTurtleSmall(b *testing.B) { benchDecode(b, Turtle, container(5)) }

func BenchmarkDecodeNTriples(b *testing.B) { benchDecode(b, NTriples, lines(benchGraph(b))) }

func BenchmarkEncode(b *testing.B) {
	g := benchGraph(b)
	prefixes := map[string]IRI{"ldp": "http://www.w3.org/ns/ldp#", "dcterms": "http://purl.org/dc/terms/", "xsd": xsdNS}
	var out strings.Builder
	if err := Encode(&out, g, prefixes, testBase); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(out.Len()))
	for b.Loop() {
		if err := Encode(io.Discard, g, prefixes, testBase); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMatch asks for one subject of a graph of some 35,000 triples.
func BenchmarkMatch(b *testing.B) {
	g := benchGraph(b)
	s := IRITerm("https://pod.example/dir/2024-03-2500.jpg")
	for b.Loop() {
		for range g.Match(s, Term{}, Term{}) {
		}
	}
}

// BenchmarkHostile reads documents made to be slow, of two lengths: ns/byte that
// rises with the length shows time that grows faster than the document.
func BenchmarkHostile(b *testing.B) {
	long := "<urn:" + strings.Repeat("x", 8000) + ">"
	for _, c := range []struct {
		name string
		doc  func(n int) string
	}{
		{"collection", func(n int) string { return "<s> <p> (" + strings.Repeat("1 ", n/2) + ")." }},
		{"empty collections", func(n int) string { return "<s> <p> (" + strings.Repeat("()", n/2) + ")." }},
		{"empty brackets", func(n int) string { return "<s> <p> " + strings.Repeat("[],", n/3) + "1." }},
		{"nested", func(n int) string {
			return strings.Repeat("[<p>"+strings.Repeat("(", 60)+strings.Repeat(")", 60)+"].", n/126)
		}},
		{"escapes", func(n int) string { return `<s> <p> "` + strings.Repeat(`\u0041`, n/6) + `".` }},
		{"dots", func(n int) string { return "<s> <p> <" + strings.Repeat("a/../", n/5) + ">." }},
		{"name of dots", func(n int) string { return "@prefix : <x:> . :" + strings.Repeat("a.", n/2) + "a : 1." }},
		{"rebase", func(n int) string { return "@base " + long + strings.Repeat(".@base<#>", n/200) + "." }},
		{"long namespace", func(n int) string { return "@prefix : " + long + " . : : " + strings.Repeat(":,", n/2) + ":." }},
		{"new prefixes", func(n int) string { return strings.Repeat("@prefix a:<b:>.a:a a:a 1.", n/25) }},
		{"predicates", func(n int) string { return "@prefix : <x:>. :" + predicates(n/8) }},
	} {
		for _, n := range []int{64 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%dKB", c.name, n>>10), func(b *testing.B) { benchHostile(b, c.doc(n)) })
		}
	}
}

// benchHostile also takes a refusal for an answer.
func benchHostile(b *testing.B, doc string) {
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := Decode(strings.NewReader(doc), Turtle, testBase, benchLimits)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			b.Fatal(err)
		}
	}
}

// predicates returns n properties of one subject, each with one value.
func predicates(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, " :%d 1;", i)
	}
	return out.String() + "."
}

func BenchmarkDecodeJSONLD(b *testing.B) {
	benchDecode(b, JSONLD, encodeJSON(b, benchGraph(b), testBase))
}

// BenchmarkDecodeJSONLDContext reads what an application might send.
func BenchmarkDecodeJSONLDContext(b *testing.B) {
	var out strings.Builder
	out.WriteString(`{"@context": ["https://www.w3.org/ns/activitystreams", {"mood": "urn:x:mood"}], "id": "", "type": "OrderedCollection", "orderedItems": [`)
	for i := range 500 {
		if i > 0 {
			out.WriteString(",\n")
		}
		fmt.Fprintf(&out, `{"id": "#%d", "type": "Note", "content": "A walk by the sea, number %d", "published": "2026-03-01T10:00:00Z", "mood": "fine", "to": ["a", "b"]}`, i, i)
	}
	benchDecode(b, JSONLD, out.String()+"]}")
}

func BenchmarkDecodeJSONLDSmall(b *testing.B) {
	benchDecode(b, JSONLD, `{"@context": {"@vocab": "urn:x:", "knows": {"@type": "@id"}}, "@id": "#me", "@type": "Person", "name": "Ann", "knows": ["../bo/#me"]}`)
}

func BenchmarkEncodeJSONLD(b *testing.B) {
	g := benchGraph(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := EncodeJSONLD(io.Discard, g, testBase); err != nil {
			b.Fatal(err)
		}
	}
}

// benchPatch reads a patch and applies it to a graph with n members.
func benchPatch(b *testing.B, n int, parse func(io.Reader, IRI, Limits) (Patch, error), doc string) {
	g, err := Decode(strings.NewReader(container(n)), Turtle, testBase, benchLimits)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := parse(strings.NewReader(doc), testBase, benchLimits)
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Apply(g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkN3PatchSmall(b *testing.B) {
	benchPatch(b, 5, ParseN3Patch, `@prefix solid: <http://www.w3.org/ns/solid/terms#>.
_:p a solid:InsertDeletePatch; solid:inserts { <#a> <urn:x:p> "text" }.`)
}

func BenchmarkUpdateSmall(b *testing.B) {
	benchPatch(b, 5, ParseUpdate, `DELETE DATA { <#a> <urn:x:p> 1 }; INSERT DATA { <#a> <urn:x:p> 1 };`)
}

// BenchmarkUpdateScan looks at every triple of a large graph.
func BenchmarkUpdateScan(b *testing.B) {
	benchPatch(b, 5000, ParseUpdate, `DELETE { ?s ?p ?o } INSERT { ?s ?p ?o } WHERE { ?s ?p ?o . ?s <http://www.w3.org/ns/posix/stat#size> 37 }`)
}

// BenchmarkUpdateWorst does all the work that an update may ask for.
func BenchmarkUpdateWorst(b *testing.B) {
	g, err := Decode(strings.NewReader(container(5000)), Turtle, testBase, benchLimits)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := ParseUpdate(strings.NewReader(`DELETE { ?a ?b 1 } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?c }`), testBase, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Apply(g); !errors.Is(err, ErrTooLarge) {
			b.Fatal(err)
		}
	}
}
