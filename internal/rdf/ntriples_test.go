package rdf

import (
	"slices"
	"strings"
	"testing"
)

func TestNTriplesMeans(t *testing.T) {
	s, p := IRITerm("urn:s"), IRITerm("urn:p")
	for _, c := range []struct {
		name, doc string
		want      []Triple
	}{
		{"an empty document", "", nil},
		{"blank lines and comments", "\n\r\n # a\n\t\r# b", nil},
		{"IRIs", "<urn:s> <urn:p> <urn:o> .", []Triple{{s, p, IRITerm("urn:o")}}},
		{"no space where none is needed", "<urn:s><urn:p><urn:o>.", []Triple{{s, p, IRITerm("urn:o")}}},
		{"a comment behind a triple", "<urn:s> <urn:p> <urn:o> . # c\n", []Triple{{s, p, IRITerm("urn:o")}}},
		{"lines of two triples", "<urn:s> <urn:p> _:b .\r\n_:b <urn:p> <urn:s> .\n",
			[]Triple{{s, p, Blank("b")}, {Blank("b"), p, s}}},
		{"a label with dots, and the final dot", "_:a.b <urn:p> _:c.", []Triple{{Blank("a.b"), p, Blank("c")}}},
		{"a plain literal", `<urn:s> <urn:p> "a\"\u00e9" .`, []Triple{{s, p, Literal(`a"é`)}}},
		{"a language in lower case", `<urn:s> <urn:p> "x"@EN-x-1 .`, []Triple{{s, p, LangLiteral("x", "en-x-1")}}},
		{"a datatype", `<urn:s> <urn:p> "x"^^<urn:t> .`, []Triple{{s, p, TypedLiteral("x", "urn:t")}}},
		{"an escaped IRI", `<urn:\u0073> <urn:p> <urn:\U0000006f> .`, []Triple{{s, p, IRITerm("urn:o")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(strings.NewReader(c.doc), NTriples, "", Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(g.All()); !slices.Equal(got, c.want) {
				t.Errorf("triples are %v, want %v", got, c.want)
			}
		})
	}
}

func TestNTriplesRefuses(t *testing.T) {
	for _, c := range []struct {
		name, doc    string
		line, column int
	}{
		{"a relative IRI", "<s> <urn:p> <urn:o> .", 1, 1},
		{"a relative datatype", `<urn:s> <urn:p> "x"^^<t> .`, 1, 22},
		{"two triples on a line", "<urn:s> <urn:p> <urn:o> . <urn:s> <urn:p> <urn:o> .", 1, 27},
		{"a triple on two lines", "<urn:s> <urn:p>\n<urn:o> .", 1, 16},
		{"no dot", "<urn:s> <urn:p> <urn:o>\n", 1, 24},
		{"a literal as subject", `"s" <urn:p> <urn:o> .`, 1, 1},
		{"a blank node as property", "<urn:s> _:p <urn:o> .", 1, 9},
		{"single quotes", "<urn:s> <urn:p> 'o' .", 1, 17},
		{"long quotes", `<urn:s> <urn:p> """o""" .`, 1, 19},
		{"a number", "<urn:s> <urn:p> 1 .", 1, 17},
		{"a prefixed name", "<urn:s> a:b <urn:o> .", 1, 9},
		{"a directive", "\n@base <urn:b> .", 2, 1},
		{"an empty label", "_: <urn:p> <urn:o> .", 1, 3},
		{"a colon in a label", "_:a:b <urn:p> <urn:o> .", 1, 4},
		{"a language string without a language", `<urn:s> <urn:p> "x"^^<` + string(rdfLangString) + "> .", 1, 17},
		{"one caret", `<urn:s> <urn:p> "x"^<urn:t> .`, 1, 21},
		{"no language behind the at", `<urn:s> <urn:p> "x"@ .`, 1, 21},
		{"other white space", "<urn:s>\f<urn:p> <urn:o> .", 1, 8},
		{"bytes that are not UTF-8", "# \xc0\x80", 1, 3},
	} {
		t.Run(c.name, func(t *testing.T) { checkRefused(t, NTriples, c.doc, c.line, c.column) })
	}
}
