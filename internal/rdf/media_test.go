package rdf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSyntaxOf(t *testing.T) {
	for _, c := range []struct {
		mediaType string
		want      Syntax
	}{
		{"text/turtle", Turtle}, {"Text/Turtle; charset=utf-8", Turtle}, {"application/n-triples", NTriples},
		{"application/ld+json;profile=\"http://www.w3.org/ns/json-ld#compacted\"", JSONLD},
		{"text/n3", 0}, {"application/json", 0}, {"", 0}, {"/", 0},
	} {
		got, ok := SyntaxOf(c.mediaType)
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("%q: %v %v, want %v", c.mediaType, got, ok, c.want)
		}
		if ok && !strings.HasPrefix(strings.ToLower(c.mediaType), got.MediaType()) {
			t.Errorf("%q is called %q", c.mediaType, got.MediaType())
		}
	}
}

// TestEncodeAsIsBounded writes what is short only until it is written otherwise, or
// after a patch.
func TestEncodeAsIsBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	numbers := "0"
	for i := range 1000 {
		numbers += fmt.Sprintf(", %d", i+1)
	}
	p, err := ParseUpdate(strings.NewReader("INSERT { ?s <x:"+long+"> <#o> } WHERE { ?s <#p> ?o }"), testBase, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	patched := graphOf(t, strings.Repeat("[ <#p> 1 ] . ", 1000))
	if err := p.Apply(patched); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]*Graph{"one subject": graphOf(t, "<x:"+long+"> <#p> "+numbers+" ."), "a patch": patched} {
		for _, s := range []Syntax{Turtle, JSONLD, NTriples} {
			var out strings.Builder
			if err := EncodeAs(&out, g, s, nil, testBase, ""); !errors.Is(err, ErrTooLarge) || out.Len() > 0 {
				t.Errorf("%s of %d triples in %s: %d bytes, %v", name, g.Len(), s.MediaType(), out.Len(), err)
			}
		}
	}
}

func TestEncodeAs(t *testing.T) {
	g, err := Decode(strings.NewReader("<#a> <#b> \"c\\n\"@en, _:x ."), Turtle, testBase, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Syntax{Turtle, NTriples} {
		var out strings.Builder
		if err := EncodeAs(&out, g, s, nil, testBase, ""); err != nil {
			t.Fatal(err)
		}
		back, err := Decode(strings.NewReader(out.String()), s, testBase, Limits{})
		if err != nil || !Isomorphic(g, back) {
			t.Errorf("%v comes back otherwise: %v\n%s", s, err, out.String())
		}
	}
	if err := EncodeAs(&strings.Builder{}, g, 0, nil, "", ""); err == nil {
		t.Error("a graph was written in no syntax")
	}
}

// TestReferencesClimbWithinAPod: the same bytes are right wherever the pod is.
func TestReferencesClimbWithinAPod(t *testing.T) {
	const base, within = IRI("https://host.example/alice/social/posts/a/.acl"), IRI("https://host.example/alice/")
	for iri, want := range map[IRI]string{
		"https://host.example/alice/social/posts/a/":       "<./>",
		"https://host.example/alice/social/posts/b/x":      "<../b/x>",
		"https://host.example/alice/social/posts/":         "<../>",
		"https://host.example/alice/profile/card#me":       "<../../../profile/card#me>",
		"https://host.example/alice/":                      "<../../../>",
		"https://host.example/alice/social/posts/a/.acl#r": "<#r>",
		"https://host.example/ben/profile/card#me":         "<https://host.example/ben/profile/card#me>",
		"https://host.example/alice":                       "<https://host.example/alice>",
		"https://host.example/alice/a//b":                  "<../../../a//b>",
		"https://other.example/alice/":                     "<https://other.example/alice/>",
	} {
		g := &Graph{}
		if err := g.Add(Triple{IRITerm(iri), IRITerm("https://p.example/"), Literal("x")}); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := EncodeAs(&out, g, Turtle, nil, base, within); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(out.String(), " "); got != want {
			t.Errorf("%s is written %s, want %s", iri, got, want)
		}
		back, err := Decode(strings.NewReader(out.String()), Turtle, base, Limits{})
		if err != nil || !Isomorphic(g, back) {
			t.Errorf("%s does not come back: %v", iri, err)
		}
		out.Reset()
		if err := EncodeAs(&out, g, JSONLD, nil, base, within); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "../") {
			t.Errorf("%s climbs in JSON-LD: %s", iri, out.String())
		}
	}
	if err := EncodeAs(&strings.Builder{}, &Graph{}, Turtle, nil, base, "https://host.example/ben/"); err == nil {
		t.Error("a base that does not lie within is taken")
	}
}
