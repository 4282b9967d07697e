package rdf

import (
	"fmt"
	"io"
)

const readUpdates = "; read are PREFIX, BASE, INSERT DATA, DELETE DATA, DELETE WHERE and DELETE/INSERT ... WHERE " +
	"with plain triples, one after another with ';' between"

// Words that begin what SPARQL 1.1 has and is not read here: operations, and
// what may stand in a group beside triples.
var (
	otherOperations = []string{"LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"}
	otherPatterns   = []string{"FILTER", "OPTIONAL", "UNION", "MINUS", "GRAPH", "SERVICE", "BIND", "VALUES", "SELECT"}
)

// ParseUpdate reads the part of SPARQL 1.1 Update, application/sparql-update,
// that Solid's libraries send: INSERT DATA, DELETE DATA, DELETE WHERE and
// DELETE/INSERT ... WHERE with triples only, several joined by ';'. There is one
// graph, the document's. Relative IRIs are resolved against base. An empty
// document is a patch that changes nothing.
//
// To delete a triple that is absent is no error, neither here nor in Community
// Solid Server. node-solid-server answers 409 for it and rdflib can take that for
// a sign of concurrent editing, but does not depend on it; SPARQL says otherwise
// (SPARQL 1.1 Update §3.1.2), other clients count on it, and an update whose
// answer was lost can so be sent again. Who needs the check has an N3 Patch or
// If-Match.
//
// The errors are ErrSyntax, ErrPatch for what SPARQL has and is not read here or
// is forbidden where it stands, ErrTooLarge, and those of r. The limits hold for
// the document and for what [Patch.Apply] may make.
func ParseUpdate(r io.Reader, base IRI, lim Limits) (Patch, error) {
	p, err := parseUpdate(r, base, lim.orDefault())
	if err != nil {
		return Patch{}, fmt.Errorf("parse SPARQL Update: %w", err)
	}
	return p, nil
}

func parseUpdate(r io.Reader, base IRI, lim Limits) (Patch, error) {
	t, err := newTurtle(r, base, lim)
	if err != nil {
		return Patch{}, err
	}
	p := update{turtle: t}
	p.patterns = &patterns{dollar: true, word: p.word}
	patch := Patch{triples: lim.Triples}
	for {
		if err := p.prologue(); err != nil || p.done() {
			return patch, err
		}
		o, err := p.operation()
		if err != nil {
			return Patch{}, err
		}
		patch.operations = append(patch.operations, o)
		if p.space(); !p.accept(';') && !p.done() {
			return Patch{}, p.fail(p.pos, "expected ';' or the end")
		}
	}
}

// update reads SPARQL 1.1 Update (https://www.w3.org/TR/sparql11-query/#sparqlGrammar).
// The numbers in brackets are those of the productions there.
type update struct{ *turtle }

// prologue is [4].
func (p update) prologue() error {
	for {
		p.space()
		var err error
		switch {
		case p.keyword("PREFIX"):
			err = p.prefix()
		case p.keyword("BASE"):
			err = p.setBase()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// operation is [30], as far as it is read here.
func (p update) operation() (operation, error) {
	switch {
	case p.next("INSERT"):
		if p.next("DATA") {
			return p.insertData()
		}
		return p.modify(new(Graph), true)
	case p.next("DELETE"):
		switch {
		case p.next("DATA"):
			return p.deleteData()
		case p.next("WHERE"):
			return p.deleteWhere()
		}
		g, err := p.template("DELETE", KindBlank)
		if err != nil {
			return operation{}, err
		}
		return p.modify(g, p.next("INSERT"))
	}
	if err := p.refused(otherOperations); err != nil {
		return operation{}, err
	}
	return operation{}, p.fail(p.pos, "expected INSERT or DELETE")
}

// insertData is [38].
func (p update) insertData() (operation, error) {
	g, err := p.template("INSERT DATA", kindVariable)
	return operation{where: new(Graph), deletes: new(Graph), inserts: g}, err
}

// deleteData is [39].
func (p update) deleteData() (operation, error) {
	g, err := p.template("DELETE DATA", kindVariable, KindBlank)
	return operation{where: new(Graph), deletes: g, inserts: new(Graph)}, err
}

// deleteWhere is [40].
func (p update) deleteWhere() (operation, error) {
	g, err := p.template("DELETE WHERE", KindBlank)
	return operation{where: g, deletes: g, inserts: new(Graph)}, err
}

// modify reads the rest of [41], from the braces of INSERT, if there is one.
func (p update) modify(deletes *Graph, inserts bool) (operation, error) {
	o := operation{deletes: deletes, inserts: new(Graph)}
	var err error
	if inserts {
		if o.inserts, err = p.template("INSERT"); err != nil {
			return operation{}, err
		}
	}
	if err := p.refused([]string{"USING"}); err != nil {
		return operation{}, err
	}
	if !p.next("WHERE") {
		return operation{}, p.fail(p.pos, "expected WHERE")
	}
	o.where, err = p.template("WHERE")
	return o, err
}

// template reads { triples } without terms of the given kinds.
func (p update) template(what string, without ...Kind) (*Graph, error) {
	p.space()
	start := p.pos
	g, err := p.formula()
	if err != nil {
		return nil, err
	}
	for _, kind := range without {
		switch {
		case !has(g, kind):
		case kind == KindBlank:
			return nil, p.refuse(start, what+" may not have blank nodes")
		default:
			return nil, p.refuse(start, what+" may not have variables")
		}
	}
	return g, nil
}

// next steps over a keyword and the space before it.
func (p update) next(word string) bool {
	p.space()
	return p.keyword(word)
}

// word refuses what may stand in a group and is no triple.
func (p update) word() error { return p.refused(otherPatterns) }

func (p update) refused(words []string) error {
	p.space()
	start := p.pos
	for _, word := range words {
		if p.keyword(word) {
			return p.refuse(start, word+" is not read here"+readUpdates)
		}
	}
	return nil
}
