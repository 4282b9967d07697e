package ldp

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

const (
	ldpNS      = "http://www.w3.org/ns/ldp#"
	pimStorage = "http://www.w3.org/ns/pim/space#Storage"
	mediaNS    = "http://www.w3.org/ns/iana/media-types/"
	statNS     = "http://www.w3.org/ns/posix/stat#"
	dctermsNS  = "http://purl.org/dc/terms/"
	rdfNS      = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	xsdNS      = "http://www.w3.org/2001/XMLSchema#"
)

var prefixes = map[string]rdf.IRI{
	"acl":     "http://www.w3.org/ns/auth/acl#",
	"foaf":    "http://xmlns.com/foaf/0.1/",
	"ldp":     ldpNS,
	"notify":  notifyNS,
	"solid":   solidNS,
	"vcard":   "http://www.w3.org/2006/vcard/ns#",
	"pim":     "http://www.w3.org/ns/pim/space#",
	"stat":    statNS,
	"dcterms": dctermsNS,
	"xsd":     xsdNS,
}

var (
	isA      = rdf.IRITerm(rdfNS + "type")
	contains = rdf.IRITerm(ldpNS + "contains")
	modified = rdf.IRITerm(dctermsNS + "modified")
	size     = rdf.IRITerm(statNS + "size")
	mtime    = rdf.IRITerm(statNS + "mtime")
)

// listing is a container: what it holds, and of each member the type, size and
// time (Solid Protocol §contained-resource-metadata). It is made when it is first
// read, so that a condition that fails costs nothing.
type listing struct {
	base   string
	answer acl.Answer
	room   *acl.Room
	write  func(w io.Writer, base string, a acl.Answer) error
	text   *bytes.Reader
	err    error
}

func (l *listing) Read(b []byte) (int, error) {
	if err := l.render(); err != nil {
		return 0, err
	}
	return l.text.Read(b)
}

func (l *listing) Seek(offset int64, whence int) (int64, error) {
	if err := l.render(); err != nil {
		return 0, err
	}
	return l.text.Seek(offset, whence)
}

func (l *listing) render() error {
	if l.text != nil || l.err != nil {
		return l.err
	}
	out := paid{room: l.room}
	l.err = l.write(&out, l.base, l.answer)
	l.text = bytes.NewReader(out.text.Bytes())
	return l.err
}

// together is how many members are described at a time: a graph takes several
// times the room of its text.
const together = 256

// writeTurtle writes a container and its members in Turtle, a few at a time:
// documents that follow each other are one.
func writeTurtle(w io.Writer, base string, a acl.Answer) error {
	at := rdf.IRI(iri(base, a.Info.Path))
	c := catalog{base: base}
	self := c.describe(a.Info)
	for some := range slices.Chunk(a.Children, together) {
		for _, child := range some {
			c.add(self, contains, c.name(child.Path))
		}
		for _, child := range some {
			c.describe(child)
		}
		if err := c.flush(w, at); err != nil {
			return err
		}
	}
	return c.flush(w, at)
}

// catalog is the graph of a part of a listing; after an error it stays as it is.
type catalog struct {
	base  string
	graph rdf.Graph
	err   error
}

// flush writes the graph and begins a new one.
func (c *catalog) flush(w io.Writer, at rdf.IRI) error {
	if c.err != nil {
		return fmt.Errorf("describe container: %w", c.err)
	}
	defer func() { c.graph = rdf.Graph{} }()
	return rdf.Encode(w, &c.graph, prefixes, at)
}

func (c *catalog) name(p pod.Path) rdf.Term {
	return rdf.IRITerm(rdf.IRI(iri(c.base, p)))
}

func (c *catalog) add(s, p, o rdf.Term) {
	if c.err == nil {
		c.err = c.graph.Add(rdf.Triple{S: s, P: p, O: o})
	}
}

// describe adds what is known of one resource.
func (c *catalog) describe(i pod.Info) rdf.Term {
	s := c.name(i.Path)
	for _, t := range classes(i) {
		c.add(s, isA, rdf.IRITerm(rdf.IRI(t)))
	}
	if !i.Modified.IsZero() {
		c.add(s, modified, rdf.TypedLiteral(i.Modified.UTC().Format(time.RFC3339), xsdNS+"dateTime"))
		c.add(s, mtime, integer(i.Modified.Unix()))
	}
	if !i.Path.IsContainer() {
		c.add(s, size, integer(i.Size))
	}
	return s
}

func integer(n int64) rdf.Term {
	return rdf.TypedLiteral(strconv.FormatInt(n, 10), xsdNS+"integer")
}

// mediaClass returns the class of resources of a media type, "" for a type that
// no such name can be made of.
func mediaClass(typ string) string {
	t, _, err := mime.ParseMediaType(typ)
	if err != nil || strings.ContainsFunc(t, notInName) {
		return ""
	}
	return mediaNS + t + "#Resource"
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("/+-._", r))
}
