package rdf

import (
	"fmt"
	"io"
	"mime"
)

var mediaTypes = map[Syntax]string{
	Turtle:   "text/turtle",
	NTriples: "application/n-triples",
	JSONLD:   "application/ld+json",
}

// MediaType returns the media type of documents in s, "" for none.
func (s Syntax) MediaType() string { return mediaTypes[s] }

// SyntaxOf returns the syntax of documents of a media type, whose parameters do
// not count, and whether it is one that Decode reads.
func SyntaxOf(mediaType string) (Syntax, bool) {
	essence, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return 0, false
	}
	for s, t := range mediaTypes {
		if t == essence {
			return s, true
		}
	}
	return 0, false
}

// maxWritten bounds the terms of all triples together, in bytes, of a graph that
// EncodeAs writes: a term counts as often as it stands somewhere, since a short
// document, or a patch, can say one long name fifty thousand times.
const maxWritten = 32 << 20

// EncodeAs writes g in the syntax s, as Encode or EncodeJSONLD do, or one line of
// N-Triples for each triple. Where within is not "", base lies below it, and
// Turtle has relative references to all that does. The error is ErrSyntax for no
// syntax, ErrTooLarge for a graph whose terms, triple by triple, are more than 32
// MiB of text, and as theirs.
func EncodeAs(w io.Writer, g *Graph, s Syntax, prefixes map[string]IRI, base, within IRI) error {
	if !g.within(maxWritten) {
		return fmt.Errorf("encode graph: %w: more than %d bytes of text", ErrTooLarge, maxWritten)
	}
	switch s {
	case Turtle:
		return encodeTurtle(w, g, prefixes, base, within)
	case JSONLD:
		return EncodeJSONLD(w, g, base)
	case NTriples:
		for t := range g.All() {
			if _, err := io.WriteString(w, t.String()+"\n"); err != nil {
				return fmt.Errorf("encode N-Triples: %w", err)
			}
		}
		return nil
	}
	return fmt.Errorf("encode graph: %w: there is no such syntax", ErrSyntax)
}

// within reports whether the terms of all triples are no more than so many bytes.
func (g *Graph) within(most int) bool {
	for t := range g.All() {
		if most -= len(t.S.value) + len(t.P.value) + len(t.O.value); most < 0 {
			return false
		}
	}
	return true
}
