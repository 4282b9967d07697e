package rdf

// list returns the items of the collection that begins at a blank node, if all
// of it can be written as ( ... ): each link has one item, one rest, nothing
// else, and is referred to once. Its links are then marked as written.
func (e *encoder) list(head id) ([]id, bool) {
	var links, items []id
	end := e.g.ids[IRITerm(rdfNil)]
	for at := head; at != end; {
		item, rest, ok := e.link(at)
		if !ok {
			for _, l := range append(links, at) {
				e.noList[l] = true
			}
			return nil, false
		}
		links, items, at = append(links, at), append(items, item), rest
	}
	for _, l := range links {
		e.written[l] = true
	}
	return items, true
}

// link returns what one link of a collection holds.
func (e *encoder) link(n id) (item, rest id, ok bool) {
	if e.noList[n] || !e.nests(n) || e.written[n] {
		return 0, 0, false
	}
	first, next := e.g.ids[IRITerm(rdfFirst)], e.g.ids[IRITerm(rdfRest)]
	triples := 0
	want := [3]id{n}
	for at := e.g.start(want); at != 0; at = nextRow(e.g.rows, at, want) {
		r := e.g.rows[at-1]
		switch {
		case r.s == 0:
			continue
		case r.p == first && item == 0:
			item = r.o
		case r.p == next && rest == 0:
			rest = r.o
		default:
			return 0, 0, false
		}
		triples++
	}
	return item, rest, triples == 2
}

// collection writes ( ... ).
func (e *encoder) collection(items []id, depth int) {
	e.out = append(e.out, '(')
	for _, item := range items {
		e.out = append(e.out, ' ')
		e.object(item, depth)
	}
	e.out = append(e.out, " )"...)
}
