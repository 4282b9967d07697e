package rdf

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrSyntax says that a document, an IRI or a triple is not what RDF or the
// syntax allows. From Decode its message names the line and the column, both
// from 1, the column counted in characters.
var ErrSyntax = errors.New("not well formed")

// ErrTooLarge says that a document goes beyond its [Limits].
var ErrTooLarge = errors.New("document too large")

var errTooManyTriples = fmt.Errorf("%w: too many triples", ErrTooLarge)

// Syntax names a way to write a graph. The zero Syntax is none.
type Syntax uint8

// The syntaxes that Decode reads.
const (
	Turtle   Syntax = iota + 1 // text/turtle, https://www.w3.org/TR/turtle/
	NTriples                   // application/n-triples, https://www.w3.org/TR/n-triples/
	JSONLD                     // application/ld+json, https://www.w3.org/TR/json-ld11/
)

// String returns the name of s.
func (s Syntax) String() string {
	switch s {
	case Turtle:
		return "Turtle"
	case NTriples:
		return "N-Triples"
	case JSONLD:
		return "JSON-LD"
	}
	return "unknown syntax"
}

// Limits bounds what Decode accepts. A field that is not positive stands for its
// default: 4 MiB, 50,000 triples, depth 64.
//
// Whatever the limits, the IRIs that short names and relative references expand
// to may not exceed 16 times the document's length plus 256 KiB.
type Limits struct {
	Bytes   int64 // length of the document
	Triples int   // triples stated, repeated ones included
	Depth   int   // nesting of collections and blank node property lists
}

const (
	defaultBytes   = 4 << 20
	defaultTriples = 50_000
	defaultDepth   = 64

	expansionFactor = 16
	expansionFree   = 256 << 10
)

func (l Limits) orDefault() Limits {
	if l.Bytes <= 0 {
		l.Bytes = defaultBytes
	}
	if l.Triples <= 0 {
		l.Triples = defaultTriples
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	return l
}

// Decode reads one document to its end. Relative IRIs in Turtle are resolved
// against base; where base is "" they are errors. N-Triples has none and ignores
// base. Of JSON-LD it reads the default graph; triples with a relative IRI that no
// base makes absolute, or with what is no IRI or language tag, are left out, as
// its specification says (JSON-LD 1.1 API §8). Blank node labels in the graph differ from each other wherever those of
// the document do, but need not be the same.
//
// The errors are ErrSyntax, ErrTooLarge, and those of r.
func Decode(r io.Reader, syntax Syntax, base IRI, lim Limits) (*Graph, error) {
	g, err := decode(r, syntax, base, lim.orDefault())
	if err != nil {
		return nil, fmt.Errorf("decode %v: %w", syntax, err)
	}
	return g, nil
}

func decode(r io.Reader, syntax Syntax, base IRI, lim Limits) (*Graph, error) {
	switch syntax {
	case Turtle:
		p, err := newTurtle(r, base, lim)
		if err != nil {
			return nil, err
		}
		return p.g, p.document()
	case NTriples:
		s, err := newScanner(r, lim)
		if err != nil {
			return nil, err
		}
		p := ntriples{scanner: s, builder: newBuilder(len(s.src), lim)}
		return p.g, p.document()
	case JSONLD:
		return decodeJSONLD(r, base, lim, builtIn)
	}
	return nil, errors.New("no such syntax")
}

// newTurtle returns a reader of Turtle at the start of the text of r.
func newTurtle(r io.Reader, base IRI, lim Limits) (*turtle, error) {
	if base != "" {
		if err := checkIRI(string(base)); err != nil {
			return nil, fmt.Errorf("check base: %w", err)
		}
	}
	s, err := newScanner(r, lim)
	if err != nil {
		return nil, err
	}
	return &turtle{scanner: s, builder: newBuilder(len(s.src), lim), base: base, depthLeft: lim.Depth}, nil
}

// newScanner returns a scanner at the start of the text of r.
func newScanner(r io.Reader, lim Limits) (scanner, error) {
	src, err := read(r, lim.Bytes)
	if err != nil {
		return scanner{}, err
	}
	s := scanner{src: src}
	if !utf8.ValidString(src) {
		return scanner{}, s.fail(invalidUTF8(src), "text is not UTF-8")
	}
	return s, nil
}

// read returns all of r, which may hold at most limit bytes.
func read(r io.Reader, limit int64) (string, error) {
	var text strings.Builder
	n, err := io.Copy(&text, io.LimitReader(r, min(limit, math.MaxInt64-1)+1))
	if err != nil {
		return "", fmt.Errorf("read document: %w", err)
	}
	if n > limit {
		return "", fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return text.String(), nil
}

// builder makes the graph of one document within its limits.
type builder struct {
	g           *Graph
	triplesLeft int
	textLeft    int
	fresh       int
}

func newBuilder(length int, lim Limits) *builder {
	return &builder{
		g:           new(Graph),
		triplesLeft: lim.Triples,
		textLeft:    length*expansionFactor + expansionFree,
	}
}

// add states a triple of interned terms.
func (b *builder) add(s, p, o id) error {
	if b.triplesLeft == 0 {
		return errTooManyTriples
	}
	b.triplesLeft--
	b.g.insert(s, p, o)
	return nil
}

// spend accounts for n bytes of text that is longer than what stands in the
// document, so that neither time nor memory can outgrow it.
func (b *builder) spend(n int) error {
	if n > b.textLeft {
		return fmt.Errorf("%w: its names and contexts expand to too much", ErrTooLarge)
	}
	b.textLeft -= n
	return nil
}

func (b *builder) iri(i IRI) id { return b.g.intern(IRITerm(i)) }

// newBlank returns a blank node whose label (g1, g2, ...) no labelled returns.
func (b *builder) newBlank() id {
	b.fresh++
	return b.g.intern(Blank("g" + strconv.Itoa(b.fresh)))
}

// labelled returns the blank node with a label of the document. A label that
// looks like one of newBlank's, with any number of g's, gets one g more.
func (b *builder) labelled(label string) id {
	digits := strings.TrimLeft(label, "g")
	if len(digits) < len(label) && digits != "" && strings.Trim(digits, "0123456789") == "" {
		label = "g" + label
	}
	return b.g.intern(Blank(label))
}
