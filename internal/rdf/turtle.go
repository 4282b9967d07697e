package rdf

import (
	"fmt"
	"strings"
)

// turtle reads Turtle (https://www.w3.org/TR/turtle/). The numbers in brackets
// are those of the productions in its §6.5.
type turtle struct {
	scanner
	*builder
	base      IRI
	prefixes  map[string]string
	names     map[string]id // by the text that stands in the document
	depthLeft int
	patterns  *patterns // nil where no variables and formulas may stand
}

// document is [1].
func (p *turtle) document() error {
	for p.space(); !p.done(); p.space() {
		if err := p.statement(); err != nil {
			return err
		}
	}
	return nil
}

// statement is [2].
func (p *turtle) statement() error {
	switch {
	case p.keyword("@prefix"):
		return p.closed(p.prefix)
	case p.keyword("@base"):
		return p.closed(p.setBase)
	case p.keyword("PREFIX"):
		return p.prefix()
	case p.keyword("BASE"):
		return p.setBase()
	}
	return p.closed(p.triples)
}

// closed reads what body reads and the dot behind it.
func (p *turtle) closed(body func() error) error {
	if err := body(); err != nil {
		return err
	}
	p.space()
	return p.expect('.')
}

// space steps over white space and comments.
func (p *turtle) space() {
	for !p.done() {
		switch c := p.src[p.pos]; {
		case is(c, classSpace):
			p.pos++
		case c == '#':
			p.comment()
		default:
			return
		}
	}
}

// keyword steps over word if it comes next and is not the start of a longer name
// or of a prefixed one. Words that begin with @ are told apart by case ([4], [5]),
// others are not ([5s], [6s]).
func (p *turtle) keyword(word string) bool {
	end := p.pos + len(word)
	if end > len(p.src) || !strings.EqualFold(p.src[p.pos:end], word) {
		return false
	}
	if word[0] == '@' && p.src[p.pos:end] != word {
		return false
	}
	r, _ := runeAt(p.src, end)
	if isName(r) || word[0] != '@' && (r == ':' || r == '.') {
		return false
	}
	p.pos = end
	return true
}

// prefix reads the rest of [4] and [6s].
func (p *turtle) prefix() error {
	p.space()
	label, err := p.prefixLabel()
	if err != nil {
		return err
	}
	p.space()
	namespace, err := p.resolved()
	if err != nil {
		return err
	}
	if p.prefixes == nil {
		p.prefixes = make(map[string]string)
	}
	if _, again := p.prefixes[label]; again {
		p.names = nil
	}
	p.prefixes[label] = string(namespace)
	return nil
}

// prefixLabel reads [139s] and returns it without the colon.
func (p *turtle) prefixLabel() (string, error) {
	start := p.pos
	p.pos = nameEnd(p.src, start, isBase)
	label := p.src[start:p.pos]
	if !p.accept(':') {
		return "", p.fail(start, "expected a prefix and a colon")
	}
	return label, nil
}

// setBase reads the rest of [5] and [5s].
func (p *turtle) setBase() error {
	p.space()
	base, err := p.resolved()
	if err != nil {
		return err
	}
	p.base, p.names = base, nil
	return nil
}

// triples is [6].
func (p *turtle) triples() error {
	if p.peek() != '[' {
		s, err := p.subject()
		if err != nil {
			return err
		}
		return p.properties(s)
	}
	s, empty, err := p.bracket()
	if err != nil {
		return err
	}
	p.space()
	if !empty && p.ended() {
		return nil
	}
	return p.properties(s)
}

// ended reports whether what comes next ends a list of properties.
func (p *turtle) ended() bool {
	c := p.peek()
	return c == '.' || c == ']' || c == '}' && p.patterns != nil
}

// subject is [10], but for blank nodes in brackets.
func (p *turtle) subject() (id, error) {
	if p.patterns != nil {
		return p.object()
	}
	switch p.peek() {
	case '_':
		return p.blank()
	case '(':
		return p.collection()
	}
	return p.name()
}

// properties is [7], predicateObjectList.
func (p *turtle) properties(s id) error {
	for {
		p.space()
		verb, err := p.verb()
		if err != nil {
			return err
		}
		if err := p.objects(s, verb); err != nil {
			return err
		}
		if p.peek() != ';' {
			return nil
		}
		for p.accept(';') {
			p.space()
		}
		if p.ended() {
			return nil
		}
	}
}

// verb is [9].
func (p *turtle) verb() (id, error) {
	if p.peek() == 'a' {
		if r, _ := runeAt(p.src, p.pos+1); !isName(r) && r != ':' && r != '.' {
			p.pos++
			return p.iri(rdfType), nil
		}
	}
	if p.patterns != nil {
		return p.object()
	}
	return p.name()
}

// objects is [8], objectList, and the space behind it.
func (p *turtle) objects(s, verb id) error {
	for {
		p.space()
		o, err := p.object()
		if err != nil {
			return err
		}
		if err := p.add(s, verb, o); err != nil {
			return err
		}
		p.space()
		if !p.accept(',') {
			return nil
		}
	}
}

// object is [12].
func (p *turtle) object() (id, error) {
	switch c := p.peek(); {
	case c == '<':
		return p.name()
	case c == '_':
		return p.blank()
	case c == '[':
		o, _, err := p.bracket()
		return o, err
	case c == '(':
		return p.collection()
	case c == '"' || c == '\'':
		return p.literal()
	case (c == '?' || c == '$' || c == '{') && p.patterns != nil:
		return p.pattern()
	case is(c, classDigit) || c == '+' || c == '-' || c == '.':
		return p.number()
	}
	return p.word()
}

// word reads true, false ([133s]) or a prefixed name.
func (p *turtle) word() (id, error) {
	end := nameEnd(p.src, p.pos, isBase)
	if end < len(p.src) && p.src[end] == ':' {
		return p.name()
	}
	// A dot that no colon follows up ends the statement.
	word, _, _ := strings.Cut(p.src[p.pos:end], ".")
	if word != "true" && word != "false" {
		return p.name()
	}
	p.pos += len(word)
	return p.g.intern(TypedLiteral(word, xsdBoolean)), nil
}

func (p *turtle) blank() (id, error) {
	label, err := p.blankLabel()
	if err != nil {
		return 0, err
	}
	return p.labelled(label), nil
}

// bracket is [14], blankNodePropertyList, or [162s], ANON, which is empty.
func (p *turtle) bracket() (node id, empty bool, err error) {
	if err := p.enter(); err != nil {
		return 0, false, err
	}
	defer p.leave()
	p.pos++
	p.space()
	node = p.newBlank()
	if p.accept(']') {
		return node, true, nil
	}
	if err := p.properties(node); err != nil {
		return 0, false, err
	}
	return node, false, p.expect(']')
}

// collection is [15].
func (p *turtle) collection() (id, error) {
	if err := p.enter(); err != nil {
		return 0, err
	}
	defer p.leave()
	p.pos++
	var head, last id
	for p.space(); !p.accept(')'); p.space() {
		item, err := p.object()
		if err != nil {
			return 0, err
		}
		link := p.newBlank()
		if head == 0 {
			head = link
		} else if err := p.add(last, p.iri(rdfRest), link); err != nil {
			return 0, err
		}
		if err := p.add(link, p.iri(rdfFirst), item); err != nil {
			return 0, err
		}
		last = link
	}
	end := p.iri(rdfNil)
	if head == 0 {
		return end, nil
	}
	return head, p.add(last, p.iri(rdfRest), end)
}

// enter counts a level of nesting, leave counts it back.
func (p *turtle) enter() error {
	if p.depthLeft == 0 {
		return fmt.Errorf("%w: nested too deeply", ErrTooLarge)
	}
	p.depthLeft--
	return nil
}

func (p *turtle) leave() { p.depthLeft++ }
