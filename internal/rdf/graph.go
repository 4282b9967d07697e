package rdf

import (
	"fmt"
	"iter"
)

// Graph is a set of triples that remembers the order in which they came. The
// zero Graph is empty and ready to use. Changing a graph while ranging over it
// is allowed; whether the range sees the change is not defined.
type Graph struct {
	terms []entry
	ids   map[Term]id
	rows  []row
	index map[[3]id]rowID
	gaps  int

	// partial says that the document said more than is here: it had named graphs
	// beside this one, or members that mean nothing in a graph.
	partial bool
}

// id numbers the terms of one graph from 1.
type id uint32

// rowID numbers the rows of one graph from 1.
type rowID uint32

// entry is a term and the two chains of rows that it heads.
type entry struct {
	term          Term
	firstS, lastS rowID
	firstO, lastO rowID
}

// row is a triple; its s is zero once it is removed.
type row struct {
	s, p, o      id
	nextS, nextO rowID
}

// Add puts t in g; a triple that is there already stays where it is. It refuses
// with ErrSyntax what RDF does not allow: a literal as subject, a property that
// is no IRI, the zero Term, an IRI that [NewIRI] would refuse, a blank node
// label or language tag that could not be written, text that is not UTF-8.
func (g *Graph) Add(t Triple) error {
	if !t.valid() {
		return fmt.Errorf("add triple: %w: term not allowed here", ErrSyntax)
	}
	g.insert(g.intern(t.S), g.intern(t.P), g.intern(t.O))
	return nil
}

// Remove takes t out of g, if it is there.
func (g *Graph) Remove(t Triple) {
	key, ok := g.key(t)
	if !ok {
		return
	}
	at, ok := g.index[key]
	if !ok {
		return
	}
	delete(g.index, key)
	g.rows[at-1].s = 0
	g.gaps++
	if g.gaps > 16 && g.gaps > len(g.rows)/2 {
		g.compact()
	}
}

// Has reports whether t is in g.
func (g *Graph) Has(t Triple) bool {
	key, ok := g.key(t)
	if !ok {
		return false
	}
	_, ok = g.index[key]
	return ok
}

// Len returns the number of triples.
func (g *Graph) Len() int { return len(g.rows) - g.gaps }

// All yields every triple in the order in which they were added.
func (g *Graph) All() iter.Seq[Triple] { return g.Match(Term{}, Term{}, Term{}) }

// Match yields the triples with the given terms, in the order in which they were
// added; the zero Term stands for any. Where s or o is given it visits only the
// triples with that subject or object.
func (g *Graph) Match(s, p, o Term) iter.Seq[Triple] {
	return func(yield func(Triple) bool) {
		want, ok := g.pattern(s, p, o)
		if !ok {
			return
		}
		rows, terms := g.rows, g.terms
		for at := g.start(want); at != 0 && int(at) <= len(rows); at = nextRow(rows, at, want) {
			r := rows[at-1]
			if !r.matches(want) {
				continue
			}
			if !yield(Triple{terms[r.s].term, terms[r.p].term, terms[r.o].term}) {
				return
			}
		}
	}
}

// Objects returns the values that s has for the property p, in the order in
// which they were added.
func (g *Graph) Objects(s, p Term) []Term {
	var out []Term
	for t := range g.Match(s, p, Term{}) {
		out = append(out, t.O)
	}
	return out
}

// Subjects returns what has the value o for the property p, in the order in
// which it was added.
func (g *Graph) Subjects(p, o Term) []Term {
	var out []Term
	for t := range g.Match(Term{}, p, o) {
		out = append(out, t.S)
	}
	return out
}

// pattern numbers the terms of a match; zero is any. It is false when g lacks
// one of them.
func (g *Graph) pattern(s, p, o Term) (want [3]id, ok bool) {
	for i, t := range [3]Term{s, p, o} {
		if t == (Term{}) {
			continue
		}
		if want[i], ok = g.ids[t]; !ok {
			return want, false
		}
	}
	return want, true
}

// start returns the first row of the chain to follow for a pattern, or zero.
func (g *Graph) start(want [3]id) rowID {
	switch {
	case want[0] != 0 && want[1] != 0 && want[2] != 0:
		return g.index[want]
	case want[0] != 0:
		return g.terms[want[0]].firstS
	case want[2] != 0:
		return g.terms[want[2]].firstO
	case len(g.rows) > 0:
		return 1
	}
	return 0
}

// nextRow returns the row after at in the chain that start chose, or zero.
func nextRow(rows []row, at rowID, want [3]id) rowID {
	switch {
	case want[0] != 0 && want[1] != 0 && want[2] != 0:
		return 0
	case want[0] != 0:
		return rows[at-1].nextS
	case want[2] != 0:
		return rows[at-1].nextO
	case int(at) < len(rows):
		return at + 1
	}
	return 0
}

func (r row) matches(want [3]id) bool {
	return r.s != 0 && (want[0] == 0 || want[0] == r.s) &&
		(want[1] == 0 || want[1] == r.p) && (want[2] == 0 || want[2] == r.o)
}

func (g *Graph) key(t Triple) ([3]id, bool) {
	var zero Term
	if t.S == zero || t.P == zero || t.O == zero {
		return [3]id{}, false
	}
	return g.pattern(t.S, t.P, t.O)
}

// intern returns the number of t, which must be valid.
func (g *Graph) intern(t Term) id {
	if n, ok := g.ids[t]; ok {
		return n
	}
	if g.ids == nil {
		g.ids = make(map[Term]id)
		g.terms = make([]entry, 1, 16)
	}
	n := id(len(g.terms))
	g.terms = append(g.terms, entry{term: t})
	g.ids[t] = n
	return n
}

// insert adds a triple of interned terms.
func (g *Graph) insert(s, p, o id) {
	key := [3]id{s, p, o}
	if _, ok := g.index[key]; ok {
		return
	}
	if g.index == nil {
		g.index = make(map[[3]id]rowID)
	}
	g.rows = append(g.rows, row{s: s, p: p, o: o})
	at := rowID(len(g.rows))
	g.index[key] = at
	g.link(at)
}

// link appends a row to the chains of its subject and its object.
func (g *Graph) link(at rowID) {
	r := g.rows[at-1]
	subject := &g.terms[r.s]
	if subject.lastS == 0 {
		subject.firstS = at
	} else {
		g.rows[subject.lastS-1].nextS = at
	}
	subject.lastS = at
	object := &g.terms[r.o]
	if object.lastO == 0 {
		object.firstO = at
	} else {
		g.rows[object.lastO-1].nextO = at
	}
	object.lastO = at
}

// compact lays g out anew, without gaps and unused terms.
func (g *Graph) compact() {
	fresh := Graph{partial: g.partial}
	for t := range g.All() {
		fresh.insert(fresh.intern(t.S), fresh.intern(t.P), fresh.intern(t.O))
	}
	*g = fresh
}
