package rdf

import (
	"strings"
	"unicode/utf8"
)

// name reads an IRI, [135s]. What a relative or prefixed one expands to is
// remembered until the base or a prefix changes.
func (p *turtle) name() (id, error) {
	start := p.pos
	if p.peek() == '<' {
		text, err := p.iriRef()
		if err != nil {
			return 0, err
		}
		if schemeEnd(text) >= 0 {
			return p.iri(IRI(text)), nil
		}
		return p.remember(start, func() (IRI, error) { return p.absolute(text, start) })
	}
	label, err := p.prefixLabel()
	if err != nil {
		return 0, err
	}
	local, err := p.local()
	if err != nil {
		return 0, err
	}
	return p.remember(start, func() (IRI, error) { return p.expand(label, local, start) })
}

// remember returns the term for the name between start and pos; expand makes it
// when it is new.
func (p *turtle) remember(start int, expand func() (IRI, error)) (id, error) {
	written := p.src[start:p.pos]
	if known, ok := p.names[written]; ok {
		return known, nil
	}
	full, err := expand()
	if err != nil {
		return 0, err
	}
	if p.names == nil {
		p.names = make(map[string]id)
	}
	term := p.iri(full)
	p.names[written] = term
	return term, nil
}

// resolved reads an IRI reference and returns what it means.
func (p *turtle) resolved() (IRI, error) {
	start := p.pos
	text, err := p.iriRef()
	if err != nil {
		return "", err
	}
	return p.absolute(text, start)
}

// absolute resolves a reference that stands at start; one that is absolute is
// kept as it is (Turtle §6.3).
func (p *turtle) absolute(text string, start int) (IRI, error) {
	if schemeEnd(text) >= 0 {
		return IRI(text), nil
	}
	if p.base == "" {
		return "", p.fail(start, "relative IRI without a base")
	}
	if err := p.spend(len(p.base) + len(text)); err != nil {
		return "", err
	}
	full, err := resolve(split(string(p.base)), split(text))
	if err != nil {
		return "", p.fail(start, "reference resolves to a path that reads as a host")
	}
	return full, nil
}

// expand puts the namespace before a local name.
func (p *turtle) expand(label, local string, start int) (IRI, error) {
	namespace, ok := p.prefixes[label]
	if !ok {
		return "", p.fail(start, "prefix is not declared")
	}
	if err := p.spend(len(namespace) + len(local)); err != nil {
		return "", err
	}
	return IRI(namespace + local), nil
}

// local reads [168s], which may be empty, and returns it without backslashes.
func (p *turtle) local() (string, error) {
	start, end, escaped := p.pos, p.pos, false
	for i := start; i < len(p.src); {
		if p.src[i] == '.' && i > start {
			i++
			continue
		}
		n := localStep(p.src, i, i == start)
		if n == 0 {
			break
		}
		escaped = escaped || p.src[i] == '\\'
		i += n
		end = i
	}
	if c := p.peekFrom(end); c == '%' || c == '\\' {
		return "", p.fail(end, "unknown escape")
	}
	p.pos = end
	if !escaped {
		return p.src[start:end], nil
	}
	return dropBackslashes(p.src[start:end]), nil
}

func (p *turtle) peekFrom(i int) byte {
	if i >= len(p.src) {
		return 0
	}
	return p.src[i]
}

// localStep returns the length of the character or escape ([169s], PLX) that
// continues a local name, or zero. Dots are left to the caller.
func localStep(s string, i int, first bool) int {
	switch c := s[i]; {
	case c == ':':
		return 1
	case c == '%' && i+2 < len(s) && is(s[i+1], classHex) && is(s[i+2], classHex):
		return 3
	case c == '\\' && i+1 < len(s) && is(s[i+1], classLocal):
		return 2
	case c < utf8.RuneSelf && is(c, className) && !(first && c == '-'):
		return 1
	}
	r, n := runeAt(s, i)
	if r >= utf8.RuneSelf && (isStart(r) || !first && isName(r)) {
		return n
	}
	return 0
}

func dropBackslashes(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// literal is [128s], RDFLiteral.
func (p *turtle) literal() (id, error) {
	start := p.pos
	text, err := p.text()
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

// text is [17], String.
func (p *turtle) text() (string, error) {
	for _, quotes := range []string{`"""`, `'''`} {
		if strings.HasPrefix(p.src[p.pos:], quotes) {
			return p.longQuoted(quotes)
		}
	}
	return p.quoted(p.peek())
}

// typed reads ^^ and the datatype of a literal.
func (p *turtle) typed(text string, start int) (id, error) {
	p.pos++
	if err := p.expect('^'); err != nil {
		return 0, err
	}
	p.space()
	datatype, err := p.name()
	if err != nil {
		return 0, err
	}
	term := TypedLiteral(text, IRI(p.g.terms[datatype].term.value))
	if term.Datatype() == rdfLangString {
		return 0, p.fail(start, "rdf:langString without a language")
	}
	return p.g.intern(term), nil
}

// number is [16], NumericLiteral.
func (p *turtle) number() (id, error) {
	length, datatype := numeral(p.src[p.pos:])
	if length == 0 {
		return 0, p.fail(p.pos, "expected a value")
	}
	text := p.src[p.pos : p.pos+length]
	p.pos += length
	return p.g.intern(TypedLiteral(text, datatype)), nil
}

// numeral returns the length and the type of the number that s begins with
// ([19] to [21]); the length is zero if it begins with none.
func numeral(s string) (int, IRI) {
	sign := 0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign = 1
	}
	whole := digits(s, sign)
	end, datatype := whole, xsdInteger
	fraction := whole
	if fraction < len(s) && s[fraction] == '.' {
		fraction = digits(s, fraction+1)
		if fraction > whole+1 {
			end, datatype = fraction, xsdDecimal
		}
	}
	if whole > sign || datatype == xsdDecimal {
		if exponent := exponentEnd(s, fraction); exponent > 0 {
			return exponent, xsdDouble
		}
	}
	if end == sign {
		return 0, ""
	}
	return end, datatype
}

// digits returns where the digits that begin at i end.
func digits(s string, i int) int {
	for i < len(s) && is(s[i], classDigit) {
		i++
	}
	return i
}

// exponentEnd returns where the exponent that begins at i ends, or zero if none
// does ([154s]).
func exponentEnd(s string, i int) int {
	if i >= len(s) || s[i] != 'e' && s[i] != 'E' {
		return 0
	}
	i++
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	if end := digits(s, i); end > i {
		return end
	}
	return 0
}
