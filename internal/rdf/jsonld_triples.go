package rdf

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

const rdfJSON = IRI(rdfNS + "JSON")

// node states what is said of a node and returns it; zero where its name is no
// IRI, so that nothing can be said of it (JSON-LD 1.1 API §8.1.2).
func (l *jsonld) node(i *item) (id, error) {
	s := l.subject(i)
	l.g.partial = l.g.partial || i.has.any("@graph") && len(i.set) > 0
	for _, t := range i.types {
		if err := l.state(s, string(rdfType), l.resource(t)); err != nil {
			return 0, err
		}
	}
	for _, p := range i.properties.list {
		for _, v := range p.values {
			o, err := l.object(v)
			if err != nil {
				return 0, err
			}
			if err := l.state(s, p.iri, o); err != nil {
				return 0, err
			}
		}
	}
	for _, p := range i.reverse.list {
		for _, v := range p.values {
			o, err := l.node(v)
			if err != nil {
				return 0, err
			}
			if err := l.state(o, p.iri, s); err != nil {
				return 0, err
			}
		}
	}
	for _, n := range i.included {
		if _, err := l.node(n); err != nil {
			return 0, err
		}
	}
	return s, nil
}

// subject returns the term for a node.
func (l *jsonld) subject(i *item) id {
	if !i.has.any("@id") {
		return l.newBlank()
	}
	return l.resource(i.id)
}

// resource returns the term for an IRI or a blank node, or zero.
func (l *jsonld) resource(name string) id {
	if strings.HasPrefix(name, "_:") {
		if l.labels[name] == 0 {
			l.labels[name] = l.newBlank()
		}
		return l.labels[name]
	}
	if checkIRI(name) != nil {
		return 0
	}
	return l.iri(IRI(name))
}

// state adds a triple, if all its terms are some and the property is an IRI.
func (l *jsonld) state(s id, property string, o id) error {
	if s == 0 || o == 0 || checkIRI(property) != nil {
		l.g.partial = true
		return nil
	}
	return l.add(s, l.iri(IRI(property)), o)
}

// object is JSON-LD 1.1 API §8.2.2, with zero for null.
func (l *jsonld) object(i *item) (id, error) {
	switch {
	case i.has.any("@value"):
		t, ok := l.literal(i)
		if !ok || !t.valid() {
			return 0, nil
		}
		return l.g.intern(t), l.spend(len(t.value))
	case i.has.any("@list"):
		return l.list(i.list)
	}
	return l.node(i)
}

// list is JSON-LD 1.1 API §8.3.2.
func (l *jsonld) list(items []*item) (id, error) {
	var head, last id
	for _, i := range items {
		o, err := l.object(i)
		if err != nil {
			return 0, err
		}
		link := l.newBlank()
		if head == 0 {
			head = link
		} else if err := l.add(last, l.iri(rdfRest), link); err != nil {
			return 0, err
		}
		if err := l.state(link, string(rdfFirst), o); err != nil {
			return 0, err
		}
		last = link
	}
	end := l.iri(rdfNil)
	if head == 0 {
		return end, nil
	}
	return head, l.add(last, l.iri(rdfRest), end)
}

// literal returns the literal that a value object stands for.
func (l *jsonld) literal(i *item) (Term, bool) {
	datatype := IRI("")
	if len(i.types) > 0 {
		datatype = IRI(i.types[0])
	}
	if datatype == "@json" {
		return TypedLiteral(string(canonical(nil, i.value)), rdfJSON), true
	}
	or := func(native IRI) IRI {
		if datatype == "" {
			return native
		}
		return datatype
	}
	switch v := i.value.(type) {
	case bool:
		return TypedLiteral(strconv.FormatBool(v), or(xsdBoolean)), true
	case json.Number:
		lexical, native, ok := nativeNumber(v.String(), datatype == xsdDouble)
		return TypedLiteral(lexical, or(native)), ok
	case string:
		if i.language != "" {
			return LangLiteral(v, i.language), true
		}
		return TypedLiteral(v, or(xsdString)), true
	}
	return Term{}, false
}

// nativeNumber returns the lexical form of a JSON number and its type: an integer, as
// long as it has no fraction and is below 10^21, else a double. Integers keep all
// their digits.
func nativeNumber(text string, double bool) (string, IRI, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", "", false
	}
	if double || f != math.Trunc(f) || math.Abs(f) >= 1e21 {
		return canonicalDouble(f), xsdDouble, true
	}
	if strings.Trim(text, "-0123456789") != "" {
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if f == 0 {
		text = "0"
	}
	return text, xsdInteger, true
}

// canonicalDouble is the canonical form of xsd:double (XML Schema 1.1 part 2
// §E.1), as printf("%1.15E") without superfluous zeros.
func canonicalDouble(f float64) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', 15, 64), "E")
	mantissa = strings.TrimRight(mantissa, "0")
	if strings.HasSuffix(mantissa, ".") {
		mantissa += "0"
	}
	exponent = strings.TrimPrefix(exponent, "+")
	sign := ""
	if strings.HasPrefix(exponent, "-") {
		sign, exponent = "-", exponent[1:]
	}
	if exponent = strings.TrimLeft(exponent, "0"); exponent == "" {
		sign, exponent = "", "0"
	}
	return mantissa + "E" + sign + exponent
}
