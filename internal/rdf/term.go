package rdf

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Kind tells the three kinds of RDF terms apart. The zero Kind is that of the
// zero [Term], which is no term.
type Kind uint8

// The kinds of terms (RDF 1.1 Concepts §3.1).
const (
	KindIRI Kind = iota + 1
	KindBlank
	KindLiteral

	// kindTagged is a literal with a language; Kind reports it as KindLiteral.
	kindTagged

	// What stands for terms in a Patch. No graph that is handed out has them.
	kindVariable
	kindFormula
)

// Term is an IRI, a blank node or a literal. Terms are values: == is term
// equality (RDF 1.1 Concepts §3.3) and a Term can be a map's key. The zero Term
// is no term; [Graph.Match] takes it for "any".
type Term struct {
	kind  Kind
	value string
	tag   string // the datatype of a KindLiteral, the language of a kindTagged
}

// IRITerm returns the term that i names.
func IRITerm(i IRI) Term { return Term{kind: KindIRI, value: string(i)} }

// Blank returns the blank node with a label, written without "_:". The label
// has meaning within one graph only. [Graph.Add] refuses labels that Turtle
// could not write.
func Blank(label string) Term { return Term{kind: KindBlank, value: label} }

// Literal returns a literal of type xsd:string.
func Literal(lexical string) Term { return TypedLiteral(lexical, xsdString) }

// TypedLiteral returns a literal with a datatype. The lexical form is kept as it
// is, whether or not the datatype allows it.
func TypedLiteral(lexical string, datatype IRI) Term {
	return Term{kind: KindLiteral, value: lexical, tag: string(datatype)}
}

// LangLiteral returns a literal in a language, named by a BCP 47 tag, which is
// put in lower case: tags that differ only in case are the same
// (RDF 1.1 Concepts §3.3).
func LangLiteral(lexical, lang string) Term {
	return Term{kind: kindTagged, value: lexical, tag: strings.ToLower(lang)}
}

// Kind returns what t is; zero for the zero Term.
func (t Term) Kind() Kind {
	if t.kind == kindTagged {
		return KindLiteral
	}
	return t.kind
}

// IRI returns the IRI that t is, and whether it is one.
func (t Term) IRI() (IRI, bool) {
	if t.kind != KindIRI {
		return "", false
	}
	return IRI(t.value), true
}

// Value returns the IRI, the label of the blank node without "_:", or the
// lexical form of the literal.
func (t Term) Value() string { return t.value }

// Datatype returns the datatype of a literal, rdf:langString for one with a
// language, and "" for what is no literal.
func (t Term) Datatype() IRI {
	switch t.kind {
	case KindLiteral:
		return IRI(t.tag)
	case kindTagged:
		return rdfLangString
	}
	return ""
}

// Lang returns the language of a literal in lower case, or "".
func (t Term) Lang() string {
	if t.kind != kindTagged {
		return ""
	}
	return t.tag
}

// String returns t as N-Triples writes it, with everything escaped that could
// end it early; "" for the zero Term.
func (t Term) String() string { return string(t.append(nil)) }

func (t Term) append(out []byte) []byte {
	switch t.kind {
	case KindIRI:
		return appendIRI(out, t.value)
	case KindBlank:
		return appendLabel(out, t.value)
	case KindLiteral:
		out = appendQuoted(out, t.value)
		if IRI(t.tag) != xsdString {
			out = appendIRI(append(out, "^^"...), t.tag)
		}
	case kindTagged:
		out = append(append(appendQuoted(out, t.value), '@'), safeTag(t.tag)...)
	}
	return out
}

// valid reports whether RDF and its syntaxes allow t.
func (t Term) valid() bool {
	switch t.kind {
	case KindIRI:
		return checkIRI(t.value) == nil
	case KindBlank:
		return validLabel(t.value)
	case KindLiteral:
		// A language string without a language is none (RDF 1.1 Concepts §3.3).
		return IRI(t.tag) != rdfLangString && checkIRI(t.tag) == nil && utf8.ValidString(t.value)
	case kindTagged:
		return safeTag(t.tag) == t.tag && utf8.ValidString(t.value)
	}
	return false
}

// Triple says that the subject S has, for the property P, the value O.
type Triple struct{ S, P, O Term }

// String returns t as a line of N-Triples, without the line's end.
func (t Triple) String() string {
	out := append(t.S.append(nil), ' ')
	out = append(t.P.append(out), ' ')
	return string(append(t.O.append(out), " ."...))
}

// valid reports whether the terms are sound and may stand where they do.
func (t Triple) valid() bool { return t.placed() && t.S.valid() && t.P.valid() && t.O.valid() }

// placed reports whether the terms may stand where they do, by their kinds
// (RDF 1.1 Concepts §3.1).
func (t Triple) placed() bool {
	return (t.S.kind == KindIRI || t.S.kind == KindBlank) && t.P.kind == KindIRI && t.O.kind != 0
}

func validLabel(label string) bool {
	return label != "" && nameEnd(label, 0, isStart) == len(label)
}

// safeTag returns tag when it is a language tag, else "und", the tag for an
// undetermined language.
func safeTag(tag string) string {
	if tag == "" || langEnd(tag, 0) != len(tag) {
		return "und"
	}
	return tag
}

func appendLabel(out []byte, label string) []byte {
	out = append(out, "_:"...)
	if validLabel(label) {
		return append(out, label...)
	}
	return hex.AppendEncode(append(out, 'x'), []byte(label))
}

func appendIRI(out []byte, iri string) []byte {
	out = append(out, '<')
	for _, r := range iri {
		if r < utf8.RuneSelf && !is(byte(r), classIRI) || 0x7F <= r && r < 0xA0 {
			out = appendEscape(out, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '>')
}

// short holds the one-letter escapes of strings (Turtle §6.5 [159s]).
var short = map[rune]byte{'"': '"', '\\': '\\', '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f'}

func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		letter, escaped := short[r]
		switch {
		case escaped:
			out = append(out, '\\', letter)
		case r < ' ' || 0x7F <= r && r < 0xA0:
			out = appendEscape(out, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}

// appendEscape writes a character below U+0100 as \u00XX.
func appendEscape(out []byte, r rune) []byte {
	return hex.AppendEncode(append(out, `\u00`...), []byte{byte(r)})
}
