package rdf

import (
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

func TestEncodeAs(t *testing.T) {
	g, err := Decode(strings.NewReader("<#a> <#b> \"c\\n\"@en, _:x ."), Turtle, testBase, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Syntax{Turtle, NTriples} {
		var out strings.Builder
		if err := EncodeAs(&out, g, s, nil, testBase); err != nil {
			t.Fatal(err)
		}
		back, err := Decode(strings.NewReader(out.String()), s, testBase, Limits{})
		if err != nil || !Isomorphic(g, back) {
			t.Errorf("%v comes back otherwise: %v\n%s", s, err, out.String())
		}
	}
	if err := EncodeAs(&strings.Builder{}, g, 0, nil, ""); err == nil {
		t.Error("a graph was written in no syntax")
	}
}
