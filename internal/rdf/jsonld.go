package rdf

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

func isTooLarge(err error) bool { return errors.Is(err, ErrTooLarge) }

// jsonld reads JSON-LD 1.1 (https://www.w3.org/TR/json-ld11-api/): it expands a
// document and states its default graph. Each of its walks is paid for from the
// limits of the builder, for a short document can ask for very much: contexts
// within contexts, and names that expand to long ones.
type jsonld struct {
	*builder
	base      string
	depth     int // terms that are being defined by others
	itemsLeft int
	loaded    map[string]any
	made      map[string]*activeContext // what a loaded context makes of none
	labels    map[string]id
	contexts  func(url string) (any, error)
}

// decodeJSONLD reads a document with the contexts that contexts returns.
func decodeJSONLD(r io.Reader, base IRI, lim Limits, contexts func(string) (any, error)) (*Graph, error) {
	if base != "" {
		if err := checkIRI(string(base)); err != nil {
			return nil, fmt.Errorf("check base: %w", err)
		}
	}
	s, err := newScanner(r, lim)
	if err != nil {
		return nil, err
	}
	v, err := readJSON(s, lim)
	if err != nil {
		return nil, err
	}
	l := &jsonld{
		builder:   newBuilder(len(s.src), lim),
		base:      string(base),
		itemsLeft: 2*lim.Triples + valuesFree,
		labels:    make(map[string]id),
		contexts:  contexts,
		loaded:    make(map[string]any),
		made:      make(map[string]*activeContext),
	}
	return l.g, l.document(v)
}

// document is JSON-LD 1.1 API §8.1.2 for the default graph.
func (l *jsonld) document(v any) error {
	items, err := l.expand(scope{c: &activeContext{base: l.base}}, v)
	if err != nil {
		return err
	}
	if _, ok := v.(*object); ok {
		items = top(items)
	}
	for _, i := range items {
		if _, err := l.node(i); err != nil {
			return err
		}
	}
	return nil
}

// top returns what is in the default graph: a document that is one object with
// nothing but @graph is that graph (JSON-LD 1.1 API §5.1.1, 8).
func top(items []*item) []*item {
	if len(items) != 1 {
		return items
	}
	if i := items[0]; i.has == setOf("@graph") && i.plain() {
		return i.set
	}
	return items
}

// The ways to expand a name.
const (
	relative   = 1 << iota // against the base
	vocabulary             // as a term, or against the vocabulary
)

// expandIRI is the IRI expansion algorithm (JSON-LD 1.1 API §5.2.2). It returns ""
// for what means nothing. d is the context that is being defined, if one is.
func (l *jsonld) expandIRI(c *activeContext, name string, flags int, d *definer) (string, error) {
	if isKeyword(name) {
		return name, nil
	}
	if likeKeyword(name) {
		return "", nil
	}
	if d != nil {
		if err := d.ensure(name); err != nil {
			return "", err
		}
	}
	if t := c.term(name); t != nil && (flags&vocabulary != 0 || isKeyword(t.iri)) {
		return t.iri, nil
	}
	if colon := strings.IndexByte(name, ':'); colon > 0 {
		iri, err := l.compact(c, name, colon, d)
		if iri != "" || err != nil {
			return iri, err
		}
	}
	switch {
	case flags&vocabulary != 0 && c.vocab != nil:
		if strings.Count(*c.vocab, "#")+strings.Count(name, "#") > 1 {
			return "", nil // no IRI has two fragments
		}
		return *c.vocab + name, l.spend(len(*c.vocab) + len(name))
	case flags&relative != 0:
		return l.resolve(c.base, name)
	}
	return name, nil
}

// compact expands a name with a colon; it returns "" where that is no prefix and
// no scheme.
func (l *jsonld) compact(c *activeContext, name string, colon int, d *definer) (string, error) {
	prefix, rest := name[:colon], name[colon+1:]
	if prefix == "_" || strings.HasPrefix(rest, "//") {
		return name, nil
	}
	if d != nil {
		if err := d.ensure(prefix); err != nil {
			return "", err
		}
	}
	if t := c.term(prefix); t != nil && t.iri != "" && t.prefix {
		return t.iri + rest, l.spend(len(t.iri) + len(rest))
	}
	if schemeEnd(name) >= 0 {
		return name, nil
	}
	return "", nil
}

// resolve returns what ref means where the base is base. A ref that cannot be
// resolved stays as it is, and its triples are left out as those of any relative
// IRI are.
func (l *jsonld) resolve(base, ref string) (string, error) {
	if base == "" || schemeEnd(ref) >= 0 {
		return ref, nil
	}
	if err := l.spend(len(base) + len(ref)); err != nil {
		return "", err
	}
	full, err := resolve(split(base), split(ref))
	if err != nil {
		return ref, nil
	}
	return string(full), nil
}

// load returns the context that a reference names where it stands.
func (l *jsonld) load(ref string, from origin) (url string, local any, err error) {
	base := l.base
	if from.url != "" {
		base = from.url
	}
	if url, err = l.resolve(base, ref); err != nil {
		return "", nil, err
	}
	if local, ok := l.loaded[url]; ok {
		return url, local, nil
	}
	local, err = l.contexts(url)
	if err != nil {
		return "", nil, err
	}
	l.loaded[url] = local
	return url, local, nil
}
