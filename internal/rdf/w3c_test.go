package rdf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// w3cDir is where the suites of the W3C lie, beside the project's tree.
const w3cDir = "../../../shared/data/w3c"

const (
	manifestNS = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
	rdftestNS  = "http://www.w3.org/ns/rdftest#"
)

func TestW3CTurtle(t *testing.T)   { runSuite(t, Turtle, "turtle", 313) }
func TestW3CNTriples(t *testing.T) { runSuite(t, NTriples, "n-triples", 70) }

// runSuite runs every entry of a manifest, which is Turtle itself.
func runSuite(t *testing.T, syntax Syntax, folder string, want int) {
	s := suite{t: t, syntax: syntax, dir: filepath.Join(w3cDir, folder), base: "https://w3c.example/"}
	if _, err := os.Stat(s.dir); err != nil {
		t.Skipf("skipped: the W3C %v suite (%d cases) is not at %s", syntax, want, s.dir)
	}
	s.manifest = s.decode("manifest.ttl", Turtle, "https://w3c.example/manifest.ttl")
	for base := range s.manifest.Match(Term{}, IRITerm(manifestNS+"assumedTestBase"), Term{}) {
		s.base = base.O.Value()
	}
	entries := s.manifest.Objects(IRITerm("https://w3c.example/manifest.ttl"), IRITerm(manifestNS+"entries"))
	if len(entries) != 1 {
		t.Fatalf("manifest has %d lists of entries, want 1", len(entries))
	}
	for at := entries[0]; at != IRITerm(rdfNil); at = s.one(at, string(rdfRest)) {
		s.run(s.one(at, string(rdfFirst)))
	}
	if s.passed != want {
		t.Errorf("%d of %d cases passed", s.passed, want)
	}
	t.Logf("W3C %v: %d of %d cases passed", syntax, s.passed, want)
}

type suite struct {
	t        *testing.T
	syntax   Syntax
	dir      string
	base     string
	manifest *Graph
	passed   int
}

func (s *suite) one(subject Term, predicate string) Term {
	s.t.Helper()
	values := s.manifest.Objects(subject, IRITerm(IRI(predicate)))
	if len(values) != 1 {
		s.t.Fatalf("%v has %d values of %s, want 1", subject, len(values), predicate)
	}
	return values[0]
}

// file returns the name of the local file that an entry's property names.
func (s *suite) file(entry Term, property string) string {
	return filepath.Base(s.one(entry, manifestNS+property).Value())
}

func (s *suite) open(name string) *os.File {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *suite) decode(name string, syntax Syntax, base IRI) *Graph {
	s.t.Helper()
	f := s.open(name)
	defer f.Close()
	g, err := Decode(f, syntax, base, Limits{})
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return g
}

func (s *suite) run(entry Term) {
	name := s.one(entry, manifestNS+"name").Value()
	kind := strings.TrimPrefix(s.one(entry, "http://www.w3.org/1999/02/22-rdf-syntax-ns#type").Value(), rdftestNS)
	passed := s.t.Run(name, func(t *testing.T) {
		sub := *s
		sub.t = t
		sub.check(entry, kind)
	})
	if passed {
		s.passed++
	}
}

func (s *suite) check(entry Term, kind string) {
	action := s.file(entry, "action")
	base := IRI(s.base + action)
	if strings.Contains(kind, "Negative") {
		f := s.open(action)
		defer f.Close()
		_, err := Decode(f, s.syntax, base, Limits{})
		if place := new(syntaxError); !errors.As(err, &place) {
			s.t.Errorf("error is %v, want one with a place in the document", err)
		}
		return
	}
	g := s.decode(action, s.syntax, base)
	switch kind {
	case "TestTurtlePositiveSyntax", "TestNTriplesPositiveSyntax":
	case "TestTurtleEval":
		result := s.decode(s.file(entry, "result"), NTriples, "")
		if !Isomorphic(g, result) {
			s.t.Errorf("graph differs from the expected one:\n%s", lines(g))
		}
	default:
		s.t.Fatalf("unknown kind of test %q", kind)
	}
	checkRoundTrip(s.t, g, base)
}

// lines returns g as N-Triples.
func lines(g *Graph) string {
	var out strings.Builder
	for t := range g.All() {
		out.WriteString(t.String() + "\n")
	}
	return out.String()
}

// checkRoundTrip writes g as Turtle and as N-Triples and reads it back.
func checkRoundTrip(t *testing.T, g *Graph, base IRI) {
	t.Helper()
	prefixes := map[string]IRI{
		"": "http://example.org/", "a": "http://a.example/", "rdf": rdfNS, "xsd": xsdNS, "t": "http://www.w3.org/2013/TurtleTests/",
	}
	var out strings.Builder
	if err := Encode(&out, g, prefixes, base); err != nil {
		t.Fatal(err)
	}
	for syntax, text := range map[Syntax]string{Turtle: out.String(), NTriples: lines(g)} {
		back, err := Decode(strings.NewReader(text), syntax, base, Limits{})
		if err != nil {
			t.Fatalf("%v does not read back: %v\n%s", syntax, err, text)
		}
		if !Isomorphic(g, back) {
			t.Errorf("%v reads back as another graph:\n%s\n--- was\n%s", syntax, text, lines(g))
		}
	}
}
