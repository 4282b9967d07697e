package pod

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxPath    = 2048 // bytes, decoded
	maxDepth   = 32   // segments
	maxSegment = 255 - len(reserved) - len("type.") - len(metaSuffix)
	reserved   = ".kith-" // begins the names that stores keep for themselves; all of ".kith" is refused
	aclSuffix  = ".acl"
	metaSuffix = ".meta"
)

// Path names a resource or a container of a pod. Paths are comparable, and two
// are equal exactly when they name the same resource. The zero Path names
// nothing and is refused everywhere.
type Path struct{ s string } // decoded: "/", "/a b/", "/a b/c"

// Root is the container that holds everything.
var Root = Path{"/"}

// ParsePath reads the escaped path of a URL within a pod: "/" is the root,
// "/a/b%20c" a resource, "/a/" a container.
//
// There is one spelling for each resource. Anything else is ErrBadPath: dot
// segments and empty ones (also encoded), encoded slashes, backslashes, control
// characters, text that is not UTF-8 in Unicode's normal form C, names that a
// folder on another system cannot hold (a trailing dot or space, the devices
// of Windows), more than 239 bytes in a segment, 32 segments, or 2048 bytes.
// ErrReserved: names that begin with ".kith", auxiliaries of auxiliaries,
// containers named like auxiliaries, and twins of auxiliary names ("a.ACL").
func ParsePath(escaped string) (Path, error) {
	if len(escaped) > 3*maxPath {
		return Path{}, fmt.Errorf("parse path of %d bytes: %w", len(escaped), ErrBadPath)
	}
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return Path{}, fmt.Errorf("parse path without a slash in front: %w", ErrBadPath)
	}
	p := Root
	for rest != "" {
		segment, tail, container := strings.Cut(rest, "/")
		name, err := unescape(segment)
		if err != nil {
			return Path{}, fmt.Errorf("parse path: %w", err)
		}
		if p, err = p.Child(name, container); err != nil {
			return Path{}, fmt.Errorf("parse path: %w", err)
		}
		rest = tail
	}
	return p, nil
}

// String returns the decoded path: "/a/b c".
func (p Path) String() string { return p.s }

// Escaped returns the path percent-encoded in the one canonical way, for use in
// URLs: all but unreserved characters, sub-delims, ":" and "@" is encoded.
// // RFC 3986 §3.3
func (p Path) Escaped() string {
	var b strings.Builder
	for i := range len(p.s) {
		if c := p.s[i]; c == '/' || isPchar(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// IsContainer reports whether p names a container.
func (p Path) IsContainer() bool { return strings.HasSuffix(p.s, "/") }

// IsRoot reports whether p is the root container.
func (p Path) IsRoot() bool { return p == Root }

// IsACL reports whether p names the ACL resource of its Subject.
func (p Path) IsACL() bool { return strings.HasSuffix(p.s, aclSuffix) }

// IsMeta reports whether p names the description of its Subject.
func (p Path) IsMeta() bool { return strings.HasSuffix(p.s, metaSuffix) }

// Parent returns the container of p; the zero Path for the root.
func (p Path) Parent() Path {
	s := strings.TrimSuffix(p.s, "/")
	return Path{s[:strings.LastIndexByte(s, '/')+1]}
}

// Name returns the last segment, decoded and without a slash; "" for the root.
func (p Path) Name() string {
	s := strings.TrimSuffix(p.s, "/")
	return s[strings.LastIndexByte(s, '/')+1:]
}

// Child returns the path of a child of the container p. The name is decoded;
// what ParsePath refuses, Child refuses.
func (p Path) Child(name string, container bool) (Path, error) {
	if !p.IsContainer() {
		return Path{}, fmt.Errorf("child of what is no container: %w", ErrBadPath)
	}
	if err := checkName(name, container); err != nil {
		return Path{}, err
	}
	s := p.s + name
	if container {
		s += "/"
	}
	if len(s) > maxPath || strings.Count(p.s, "/") > maxDepth {
		return Path{}, fmt.Errorf("path of %d bytes is too long or too deep: %w", len(s), ErrBadPath)
	}
	return Path{s}, nil
}

// ACL returns the path of the ACL resource of p, which is no auxiliary itself.
func (p Path) ACL() Path { return Path{p.s + aclSuffix} }

// Meta returns the path of the description of p, which is no auxiliary itself.
func (p Path) Meta() Path { return Path{p.s + metaSuffix} }

// Subject returns what an auxiliary is about, and p itself for anything else.
func (p Path) Subject() Path {
	s, _ := cutAuxiliary(p.s)
	return Path{s}
}

// Contains reports whether q lies below the container p, at any depth. Nothing
// contains itself.
func (p Path) Contains(q Path) bool {
	return p.IsContainer() && len(q.s) > len(p.s) && strings.HasPrefix(q.s, p.s)
}

// FoldedName returns Name with its case and compatibility forms folded and
// invisible characters dropped. Two siblings with equal FoldedNames are twins,
// of which no pod creates the second.
func (p Path) FoldedName() string { return fold(p.Name()) }

func fold(s string) string {
	if isPlain(s) {
		return strings.ToLower(s)
	}
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) {
			return -1
		}
		return r
	}, s)
	var b strings.Builder
	for _, r := range norm.NFKD.String(visible) {
		b.WriteString(foldRune(r))
	}
	return norm.NFKC.String(b.String())
}

// foldRune is the full case folding of Unicode (§3.13) of a rune that is decomposed. golang.org/x/text/cases would bring
// 200 KB of languages along.
func foldRune(r rune) string {
	switch r {
	case 'ß', 'ẞ':
		return "ss"
	case 'ı': // has I as its capital, but folds to itself
		return "ı"
	case '\u0345': // the iota below a letter
		return "ι"
	}
	return string(unicode.ToLower(unicode.ToUpper(r)))
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// checkName decides whether a decoded segment may name a resource.
func checkName(name string, container bool) error {
	subject, aux := cutAuxiliary(name)
	folded, foldedSubject := fold(name), fold(subject)
	switch {
	case folded == "" || folded == "." || folded == "..":
		return fmt.Errorf("a segment is empty or dots: %w", ErrBadPath)
	case len(subject) > maxSegment:
		return fmt.Errorf("a segment has %d bytes: %w", len(name), ErrBadPath)
	case !isPlain(name) && (!utf8.ValidString(name) || !norm.NFC.IsNormalString(name)):
		return fmt.Errorf("a segment is not UTF-8 in normal form C: %w", ErrBadPath)
	case strings.ContainsFunc(name, isForbidden):
		return fmt.Errorf("a segment holds a character that no name may: %w", ErrBadPath)
	case endsBadly(name) || endsBadly(subject) || isDevice(foldedSubject):
		return fmt.Errorf("a segment is no name on every system: %w", ErrBadPath)
	case strings.HasPrefix(folded, ".kith"):
		return fmt.Errorf("a segment begins with .kith: %w", ErrReserved)
	case aux && container:
		return fmt.Errorf("a container is named like an auxiliary: %w", ErrReserved)
	case isAuxiliary(foldedSubject) || !aux && isAuxiliary(folded):
		return fmt.Errorf("a segment is too like the name of an auxiliary: %w", ErrReserved)
	}
	return nil
}

// cutAuxiliary takes one suffix of an auxiliary off a name or path.
func cutAuxiliary(s string) (subject string, found bool) {
	if subject, found = strings.CutSuffix(s, aclSuffix); found {
		return subject, true
	}
	return strings.CutSuffix(s, metaSuffix)
}

func endsBadly(name string) bool {
	return strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ")
}

func isAuxiliary(folded string) bool {
	return strings.HasSuffix(folded, aclSuffix) || strings.HasSuffix(folded, metaSuffix)
}

func isForbidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f || r == '/' || r == '\\'
	}
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp)
}

// isDevice reports whether Windows would take the folded name for one of its
// devices, whatever its extension.
func isDevice(folded string) bool {
	stem, _, _ := strings.Cut(folded, ".")
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	port, ok := strings.CutPrefix(stem, "com")
	if !ok {
		port, ok = strings.CutPrefix(stem, "lpt")
	}
	return ok && len(port) == 1 && port[0] >= '0' && port[0] <= '9'
}

// unescape decodes one segment of a URL path. Characters that a URL carries
// only encoded are refused when they come raw, but text beyond ASCII is not: an
// IRI carries it raw. // RFC 3986 §3.3, RFC 3987 §2.2
func unescape(segment string) (string, error) {
	var b strings.Builder
	b.Grow(len(segment))
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		switch {
		case c == '%':
			if i+2 >= len(segment) || !isHex(segment[i+1]) || !isHex(segment[i+2]) {
				return "", fmt.Errorf("broken percent-encoding: %w", ErrBadPath)
			}
			c = unhex(segment[i+1])<<4 | unhex(segment[i+2])
			i += 2
		case !isPchar(c) && c != '[' && c != ']' && c < utf8.RuneSelf:
			return "", fmt.Errorf("raw %q: %w", c, ErrBadPath)
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

func isPchar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
