package rdf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// scanner walks through a document and reads the tokens that the syntaxes share.
// Each method that reads a token begins at pos and leaves pos behind the token.
type scanner struct {
	src string // valid UTF-8
	pos int
}

// syntaxError is an ErrSyntax or an ErrPatch with its place in the document.
type syntaxError struct {
	line, column int
	message      string
	meaning      error
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.line, e.column, e.message)
}

func (e *syntaxError) Unwrap() error { return e.meaning }

// fail returns the error for what stands at a byte offset and is not well formed.
func (s *scanner) fail(at int, message string) error { return s.place(at, message, ErrSyntax) }

// refuse returns the error for what is well formed and yet not accepted.
func (s *scanner) refuse(at int, message string) error { return s.place(at, message, ErrPatch) }

func (s *scanner) place(at int, message string, meaning error) error {
	before := s.src[:min(at, len(s.src))]
	lineStart := strings.LastIndexByte(before, '\n') + 1
	return &syntaxError{
		line:    strings.Count(before, "\n") + 1,
		column:  utf8.RuneCountInString(before[lineStart:]) + 1,
		message: message,
		meaning: meaning,
	}
}

func (s *scanner) done() bool { return s.pos >= len(s.src) }

// peek returns the byte at pos, or 0 at the end. A zero byte in the document
// looks the same, and no token begins with one.
func (s *scanner) peek() byte { return s.peekAt(0) }

func (s *scanner) peekAt(ahead int) byte {
	if s.pos+ahead >= len(s.src) {
		return 0
	}
	return s.src[s.pos+ahead]
}

// accept steps over c if it comes next.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c || s.done() {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) expect(c byte) error {
	if !s.accept(c) {
		return s.fail(s.pos, "expected '"+string(rune(c))+"'")
	}
	return nil
}

// comment steps over what is left of the line.
func (s *scanner) comment() {
	end := strings.IndexAny(s.src[s.pos:], "\r\n")
	if end < 0 {
		end = len(s.src) - s.pos
	}
	s.pos += end
}

// iriRef reads <...> and returns what is inside, unescaped
// (Turtle §6.5 [18], N-Triples §7 [8]).
func (s *scanner) iriRef() (string, error) {
	if err := s.expect('<'); err != nil {
		return "", err
	}
	start := s.pos
	for c := s.peek(); c != '>'; c = s.peek() {
		if !is(c, classIRI) && c != '\\' && c < utf8.RuneSelf {
			return "", s.fail(s.pos, "character not allowed in an IRI")
		}
		s.pos++
	}
	body := s.src[start:s.pos]
	s.pos++
	text, err := s.unescape(body, start, false)
	if err != nil {
		return "", err
	}
	if i := badIRIByte(text); i >= 0 {
		return "", s.fail(start, "character not allowed in an IRI")
	}
	return text, nil
}

// quoted reads a string that one quote begins and ends and that lies on one line
// (Turtle §6.5 [22], [23], N-Triples §7 [9]).
func (s *scanner) quoted(quote byte) (string, error) {
	start := s.pos + 1
	for i := start; i < len(s.src); i++ {
		switch s.src[i] {
		case quote:
			s.pos = i + 1
			return s.unescape(s.src[start:i], start, true)
		case '\\':
			i++
		case '\n', '\r':
			return "", s.fail(i, "line ends within a string")
		}
	}
	return "", s.fail(s.pos, "string does not end")
}

// longQuoted reads a string between three quotes (Turtle §6.5 [24], [25]).
func (s *scanner) longQuoted(quotes string) (string, error) {
	start := s.pos + len(quotes)
	for i := start; i < len(s.src); i++ {
		switch {
		case s.src[i] == '\\':
			i++
		case s.src[i] == quotes[0] && strings.HasPrefix(s.src[i:], quotes):
			s.pos = i + len(quotes)
			return s.unescape(s.src[start:i], start, true)
		}
	}
	return "", s.fail(s.pos, "string does not end")
}

// blankLabel reads _:label and returns the label (Turtle §6.5 [141s]).
func (s *scanner) blankLabel() (string, error) {
	if s.peekAt(1) != ':' {
		return "", s.fail(s.pos, "expected a blank node label")
	}
	start := s.pos + 2
	end := nameEnd(s.src, start, isStart)
	if end == start {
		return "", s.fail(start, "expected a blank node label")
	}
	s.pos = end
	return s.src[start:end], nil
}

// langTag reads @tag and returns the tag (Turtle §6.5 [144s]).
func (s *scanner) langTag() (string, error) {
	start := s.pos + 1
	end := langEnd(s.src, start)
	if end == start {
		return "", s.fail(start, "expected a language tag")
	}
	s.pos = end
	return s.src[start:end], nil
}

// unescape replaces the escapes in body, which stands at a byte offset. The
// one-letter escapes are for strings only (Turtle §6.4).
func (s *scanner) unescape(body string, at int, letters bool) (string, error) {
	i := strings.IndexByte(body, '\\')
	if i < 0 {
		return body, nil
	}
	var out strings.Builder
	out.Grow(len(body))
	done := 0
	for ; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		r, n := escape(body[i:], letters)
		if n == 0 {
			return "", s.fail(at+i, "unknown escape")
		}
		out.WriteString(body[done:i])
		out.WriteRune(r)
		i += n - 1
		done = i + 1
	}
	out.WriteString(body[done:])
	return out.String(), nil
}

// escape returns the character that the escape at the start of text means and
// the escape's length, which is zero if it is none.
func escape(text string, letters bool) (rune, int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch c := text[1]; {
	case c == 'u':
		return hexRune(text, 6)
	case c == 'U':
		return hexRune(text, 10)
	case letters:
		if i := strings.IndexByte(`tbnrf"'\`, c); i >= 0 {
			return rune("\t\b\n\r\f\"'\\"[i]), 2
		}
	}
	return 0, 0
}

// hexRune reads the digits of \uXXXX (n is 6) or \UXXXXXXXX (n is 10). Surrogates
// are no characters.
func hexRune(text string, n int) (rune, int) {
	if len(text) < n {
		return 0, 0
	}
	var r rune
	for i := 2; i < n; i++ {
		c := text[i]
		if !is(c, classHex) || r > utf8.MaxRune>>4 {
			return 0, 0
		}
		r = r<<4 | rune(c&0xF+c>>6*9)
	}
	if !utf8.ValidRune(r) {
		return 0, 0
	}
	return r, n
}
