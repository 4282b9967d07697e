package rdf

// ntriples reads N-Triples (https://www.w3.org/TR/n-triples/).
type ntriples struct {
	scanner
	*builder
}

// document is N-Triples §7 [1].
func (p *ntriples) document() error {
	for !p.done() {
		if err := p.line(); err != nil {
			return err
		}
	}
	return nil
}

// line reads an optional triple, an optional comment and the ends of lines.
func (p *ntriples) line() error {
	p.space()
	if c := p.peek(); c == '<' || c == '_' {
		if err := p.triple(); err != nil {
			return err
		}
	}
	if p.peek() == '#' {
		p.comment()
	}
	if p.done() {
		return nil
	}
	if c := p.peek(); c != '\r' && c != '\n' {
		return p.fail(p.pos, "expected a triple, a comment or the line's end")
	}
	for p.accept('\r') || p.accept('\n') {
	}
	return nil
}

// space steps over spaces and tabs (N-Triples §7).
func (p *ntriples) space() {
	for p.accept(' ') || p.accept('\t') {
	}
}

// triple is N-Triples §7 [2].
func (p *ntriples) triple() error {
	s, err := p.resource()
	if err != nil {
		return err
	}
	p.space()
	predicate, err := p.absolute()
	if err != nil {
		return err
	}
	p.space()
	o, err := p.object()
	if err != nil {
		return err
	}
	p.space()
	if err := p.expect('.'); err != nil {
		return err
	}
	p.space()
	return p.add(s, p.iri(predicate), o)
}

// resource reads an IRI or a blank node.
func (p *ntriples) resource() (id, error) {
	if p.peek() == '_' {
		label, err := p.blankLabel()
		if err != nil {
			return 0, err
		}
		return p.labelled(label), nil
	}
	i, err := p.absolute()
	if err != nil {
		return 0, err
	}
	return p.iri(i), nil
}

func (p *ntriples) absolute() (IRI, error) {
	start := p.pos
	text, err := p.iriRef()
	if err != nil {
		return "", err
	}
	if schemeEnd(text) < 0 {
		return "", p.fail(start, "expected an absolute IRI")
	}
	return IRI(text), nil
}

func (p *ntriples) object() (id, error) {
	if p.peek() == '"' {
		return p.literal()
	}
	return p.resource()
}

// literal is N-Triples §7 [6].
func (p *ntriples) literal() (id, error) {
	start := p.pos
	text, err := p.quoted('"')
	if err != nil {
		return 0, err
	}
	p.space()
	switch p.peek() {
	case '@':
		lang, err := p.langTag()
		if err != nil {
			return 0, err
		}
		return p.g.intern(LangLiteral(text, lang)), nil
	case '^':
		return p.typed(text, start)
	}
	return p.g.intern(Literal(text)), nil
}

// typed reads ^^ and the datatype of a literal.
func (p *ntriples) typed(text string, start int) (id, error) {
	p.pos++
	if err := p.expect('^'); err != nil {
		return 0, err
	}
	p.space()
	datatype, err := p.absolute()
	if err != nil {
		return 0, err
	}
	if datatype == rdfLangString {
		return 0, p.fail(start, "rdf:langString without a language")
	}
	return p.g.intern(TypedLiteral(text, datatype)), nil
}
