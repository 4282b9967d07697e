package rdf

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// ErrPatch says that a patch is well formed and yet asks for what a patch may not
// do, or for what is not read here; its message says which.
var ErrPatch = errors.New("patch not accepted")

// ErrConflict says that a patch does not fit the graph that it was to change.
var ErrConflict = errors.New("patch does not fit the resource")

// Patch is a change to a graph, made by [ParseN3Patch] or [ParseUpdate]: one
// operation or several, one after another. The zero Patch changes nothing. A
// Patch is not changed by its use.
type Patch struct {
	operations []operation
	triples    int // Limits.Triples
}

// operation is one step of a patch. Its formulas are graphs whose terms may be
// variables; the blank nodes of where are variables without a name, those of
// inserts stand for new ones.
type operation struct {
	where, deletes, inserts *Graph
	exact                   bool // one mapping, and nothing to delete is absent
}

// Reads reports whether p has a condition, so that its success or failure tells
// something of what the graph holds. Deleting tells something too; a patch that
// [Patch.Deletes] therefore needs the access to read as well
// (Solid Protocol §n3-patch, WAC §consider-delete-read-diff).
func (p Patch) Reads() bool { return p.some(func(o operation) *Graph { return o.where }) }

// Inserts reports whether p may add triples.
func (p Patch) Inserts() bool { return p.some(func(o operation) *Graph { return o.inserts }) }

// Deletes reports whether p may remove triples.
func (p Patch) Deletes() bool { return p.some(func(o operation) *Graph { return o.deletes }) }

func (p Patch) some(part func(operation) *Graph) bool {
	return slices.ContainsFunc(p.operations, func(o operation) bool { return part(o).Len() > 0 })
}

// Apply changes g as p says; when it returns an error, g is as it was.
//
// An N3 Patch must find exactly one mapping of its variables and every triple
// that it deletes (Solid Protocol §n3-patch); else the error is ErrConflict. A
// SPARQL update applies to every mapping, and to none without an error; what it
// deletes may be absent, and what comes out as no triple is left out
// (SPARQL 1.1 Update §3.1). The error is ErrTooLarge when finding the mappings
// takes too many steps, when they state more triples than the Limits that p was
// parsed with allow, or when g would grow beyond them.
//
// A graph that was read from JSON-LD which says more, in named graphs or by members
// that mean nothing in a graph, is not patched, because what is written afterwards
// would lack that: the error is ErrConflict.
func (p Patch) Apply(g *Graph) error {
	if err := p.apply(g); err != nil {
		return fmt.Errorf("apply patch: %w", err)
	}
	return nil
}

func (p Patch) apply(g *Graph) error {
	if g.partial {
		return fmt.Errorf("%w: it says more than its graph, which would be lost", ErrConflict)
	}
	a := application{g: g.clone(), triplesLeft: p.triples, stepsLeft: maxSteps}
	for _, o := range p.operations {
		if err := a.operation(o); err != nil {
			return err
		}
	}
	if a.g.Len() > p.triples && a.g.Len() > g.Len() {
		return fmt.Errorf("%w: the resource would hold more than %d triples", ErrTooLarge, p.triples)
	}
	*g = *a.g
	return nil
}

// clone returns a graph that changes apart from g.
func (g *Graph) clone() *Graph {
	return &Graph{
		terms: slices.Clone(g.terms),
		ids:   maps.Clone(g.ids),
		rows:  slices.Clone(g.rows),
		index: maps.Clone(g.index),
		gaps:  g.gaps,
	}
}

// application is a patch at work on a graph of its own.
type application struct {
	g           *Graph
	triplesLeft int
	stepsLeft   int
	fresh       int
}

// change is what an operation does once all its mappings are known.
type change struct{ deletes, inserts []Triple }

func (a *application) operation(o operation) error {
	c, err := a.changes(o)
	if err != nil {
		return err
	}
	for _, t := range c.deletes {
		if o.exact && !a.g.Has(t) {
			return fmt.Errorf("%w: a triple to delete is not there", ErrConflict)
		}
	}
	for _, t := range c.deletes {
		a.g.Remove(t)
	}
	for _, t := range c.inserts {
		a.g.insert(a.g.intern(t.S), a.g.intern(t.P), a.g.intern(t.O))
	}
	return nil
}

// changes finds the mappings of an operation and fills its formulas with each.
func (a *application) changes(o operation) (change, error) {
	var c change
	var first []id
	err := a.solve(o.where, func(s *solver) error {
		switch {
		case !o.exact:
		case first == nil:
			first = append(make([]id, 0, 1), s.named()...)
		case slices.Equal(first, s.named()):
			return nil
		default:
			return fmt.Errorf("%w: its condition matches in more than one way", ErrConflict)
		}
		return a.fill(&c, o, s)
	})
	if err == nil && o.exact && first == nil {
		err = fmt.Errorf("%w: its condition does not match", ErrConflict)
	}
	return c, err
}

// fill adds to c what an operation says where its variables have the values of a
// mapping.
func (a *application) fill(c *change, o operation, s *solver) error {
	if err := s.step(o.deletes.Len() + o.inserts.Len()); err != nil {
		return err
	}
	var fresh map[Term]Term
	value := func(t Term) Term {
		switch {
		case t.kind == kindVariable:
			return s.value(t)
		case t.kind != KindBlank:
			return t
		case fresh == nil:
			fresh = make(map[Term]Term)
		}
		if fresh[t] == (Term{}) {
			fresh[t] = a.newBlank()
		}
		return fresh[t]
	}
	for _, part := range []struct {
		formula *Graph
		out     *[]Triple
	}{{o.deletes, &c.deletes}, {o.inserts, &c.inserts}} {
		for t := range part.formula.All() {
			t = Triple{value(t.S), value(t.P), value(t.O)}
			switch {
			case a.triplesLeft == 0:
				return fmt.Errorf("%w: the patch makes too many triples", ErrTooLarge)
			case t.placed(): // each term is sound, in the graph or by its syntax
				a.triplesLeft--
				*part.out = append(*part.out, t)
			case o.exact:
				return fmt.Errorf("%w: a variable has a value that may not stand where it does", ErrConflict)
			}
		}
	}
	return nil
}

// newBlank returns a blank node that the graph does not have.
func (a *application) newBlank() Term {
	for {
		a.fresh++
		t := Blank("n" + strconv.Itoa(a.fresh))
		if _, taken := a.g.ids[t]; !taken {
			return t
		}
	}
}
