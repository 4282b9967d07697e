package rdf

import (
	"fmt"
	"io"
)

// EncodeJSONLD writes g as JSON-LD 1.1 in expanded form: an array of nodes, one
// for each subject in the order in which subjects were added, without a context,
// so that the keys are IRIs or keywords and every property has an array of
// values. Blank nodes nest and collections are lists where Turtle's would; every
// literal is a value object with its lexical form as a string. Where base is not
// "", the @id of a node below base's own container is written relative to it;
// base itself is not written, so the reader must be given the same. The same
// graph gives the same text.
//
// The errors are ErrSyntax for a base that is not well formed, and those of w.
func EncodeJSONLD(w io.Writer, g *Graph, base IRI) error {
	e, err := newEncoder(g, nil, base)
	if err != nil {
		return fmt.Errorf("encode JSON-LD: %w", err)
	}
	j := jsonldEncoder{e}
	j.graph()
	if _, err := w.Write(j.out); err != nil {
		return fmt.Errorf("write JSON-LD: %w", err)
	}
	return nil
}

// jsonldEncoder writes one graph in the order and with the nesting of the encoder
// for Turtle.
type jsonldEncoder struct{ *encoder }

func (j jsonldEncoder) graph() {
	j.out = append(j.out, '[')
	for s := range j.subjects() {
		if j.out[len(j.out)-1] == '}' {
			j.out = append(j.out, ",\n"...)
		}
		j.node(s, j.g.terms[s].term.kind == KindIRI || j.uses[s] > 0, 0)
	}
	j.out = append(j.out, "]\n"...)
}

// node writes all that is said of s, with its name or without.
func (j jsonldEncoder) node(s id, named bool, depth int) {
	j.written[s] = true
	j.out = append(j.out, '{')
	if named {
		j.out = append(j.out, `"@id":`...)
		j.name(s)
	}
	order, objects := j.grouped(s)
	for _, p := range order {
		iri, rest := j.g.terms[p].term.value, objects[p]
		if IRI(iri) == rdfType {
			rest = j.types(rest)
		}
		if len(rest) == 0 {
			continue
		}
		j.comma('{')
		j.out = append(appendJSONString(j.out, iri), ':', '[')
		for _, o := range rest {
			j.comma('[')
			j.value(o, depth)
		}
		j.out = append(j.out, ']')
	}
	j.out = append(j.out, '}')
}

// comma goes before what is not the first in its brackets.
func (j jsonldEncoder) comma(open byte) {
	if j.out[len(j.out)-1] != open {
		j.out = append(j.out, ',')
	}
}

// types writes the types that are IRIs and returns the others.
func (j jsonldEncoder) types(all []id) (others []id) {
	first := true
	for _, t := range all {
		if j.g.terms[t].term.kind != KindIRI {
			others = append(others, t)
			continue
		}
		if first {
			j.comma('{')
			j.out = append(j.out, `"@type":[`...)
		} else {
			j.out = append(j.out, ',')
		}
		j.out = appendJSONString(j.out, j.g.terms[t].term.value)
		first = false
	}
	if !first {
		j.out = append(j.out, ']')
	}
	return others
}

// value writes a literal, a list, a reference, or a blank node with all that is
// said of it.
func (j jsonldEncoder) value(o id, depth int) {
	switch {
	case j.g.terms[o].term.Kind() == KindLiteral:
		j.literal(j.g.terms[o].term)
		return
	case !j.nests(o) || j.written[o] || depth == nestLimit:
		j.out = append(j.out, `{"@id":`...)
		j.name(o)
		j.out = append(j.out, '}')
		return
	}
	items, ok := j.list(o)
	if !ok {
		j.node(o, false, depth+1)
		return
	}
	j.out = append(j.out, `{"@list":[`...)
	for _, item := range items {
		j.comma('[')
		j.value(item, depth+1)
	}
	j.out = append(j.out, "]}"...)
}

// literal writes a value object.
func (j jsonldEncoder) literal(t Term) {
	j.out = appendJSONString(append(j.out, `{"@value":`...), t.value)
	switch {
	case t.kind == kindTagged:
		j.out = appendJSONString(append(j.out, `,"@language":`...), t.tag)
	case IRI(t.tag) != xsdString:
		j.out = appendJSONString(append(j.out, `,"@type":`...), t.tag)
	}
	j.out = append(j.out, '}')
}

// name writes the name of a node. A reference that looks like a keyword would be
// ignored.
func (j jsonldEncoder) name(n id) {
	t := j.g.terms[n].term
	if t.kind == KindBlank {
		j.out = append(j.out, '"')
		j.label(n)
		j.out = append(j.out, '"')
		return
	}
	iri := t.value
	if ref, ok := j.relative(iri); ok && (ref == "" || ref[0] != '@') {
		iri = ref
	}
	j.out = appendJSONString(j.out, iri)
}
