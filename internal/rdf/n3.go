package rdf

import (
	"fmt"
	"io"
	"strconv"
)

// The words of Solid Protocol §n3-patch.
const (
	solidNS            = "http://www.w3.org/ns/solid/terms#"
	insertDeletePatch  = IRI(solidNS + "InsertDeletePatch")
	solidInserts       = IRI(solidNS + "inserts")
	solidDeletes       = IRI(solidNS + "deletes")
	solidWhere         = IRI(solidNS + "where")
	wantOnePatch       = "a patch needs exactly one resource of the type solid:InsertDeletePatch"
	wantOneFormula     = "has more than one value; at most one is allowed"
	wantFormula        = "needs a formula, { ... }, as its value"
	wantKnownVariables = "solid:inserts and solid:deletes may have the variables of solid:where only"
)

// ParseN3Patch reads an N3 Patch, text/n3 (Solid Protocol §n3-patch). It reads
// what Turtle has, and formulas { ... } with variables ?x as values of the
// properties of a patch; no other part of N3. Blank nodes in solid:inserts stand
// for new ones, as in the editor's draft; in solid:where they are variables
// without a name. Relative IRIs are resolved against base.
//
// The errors are ErrSyntax for what is not N3 or not that part of it, ErrPatch
// for a document that breaks a constraint (status 422), ErrTooLarge, and those
// of r. The limits hold for the document and for what [Patch.Apply] may make.
func ParseN3Patch(r io.Reader, base IRI, lim Limits) (Patch, error) {
	p, err := parseN3(r, base, lim.orDefault())
	if err != nil {
		return Patch{}, fmt.Errorf("parse N3 Patch: %w", err)
	}
	return p, nil
}

func parseN3(r io.Reader, base IRI, lim Limits) (Patch, error) {
	p, err := newTurtle(r, base, lim)
	if err != nil {
		return Patch{}, err
	}
	p.patterns = &patterns{cited: true}
	if err := p.document(); err != nil {
		return Patch{}, err
	}
	o, err := p.patch()
	if err != nil {
		return Patch{}, err
	}
	return Patch{operations: []operation{o}, triples: lim.Triples}, nil
}

// patch finds the one patch that a document holds.
func (p *turtle) patch() (operation, error) {
	found := p.g.Subjects(IRITerm(rdfType), IRITerm(insertDeletePatch))
	if len(found) != 1 || found[0].kind != KindIRI && found[0].kind != KindBlank {
		return operation{}, fmt.Errorf("%w: %s", ErrPatch, wantOnePatch)
	}
	o := operation{exact: true}
	for _, part := range []struct {
		property IRI
		formula  **Graph
	}{{solidWhere, &o.where}, {solidDeletes, &o.deletes}, {solidInserts, &o.inserts}} {
		g, err := p.cited(found[0], part.property)
		if err != nil {
			return operation{}, err
		}
		*part.formula = g
	}
	if has(o.deletes, KindBlank) {
		return operation{}, fmt.Errorf("%w: solid:deletes may not have blank nodes", ErrPatch)
	}
	if !o.bound(o.deletes) || !o.bound(o.inserts) {
		return operation{}, fmt.Errorf("%w: %s", ErrPatch, wantKnownVariables)
	}
	return o, nil
}

// cited returns the formula that is the value of a property of a patch; an empty
// one where it has none.
func (p *turtle) cited(patch Term, property IRI) (*Graph, error) {
	formula := new(Graph)
	values := 0
	for t := range p.g.Match(Term{}, IRITerm(property), Term{}) {
		values++
		switch {
		case t.S != patch:
			return nil, fmt.Errorf("%w: <%s> is said of what is no patch", ErrPatch, property)
		case values > 1:
			return nil, fmt.Errorf("%w: <%s> %s", ErrPatch, property, wantOneFormula)
		case t.O.kind != kindFormula:
			return nil, fmt.Errorf("%w: <%s> %s", ErrPatch, property, wantFormula)
		}
		n, err := strconv.Atoi(t.O.value)
		if err != nil {
			return nil, fmt.Errorf("find formula: %w", err)
		}
		formula = p.patterns.formulas[n]
	}
	return formula, nil
}

// bound reports whether the condition of o has each variable of a formula.
func (o operation) bound(formula *Graph) bool {
	for _, e := range formula.terms {
		if _, known := o.where.ids[e.term]; e.term.kind == kindVariable && !known {
			return false
		}
	}
	return true
}
