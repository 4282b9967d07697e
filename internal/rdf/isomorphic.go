package rdf

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// Isomorphic reports whether a and b are the same but for the names of their
// blank nodes (RDF 1.1 Concepts §3.6). It refines colours and, where they leave
// a choice, tries. The work is bounded: for graphs made to be hard it may give
// up and return false; a true answer is always right.
func Isomorphic(a, b *Graph) bool {
	same, _ := isomorphic(a, b, isoBudget)
	return same
}

const (
	isoBudget = 1 << 25 // visits of an edge or a blank node
	isoDepth  = 1000    // choices that depend on each other
)

// isomorphic also reports whether it came to a decision.
func isomorphic(a, b *Graph, budget int) (same, decided bool) {
	if a.Len() != b.Len() {
		return false, true
	}
	m := matcher{a: newSide(a), b: newSide(b), budget: budget, seed: maphash.MakeSeed()}
	if len(m.a.blanks) != len(m.b.blanks) || !m.groundEqual() {
		return false, true
	}
	m.a.weigh(m.seed)
	m.b.weigh(m.seed)
	same = m.search(m.a.firstColours(), m.b.firstColours(), 0)
	return same, same || m.budget >= 0
}

// matcher looks for a one to one map from the blank nodes of a to those of b.
type matcher struct {
	a, b   *side
	seed   maphash.Seed
	budget int // negative once it is used up
}

// side is one graph, its blank nodes numbered from 0.
type side struct {
	g      *Graph
	blanks []id
	at     []int32 // number of a term among blanks, or -1
	edges  []edge
}

// edge is a triple with blank nodes. s and o are their numbers, or -1; weight
// stands for the rest of the triple.
type edge struct {
	row    row
	s, o   int32
	weight uint64
}

func newSide(g *Graph) *side {
	d := &side{g: g, at: make([]int32, len(g.terms))}
	for i := range d.at {
		d.at[i] = -1
	}
	for _, r := range g.rows {
		if r.s == 0 {
			continue
		}
		s, o := d.number(r.s), d.number(r.o)
		if s >= 0 || o >= 0 {
			d.edges = append(d.edges, edge{row: r, s: s, o: o})
		}
	}
	return d
}

// number returns the number of a blank node, giving it one if it has none, and
// -1 for other terms.
func (d *side) number(n id) int32 {
	if d.g.terms[n].term.kind != KindBlank {
		return -1
	}
	if d.at[n] < 0 {
		d.at[n] = int32(len(d.blanks))
		d.blanks = append(d.blanks, n)
	}
	return d.at[n]
}

func (d *side) weigh(seed maphash.Seed) {
	for i := range d.edges {
		e := &d.edges[i]
		t := Triple{P: d.g.terms[e.row.p].term}
		if e.s < 0 {
			t.S = d.g.terms[e.row.s].term
		}
		if e.o < 0 {
			t.O = d.g.terms[e.row.o].term
		}
		e.weight = maphash.Comparable(seed, t)
	}
}

// groundEqual reports whether the triples without blank nodes are the same.
func (m *matcher) groundEqual() bool {
	if len(m.a.edges) != len(m.b.edges) {
		return false
	}
	for t := range m.a.g.All() {
		if t.S.kind != KindBlank && t.O.kind != KindBlank && !m.b.g.Has(t) {
			return false
		}
	}
	return true
}

// search refines the colours of both sides and, while they leave a choice, tries
// each way to make it.
func (m *matcher) search(a, b []uint64, depth int) bool {
	a, b, ok := m.refine(a, b)
	if !ok {
		return false
	}
	orderA, orderB := byColour(a), byColour(b)
	from, to := m.choice(a, orderA)
	if from == to {
		return m.verify(orderA, orderB)
	}
	if depth == isoDepth {
		m.budget = -1
		return false
	}
	for _, other := range orderB[from:to] {
		nextA, nextB := slices.Clone(a), slices.Clone(b)
		nextA[orderA[from]] = mix(a[orderA[from]], uint64(depth)+1)
		nextB[other] = nextA[orderA[from]]
		if m.search(nextA, nextB, depth+1) {
			return true
		}
		if m.budget < 0 {
			return false
		}
	}
	return false
}

// refine repeats a round on both sides until colours tell no more nodes apart.
// It is false when the sides come to differ or the budget ends.
func (m *matcher) refine(a, b []uint64) (newA, newB []uint64, ok bool) {
	count := 0
	for {
		if m.budget -= 2 * (len(m.a.edges) + len(a) + 1); m.budget < 0 {
			return nil, nil, false
		}
		a, b = m.a.round(a), m.b.round(b)
		sortedA, sortedB := slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
		if !slices.Equal(sortedA, sortedB) {
			return nil, nil, false
		}
		colours := len(slices.Compact(sortedA))
		if colours == count {
			return a, b, true
		}
		count = colours
	}
}

// firstColours tells apart what follows from the triples around a blank node,
// from all that it leads to, and from all that leads to it. Trees and
// collections of any length are settled with that; only circles are left.
func (d *side) firstColours() []uint64 {
	colours := d.round(make([]uint64, len(d.blanks)))
	colours = d.follow(colours, func(e edge) (near, far int32) { return e.s, e.o })
	return d.follow(colours, func(e edge) (near, far int32) { return e.o, e.s })
}

// follow mixes into the colour of each near end the new colours of its far ends,
// far ends first. Blank nodes that lead into a circle keep their colours.
func (d *side) follow(colours []uint64, ends func(edge) (near, far int32)) []uint64 {
	open := make([]int, len(colours)) // far ends that have no new colour yet
	back := make([][]int, len(colours))
	for i, e := range d.edges {
		if near, far := ends(e); near >= 0 && far >= 0 {
			open[near]++
			back[far] = append(back[far], i)
		}
	}
	sums, out := make([]uint64, len(colours)), slices.Clone(colours)
	var ready []int32
	for n := range open {
		if open[n] == 0 {
			ready = append(ready, int32(n))
		}
	}
	for len(ready) > 0 {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		out[n] = mix(colours[n], sums[n])
		for _, i := range back[n] {
			near, _ := ends(d.edges[i])
			sums[near] += mix(d.edges[i].weight, out[n])
			if open[near]--; open[near] == 0 {
				ready = append(ready, near)
			}
		}
	}
	return out
}

// round gives each blank node a colour made of its own and of those around it.
func (d *side) round(colours []uint64) []uint64 {
	sums := make([]uint64, len(colours))
	for _, e := range d.edges {
		switch {
		case e.o < 0:
			sums[e.s] += mix(e.weight, 1)
		case e.s < 0:
			sums[e.o] += mix(e.weight, 2)
		case e.s == e.o:
			sums[e.s] += mix(e.weight, 3)
		default:
			sums[e.s] += mix(mix(e.weight, 4), colours[e.o])
			sums[e.o] += mix(mix(e.weight, 5), colours[e.s])
		}
	}
	for i, own := range colours {
		sums[i] = mix(own, sums[i])
	}
	return sums
}

// mix returns a number that depends on a and b and on their order (the
// finishing steps of splitmix64).
func mix(a, b uint64) uint64 {
	x := a*0x9E3779B97F4A7C15 + b
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// byColour returns the numbers of the blank nodes in the order of their colours.
func byColour(colours []uint64) []int {
	order := make([]int, len(colours))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(colours[x], colours[y]) })
	return order
}

// choice returns the smallest range of order whose nodes share a colour and have
// neighbours that do too, or an empty one. Nodes that share a colour but whose
// neighbours are all told apart are interchangeable and leave no choice.
func (m *matcher) choice(colours []uint64, order []int) (from, to int) {
	alone := make([]bool, len(order))
	for i, n := range order {
		alone[n] = (i == 0 || colours[order[i-1]] != colours[n]) &&
			(i+1 == len(order) || colours[order[i+1]] != colours[n])
	}
	tied := make([]bool, len(order))
	for _, e := range m.a.edges {
		if e.s >= 0 && e.o >= 0 {
			tied[e.s] = tied[e.s] || !alone[e.o]
			tied[e.o] = tied[e.o] || !alone[e.s]
		}
	}
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && colours[order[end]] == colours[order[start]] {
			end++
		}
		if end-start > 1 && tied[order[start]] && (from == to || end-start < to-from) {
			from, to = start, end
		}
		start = end
	}
	return from, to
}

// verify reports whether pairing the blank nodes in these orders maps each
// triple of a to one of b.
func (m *matcher) verify(orderA, orderB []int) bool {
	pair := make([]Term, len(orderA))
	for i, n := range orderA {
		pair[n] = m.b.g.terms[m.b.blanks[orderB[i]]].term
	}
	for _, e := range m.a.edges {
		t := Triple{m.a.g.terms[e.row.s].term, m.a.g.terms[e.row.p].term, m.a.g.terms[e.row.o].term}
		if e.s >= 0 {
			t.S = pair[e.s]
		}
		if e.o >= 0 {
			t.O = pair[e.o]
		}
		if !m.b.g.Has(t) {
			return false
		}
	}
	return true
}
