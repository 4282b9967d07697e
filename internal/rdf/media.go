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

// EncodeAs writes g in the syntax s, as Encode or EncodeJSONLD do, or one line of
// N-Triples for each triple. Where within is not "", base lies below it, and
// Turtle has relative references to all that does. The error is ErrSyntax for no
// syntax, and as theirs.
func EncodeAs(w io.Writer, g *Graph, s Syntax, prefixes map[string]IRI, base, within IRI) error {
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
