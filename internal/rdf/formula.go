package rdf

import "strconv"

// patterns is what a turtle that reads a patch knows of the formulas, { ... },
// that it has read.
type patterns struct {
	dollar   bool // variables may be written $x
	cited    bool // formulas may stand for terms
	formulas []*Graph

	// word reads what stands where a triple could begin and is none. It may be
	// nil.
	word func() error
}

// pattern reads what may stand for a term in a patch only: a variable, or a
// formula.
func (p *turtle) pattern() (id, error) {
	switch {
	case p.peek() != '{':
		return p.variable()
	case !p.patterns.cited:
		return 0, p.refuse(p.pos, "a group or a formula may not stand here")
	}
	g, err := p.formula()
	if err != nil {
		return 0, err
	}
	p.patterns.formulas = append(p.patterns.formulas, g)
	return p.g.intern(Term{kind: kindFormula, value: strconv.Itoa(len(p.patterns.formulas) - 1)}), nil
}

// variable reads ?x, and $x where that is one (SPARQL 1.1 Query §19.8 [143], [144]).
func (p *turtle) variable() (id, error) {
	start := p.pos + 1
	end := start
	for r, n := runeAt(p.src, end); isName(r); r, n = runeAt(p.src, end) {
		end += n
	}
	if end == start || p.peek() == '$' && !p.patterns.dollar {
		return 0, p.fail(p.pos, "expected a variable")
	}
	p.pos = end
	return p.g.intern(Term{kind: kindVariable, value: p.src[start:end]}), nil
}

// formula reads { triples } into a graph of its own. Within it no other formula
// may stand, and each triple is one that RDF allows but for its variables.
func (p *turtle) formula() (*Graph, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	g, names, cited := p.g, p.names, p.patterns.cited
	defer func() { p.g, p.names, p.patterns.cited = g, names, cited }()
	p.g, p.names, p.patterns.cited = new(Graph), nil, false
	start := p.pos
	if err := p.expect('{'); err != nil {
		return nil, err
	}
	for p.space(); !p.accept('}'); p.space() {
		if err := p.patternTriples(); err != nil {
			return nil, err
		}
	}
	for t := range p.g.All() {
		if message := notPattern(t); message != "" {
			return nil, p.refuse(start, message)
		}
	}
	return p.g, nil
}

// patternTriples reads the triples of one subject and the dot behind them, which
// the last may go without.
func (p *turtle) patternTriples() error {
	for _, body := range []func() error{p.patterns.word, p.triples, p.patterns.word} {
		if body == nil {
			continue
		}
		if err := body(); err != nil {
			return err
		}
		p.space()
	}
	if p.peek() == '}' {
		return nil
	}
	return p.expect('.')
}

// notPattern says why a triple of a formula is none that RDF allows, or "".
func notPattern(t Triple) string {
	switch {
	case t.S.Kind() == KindLiteral:
		return "a literal may not be a subject"
	case t.P.Kind() == KindLiteral:
		return "a literal may not be a property"
	case t.P.kind == KindBlank:
		return "a blank node may not be a property"
	}
	return ""
}

// has reports whether a formula has a term of a kind.
func has(formula *Graph, kind Kind) bool {
	for _, e := range formula.terms {
		if e.term.kind == kind {
			return true
		}
	}
	return false
}
