package rdf

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// nestLimit is how deep Encode nests blank nodes before it labels them. It is
// below the default of Limits.Depth, so that Decode reads what Encode writes.
const nestLimit = 8

// Encode writes g as Turtle, one block for each subject in the order in which
// subjects were added. Names are shortened with those of prefixes (the part
// before the colon to namespace) whose rest is letters, digits, _ and -; only
// prefixes that are used are declared. Where base is not "", IRIs below base's
// own container are written relative to it; base itself is not written, so the
// reader must be given the same. Blank nodes get new labels or none.
//
// The errors are ErrSyntax for a prefix or base that is not well formed, and
// those of w.
func Encode(w io.Writer, g *Graph, prefixes map[string]IRI, base IRI) error {
	return encodeTurtle(w, g, prefixes, base, "")
}

// encodeTurtle is Encode where IRIs below within, which base lies below, are relative too.
func encodeTurtle(w io.Writer, g *Graph, prefixes map[string]IRI, base, within IRI) error {
	e, err := newEncoder(g, prefixes, base)
	if err == nil {
		err = e.setWithin(within)
	}
	if err != nil {
		return fmt.Errorf("encode Turtle: %w", err)
	}
	e.graph()
	for _, text := range [][]byte{e.header(), e.out} {
		if _, err := w.Write(text); err != nil {
			return fmt.Errorf("write Turtle: %w", err)
		}
	}
	return nil
}

// encoder writes one graph. Its slices are indexed by term.
type encoder struct {
	g       *Graph
	out     []byte
	spaces  []namespace // longest first
	base    IRI
	baseDir string // base up to the last slash of its path
	within  string // an ancestor of baseDir, up to which references climb
	baseRef reference
	uses    []uint32 // how often a blank node is an object
	written []bool   // whether a subject's triples are out, or being written
	noList  []bool   // known not to begin a collection
	labels  map[id]int
}

type namespace struct {
	label, iri string
	used       bool
}

func newEncoder(g *Graph, prefixes map[string]IRI, base IRI) (*encoder, error) {
	e := &encoder{
		g:       g,
		uses:    make([]uint32, len(g.terms)),
		written: make([]bool, len(g.terms)),
		noList:  make([]bool, len(g.terms)),
		labels:  make(map[id]int),
	}
	if err := e.setBase(base); err != nil {
		return nil, err
	}
	if err := e.setPrefixes(prefixes); err != nil {
		return nil, err
	}
	for _, r := range g.rows {
		if r.s != 0 && g.terms[r.o].term.kind == KindBlank {
			e.uses[r.o]++
		}
	}
	return e, nil
}

func (e *encoder) setBase(base IRI) error {
	if base == "" {
		return nil
	}
	if err := checkIRI(string(base)); err != nil {
		return fmt.Errorf("check base: %w", err)
	}
	e.base, e.baseRef = base, split(string(base))
	e.baseDir = e.baseRef.scheme + e.baseRef.authority + merge(e.baseRef, "")
	e.within = e.baseDir
	return nil
}

func (e *encoder) setWithin(within IRI) error {
	if within == "" {
		return nil
	}
	if !strings.HasSuffix(string(within), "/") || !strings.HasPrefix(e.baseDir, string(within)) {
		return fmt.Errorf("check base: %w: it does not lie below %q", ErrSyntax, within)
	}
	e.within = string(within)
	return nil
}

func (e *encoder) setPrefixes(prefixes map[string]IRI) error {
	for label, iri := range prefixes {
		if nameEnd(label, 0, isBase) != len(label) {
			return fmt.Errorf("check prefix: %w: label %q", ErrSyntax, label)
		}
		if err := checkIRI(string(iri)); err != nil {
			return fmt.Errorf("check prefix %q: %w", label, err)
		}
		e.spaces = append(e.spaces, namespace{label: label, iri: string(iri)})
	}
	sort.Slice(e.spaces, func(i, j int) bool {
		a, b := e.spaces[i], e.spaces[j]
		return cmp.Or(cmp.Compare(len(b.iri), len(a.iri)), cmp.Compare(a.label, b.label)) < 0
	})
	return nil
}

// header declares the prefixes that were used.
func (e *encoder) header() []byte {
	var out []byte
	sort.Slice(e.spaces, func(i, j int) bool { return e.spaces[i].label < e.spaces[j].label })
	for _, n := range e.spaces {
		if n.used {
			out = fmt.Appendf(out, "@prefix %s: ", n.label)
			out = append(appendIRI(out, n.iri), " .\n"...)
		}
	}
	if len(out) > 0 && len(e.out) > 0 {
		out = append(out, '\n')
	}
	return out
}

// graph writes every subject.
func (e *encoder) graph() {
	for s := range e.subjects() {
		e.subject(s)
	}
}

// subjects yields first the subjects that nothing nests, then what is left: blank
// nodes in circles and those too deep to nest.
func (e *encoder) subjects() iter.Seq[id] {
	return func(yield func(id) bool) {
		for _, all := range []bool{false, true} {
			for _, r := range e.g.rows {
				if r.s == 0 || e.written[r.s] || !all && e.nests(r.s) {
					continue
				}
				if !yield(r.s) {
					return
				}
			}
		}
	}
}

// nests reports whether a term is a blank node with one place to be written in.
func (e *encoder) nests(n id) bool {
	return e.g.terms[n].term.kind == KindBlank && e.uses[n] == 1 && e.labels[n] == 0
}

// subject writes the block of one subject.
func (e *encoder) subject(s id) {
	if len(e.out) > 0 {
		e.out = append(e.out, '\n')
	}
	e.written[s] = true
	if e.g.terms[s].term.kind == KindBlank && e.uses[s] == 0 {
		e.out = append(e.out, "[]"...)
	} else {
		e.term(s)
	}
	e.properties(s, 0)
	e.out = append(e.out, " .\n"...)
}

// properties writes what is said of s, the type first, and reports whether that
// takes several lines.
func (e *encoder) properties(s id, depth int) bool {
	order, objects := e.grouped(s)
	for i, p := range order {
		if i > 0 {
			e.out = append(e.out, " ;"...)
		}
		if len(order) > 1 {
			e.newline(depth + 1)
		} else {
			e.out = append(e.out, ' ')
		}
		e.verb(p)
		for j, o := range objects[p] {
			if j > 0 {
				e.out = append(e.out, ',')
			}
			e.out = append(e.out, ' ')
			e.object(o, depth)
		}
	}
	return len(order) > 1
}

// grouped returns the properties of s in order, the type before others, and the
// values of each.
func (e *encoder) grouped(s id) ([]id, map[id][]id) {
	var order []id
	objects := make(map[id][]id)
	want := [3]id{s}
	for at := e.g.start(want); at != 0; at = nextRow(e.g.rows, at, want) {
		r := e.g.rows[at-1]
		if r.s == 0 {
			continue
		}
		if objects[r.p] == nil {
			order = append(order, r.p)
		}
		objects[r.p] = append(objects[r.p], r.o)
	}
	typeAt := slices.Index(order, e.g.ids[IRITerm(rdfType)])
	if typeAt > 0 {
		p := order[typeAt]
		copy(order[1:], order[:typeAt])
		order[0] = p
	}
	return order, objects
}

func (e *encoder) verb(p id) {
	if e.g.terms[p].term == IRITerm(rdfType) {
		e.out = append(e.out, 'a')
		return
	}
	e.term(p)
}

// object writes a term, or a blank node with all that is said of it.
func (e *encoder) object(o id, depth int) {
	if !e.nests(o) || e.written[o] || depth == nestLimit {
		e.term(o)
		return
	}
	if items, ok := e.list(o); ok {
		e.collection(items, depth+1)
		return
	}
	e.written[o] = true
	e.out = append(e.out, '[')
	if e.properties(o, depth+1) {
		e.newline(depth + 1)
	} else if e.out[len(e.out)-1] != '[' {
		e.out = append(e.out, ' ')
	}
	e.out = append(e.out, ']')
}

// term writes a term that stands for itself.
func (e *encoder) term(n id) {
	t := e.g.terms[n].term
	switch t.kind {
	case KindIRI:
		e.iri(t.value)
	case KindBlank:
		e.label(n)
	case KindLiteral:
		e.literal(t)
	default:
		e.out = t.append(e.out)
	}
}

func (e *encoder) label(n id) {
	if e.labels[n] == 0 {
		e.labels[n] = len(e.labels) + 1
	}
	e.out = strconv.AppendInt(append(e.out, "_:b"...), int64(e.labels[n]), 10)
}

func (e *encoder) literal(t Term) {
	if bare(t) {
		e.out = append(e.out, t.value...)
		return
	}
	e.out = appendQuoted(e.out, t.value)
	if IRI(t.tag) != xsdString {
		e.out = append(e.out, "^^"...)
		e.iri(t.tag)
	}
}

// bare reports whether a literal reads back as the same term without its quotes
// and its datatype.
func bare(t Term) bool {
	if IRI(t.tag) == xsdBoolean {
		return t.value == "true" || t.value == "false"
	}
	n, datatype := numeral(t.value)
	return n > 0 && n == len(t.value) && string(datatype) == t.tag
}

// iri writes an IRI as a prefixed name, relative to the base, or whole.
func (e *encoder) iri(iri string) {
	for i := range e.spaces {
		n := &e.spaces[i]
		if local, ok := strings.CutPrefix(iri, n.iri); ok && plainLocal(local) {
			n.used = true
			e.out = append(append(append(e.out, n.label...), ':'), local...)
			return
		}
	}
	if ref, ok := e.relative(iri); ok {
		iri = ref
	}
	e.out = appendIRI(e.out, iri)
}

// plainLocal reports whether a local name needs no escapes and no care about the
// character behind it.
func plainLocal(local string) bool {
	for i := range len(local) {
		if !is(local[i], className) {
			return false
		}
	}
	return local == "" || local[0] != '-'
}

// relative returns a reference to iri that the base resolves to it, if a short
// one does.
func (e *encoder) relative(iri string) (string, bool) {
	if e.base == "" {
		return "", false
	}
	target := split(iri)
	ref, ok := e.climb(iri)
	switch {
	case !ok:
		return "", false
	case iri == e.document():
		ref = ""
	case target.fragment != "" && strings.TrimSuffix(iri, target.fragment) == e.document():
		ref = target.fragment
	case ref == "":
		ref = "./"
	}
	back, err := resolve(e.baseRef, split(ref))
	return ref, err == nil && string(back) == iri
}

// climb returns iri as a path from the base's own container, through the nearest
// container above both.
func (e *encoder) climb(iri string) (string, bool) {
	for dir, up := e.baseDir, ""; strings.HasPrefix(dir, e.within); up += "../" {
		if rest, ok := strings.CutPrefix(iri, dir); ok {
			return up + rest, true
		}
		dir = dir[:strings.LastIndexByte(strings.TrimSuffix(dir, "/"), '/')+1]
	}
	return "", false
}

// document returns the base without its fragment.
func (e *encoder) document() string {
	return strings.TrimSuffix(string(e.base), e.baseRef.fragment)
}

func (e *encoder) newline(depth int) {
	e.out = append(e.out, '\n')
	for range depth {
		e.out = append(e.out, "    "...)
	}
}
