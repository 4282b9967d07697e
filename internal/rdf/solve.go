package rdf

import (
	"cmp"
	"fmt"
	"slices"
)

// maxSteps bounds the rows that one patch may look at to find its mappings and the
// triples that it may make of them. It is reached in a few hundredths of a second.
const maxSteps = 1 << 18

// slot is a term of a pattern: a term of the graph, or a variable. Variables are
// numbered from 1 and constants have none.
type slot struct {
	term     id
	variable int
}

// solver finds the mappings of the variables of a formula, a basic graph pattern
// (SPARQL 1.1 Query §18.3), by trying the rows of the graph, pattern after
// pattern.
type solver struct {
	g         *Graph
	patterns  [][3]slot // in the order in which they are tried
	variables map[Term]int
	names     int  // how many variables have a name; they come first
	bound     []id // the value of each variable, zero where it has none
	left      *int // steps
	found     func(*solver) error
}

// solve calls found for each mapping, of which an empty formula has one. It ends
// with found's error, or with ErrTooLarge.
func (a *application) solve(formula *Graph, found func(*solver) error) error {
	s := &solver{g: a.g, left: &a.stepsLeft, found: found}
	s.number(formula)
	if !s.compile(formula) {
		return nil
	}
	if err := s.arrange(); err != nil {
		return err
	}
	return s.try(0)
}

// number gives each variable its number, first those with a name.
func (s *solver) number(formula *Graph) {
	s.variables = make(map[Term]int)
	for _, kind := range []Kind{kindVariable, KindBlank} {
		for _, e := range formula.terms {
			if e.term.kind == kind {
				s.variables[e.term] = len(s.variables) + 1
			}
		}
		if kind == kindVariable {
			s.names = len(s.variables)
		}
	}
	s.bound = make([]id, len(s.variables)+1)
}

// compile makes the patterns. It is false when the graph lacks one of their
// terms, so that nothing can match.
func (s *solver) compile(formula *Graph) bool {
	for t := range formula.All() {
		var pattern [3]slot
		for i, term := range [3]Term{t.S, t.P, t.O} {
			if v := s.variables[term]; v > 0 {
				pattern[i].variable = v
				continue
			}
			n, ok := s.g.ids[term]
			if !ok {
				return false
			}
			pattern[i].term = n
		}
		s.patterns = append(s.patterns, pattern)
	}
	return true
}

// arrange puts first what has no variables, then each time the pattern with the
// most known by then: it has the fewest rows to try.
func (s *solver) arrange() error {
	known := make([]bool, len(s.bound))
	rank := func(p [3]slot) (n int) {
		for i, weight := range [3]int{4, 1, 2} {
			if p[i].variable == 0 || known[p[i].variable] {
				n += weight
			}
		}
		return n
	}
	slices.SortStableFunc(s.patterns, func(a, b [3]slot) int { return cmp.Compare(rank(b), rank(a)) })
	for i, p := range s.patterns {
		if rank(p) == 7 {
			continue
		}
		if err := s.step(len(s.patterns) - i); err != nil {
			return err
		}
		best := i
		for j := i + 1; j < len(s.patterns); j++ {
			if rank(s.patterns[j]) > rank(s.patterns[best]) {
				best = j
			}
		}
		p = s.patterns[best]
		copy(s.patterns[i+1:best+1], s.patterns[i:best])
		s.patterns[i] = p
		for _, t := range p {
			known[t.variable] = true
		}
	}
	return nil
}

// step counts n steps.
func (s *solver) step(n int) error {
	if *s.left -= n; *s.left < 0 {
		return fmt.Errorf("%w: finding what the patch means takes too long", ErrTooLarge)
	}
	return nil
}

// try finds the rows for the pattern at a place in the order, and with each of
// them those for the patterns after it.
func (s *solver) try(at int) error {
	if at == len(s.patterns) {
		return s.found(s)
	}
	var want [3]id
	for i, t := range s.patterns[at] {
		want[i] = t.term
		if t.variable > 0 {
			want[i] = s.bound[t.variable]
		}
	}
	for n := s.g.start(want); n != 0; n = nextRow(s.g.rows, n, want) {
		if err := s.step(1); err != nil {
			return err
		}
		if r := s.g.rows[n-1]; r.matches(want) {
			if err := s.with(at, [3]id{r.s, r.p, r.o}); err != nil {
				return err
			}
		}
	}
	return nil
}

// with gives the free variables of a pattern the terms of a row, goes on, and
// takes them back.
func (s *solver) with(at int, row [3]id) error {
	var free [3]int
	fits := true
	for i, t := range s.patterns[at] {
		switch {
		case t.variable == 0:
		case s.bound[t.variable] == 0:
			s.bound[t.variable], free[i] = row[i], t.variable
		case s.bound[t.variable] != row[i]:
			fits = false // the variable stands twice in this pattern
		}
	}
	var err error
	if fits {
		err = s.try(at + 1)
	}
	for _, v := range free {
		s.bound[v] = 0
	}
	return err
}

// named returns the values of the variables with a name.
func (s *solver) named() []id { return s.bound[1 : 1+s.names] }

// value returns what a variable stands for in the mapping at hand, or the zero
// Term.
func (s *solver) value(t Term) Term {
	n := s.bound[s.variables[t]]
	if n == 0 {
		return Term{}
	}
	return s.g.terms[n].term
}
