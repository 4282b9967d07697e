package rdf

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// IRI is an absolute IRI, compared character by character (RDF 1.1 Concepts
// §3.2). [NewIRI] and [Resolve] make checked ones; a conversion from a constant
// is checked when its term enters a [Graph].
type IRI string

// The words of RDF and XML Schema that the syntaxes themselves use.
const (
	rdfNS         = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	rdfType       = IRI(rdfNS + "type")
	rdfFirst      = IRI(rdfNS + "first")
	rdfRest       = IRI(rdfNS + "rest")
	rdfNil        = IRI(rdfNS + "nil")
	rdfLangString = IRI(rdfNS + "langString")

	xsdNS      = "http://www.w3.org/2001/XMLSchema#"
	xsdString  = IRI(xsdNS + "string")
	xsdBoolean = IRI(xsdNS + "boolean")
	xsdInteger = IRI(xsdNS + "integer")
	xsdDecimal = IRI(xsdNS + "decimal")
	xsdDouble  = IRI(xsdNS + "double")
)

// NewIRI returns s as an IRI. It must begin with a scheme and be free of spaces,
// control characters and <>"{}|\^` (RFC 3987 §2.2); otherwise the error is
// ErrSyntax.
func NewIRI(s string) (IRI, error) {
	if err := checkIRI(s); err != nil {
		return "", fmt.Errorf("check IRI: %w", err)
	}
	return IRI(s), nil
}

// Resolve returns the IRI that ref means where base is the base IRI, by the
// strict rules of RFC 3986 §5.2. The errors of [NewIRI] apply to what it is
// given and to what comes out.
//
// Dot segments are removed from an absolute ref also. Decode does not do that:
// an absolute IRI in a document is kept as written (Turtle §6.3).
func Resolve(base IRI, ref string) (IRI, error) {
	if err := checkIRI(string(base)); err != nil {
		return "", fmt.Errorf("resolve against base: %w", err)
	}
	if i := badIRIByte(ref); i >= 0 {
		return "", fmt.Errorf("resolve reference: %w at byte %d", errIRIChar, i)
	}
	return resolve(split(string(base)), split(ref))
}

var (
	errIRIChar   = fmt.Errorf("%w: character not allowed in an IRI", ErrSyntax)
	errIRIScheme = fmt.Errorf("%w: IRI without a scheme", ErrSyntax)
	errIRIPath   = fmt.Errorf("%w: reference resolves to a path that reads as a host", ErrSyntax)
)

func checkIRI(s string) error {
	if schemeEnd(s) < 0 {
		return errIRIScheme
	}
	if i := badIRIByte(s); i >= 0 {
		return fmt.Errorf("%w at byte %d", errIRIChar, i)
	}
	return nil
}

// badIRIByte returns where s has a character that no IRI may hold, or -1.
// Controls U+0080 to U+009F count as such, as does what is not UTF-8.
func badIRIByte(s string) int {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
			if c == 0xC2 && i+1 < len(s) && s[i+1] < 0xA0 {
				return i
			}
		case !is(c, classIRI):
			return i
		}
	}
	if ascii || utf8.ValidString(s) {
		return -1
	}
	return invalidUTF8(s)
}

// invalidUTF8 returns where s first fails to be UTF-8.
func invalidUTF8(s string) int {
	for i, r := range s {
		if _, n := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
			return i
		}
	}
	return len(s)
}

// schemeEnd returns where the colon after the scheme of s is, or -1
// (RFC 3986 §3.1).
func schemeEnd(s string) int {
	if s == "" || !is(s[0], classAlpha) {
		return -1
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':':
			return i
		case !is(c, classAlpha|classDigit) && c != '+' && c != '-' && c != '.':
			return -1
		}
	}
	return -1
}

// reference is an IRI reference in its five parts, each with its delimiter
// ("http:", "//host", "/path", "?query", "#fragment") and empty when undefined.
type reference struct {
	scheme, authority, path, query, fragment string
}

// split takes s apart (RFC 3986 §3 and appendix B).
func split(s string) (r reference) {
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s, r.fragment = s[:i], s[i:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, r.query = s[:i], s[i:]
	}
	if i := schemeEnd(s); i >= 0 {
		r.scheme, s = s[:i+1], s[i+1:]
	}
	if strings.HasPrefix(s, "//") {
		end := len(s)
		if i := strings.IndexByte(s[2:], '/'); i >= 0 {
			end = i + 2
		}
		r.authority, s = s[:end], s[end:]
	}
	r.path = s
	return r
}

// resolve is RFC 3986 §5.2.2 for parts that hold only allowed characters.
func resolve(base, ref reference) (IRI, error) {
	out := ref
	switch {
	case ref.scheme != "":
		out.path = removeDots(ref.path)
	case ref.authority != "":
		out.scheme = base.scheme
		out.path = removeDots(ref.path)
	default:
		out.scheme, out.authority = base.scheme, base.authority
		out.path, out.query = resolvePath(base, ref)
	}
	if out.authority == "" && strings.HasPrefix(out.path, "//") {
		return "", errIRIPath // RFC 3986 §3.3
	}
	return IRI(out.scheme + out.authority + out.path + out.query + out.fragment), nil
}

func resolvePath(base, ref reference) (path, query string) {
	switch {
	case ref.path == "" && ref.query == "":
		return base.path, base.query
	case ref.path == "":
		return base.path, ref.query
	case ref.path[0] == '/':
		return removeDots(ref.path), ref.query
	}
	return removeDots(merge(base, ref.path)), ref.query
}

// merge is RFC 3986 §5.2.3.
func merge(base reference, path string) string {
	if base.authority != "" && base.path == "" {
		return "/" + path
	}
	return base.path[:strings.LastIndexByte(base.path, '/')+1] + path
}

// removeDots is RFC 3986 §5.2.4.
func removeDots(path string) string {
	if !strings.Contains(path, "/.") && !strings.HasPrefix(path, ".") {
		return path
	}
	out := make([]byte, 0, len(path))
	for path != "" {
		segment := firstSegment(path)
		path = path[len(segment):]
		switch segment {
		case ".", "..":
			// A relative path's leading dots go with the slash that follows.
			path = strings.TrimPrefix(path, "/")
		case "/.":
			path = slashAtEnd(path)
		case "/..":
			path = slashAtEnd(path)
			out = out[:max(0, bytes.LastIndexByte(out, '/'))]
		default:
			out = append(out, segment...)
		}
	}
	return string(out)
}

// firstSegment returns the first segment of path with the slash before it.
func firstSegment(path string) string {
	if i := strings.IndexByte(path[1:], '/'); i >= 0 {
		return path[:i+1]
	}
	return path
}

// slashAtEnd keeps the final slash of a path that ended in a dot segment.
func slashAtEnd(rest string) string {
	if rest == "" {
		return "/"
	}
	return rest
}
