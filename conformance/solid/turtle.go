package solid

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// graph is a set of triples in the order of the document.
type graph []triple

// triple has terms as N-Triples would write them, but for its IRIs, which stand without brackets, and
// literals, which are what is between the quotes, behind one quote.
type triple struct{ s, p, o string }

const (
	rdfType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	ldpNS   = "http://www.w3.org/ns/ldp#"
	solidNS = "http://www.w3.org/ns/solid/terms#"
	pimNS   = "http://www.w3.org/ns/pim/space#"
	aclNS   = "http://www.w3.org/ns/auth/acl#"
	foafNS  = "http://xmlns.com/foaf/0.1/"
	vcardNS = "http://www.w3.org/2006/vcard/ns#"
	statNS  = "http://www.w3.org/ns/posix/stat#"
	termsNS = "http://purl.org/dc/terms/"
	notify  = "http://www.w3.org/ns/solid/notifications#"
)

// objects returns the objects of the triples with that subject and predicate; "" matches any subject.
func (g graph) objects(s, p string) []string {
	var found []string
	for _, t := range g {
		if (s == "" || t.s == s) && t.p == p {
			found = append(found, t.o)
		}
	}
	return found
}

// subjects returns the subjects of the triples with that predicate and object.
func (g graph) subjects(p, o string) []string {
	var found []string
	for _, t := range g {
		if t.p == p && t.o == o {
			found = append(found, t.s)
		}
	}
	return found
}

func (g graph) has(s, p, o string) bool {
	for _, t := range g {
		if t == (triple{s, p, o}) {
			return true
		}
	}
	return false
}

// errTurtle says that a text is not the Turtle that this reader knows.
var errTurtle = errors.New("not Turtle")

// parseTurtle reads Turtle (without collections' members) with relative IRIs against base.
func parseTurtle(text, base string) (g graph, err error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("read Turtle: %w", err)
	}
	p := &turtle{rest: text, base: u, prefixes: map[string]string{}}
	for p.err == nil && p.peek() != "" {
		p.statement()
	}
	if p.err != nil {
		return nil, fmt.Errorf("read Turtle: %w", p.err)
	}
	return p.graph, nil
}

// turtle reads one document. After an error it reads nothing more.
type turtle struct {
	rest     string
	token    string // the next token, if it has been looked at
	base     *url.URL
	prefixes map[string]string
	graph    graph
	blanks   int
	err      error
}

func (p *turtle) fail(why string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s before %.40q", errTurtle, why, p.rest)
	}
}

func (p *turtle) peek() string {
	if p.token == "" && p.err == nil {
		p.token = p.scan()
	}
	return p.token
}

func (p *turtle) next() string {
	t := p.peek()
	p.token = ""
	return t
}

func (p *turtle) want(token string) {
	if got := p.next(); got != token {
		p.fail(fmt.Sprintf("%q where %q should be", got, token))
	}
}

// scan cuts one token off: an IRI with its brackets, a literal with its quotes, punctuation, or a word.
func (p *turtle) scan() string {
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\r\n")
		if !strings.HasPrefix(p.rest, "#") {
			break
		}
		_, p.rest, _ = strings.Cut(p.rest, "\n")
	}
	switch {
	case p.rest == "":
		return ""
	case p.rest[0] == '<':
		return p.cut(strings.IndexByte(p.rest, '>') + 1)
	case p.rest[0] == '"' || p.rest[0] == '\'':
		return p.cut(literalEnd(p.rest))
	case strings.HasPrefix(p.rest, "^^"):
		return p.cut(2)
	case strings.ContainsRune(".;,[](){}", rune(p.rest[0])):
		return p.cut(1)
	}
	end := strings.IndexAny(p.rest, " \t\r\n;,[](){}<\"'^")
	if end < 0 {
		end = len(p.rest)
	}
	for end > 1 && p.rest[end-1] == '.' {
		end--
	}
	return p.cut(end)
}

func (p *turtle) cut(n int) string {
	if n <= 0 {
		p.fail("a token without its end")
		return ""
	}
	t := p.rest[:n]
	p.rest = p.rest[n:]
	return t
}

// literalEnd returns where a quoted literal ends, 0 if it does not.
func literalEnd(text string) int {
	quote := text[:1]
	if strings.HasPrefix(text, strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for i := len(quote); i < len(text); i++ {
		if text[i] == '\\' {
			i++
		} else if strings.HasPrefix(text[i:], quote) {
			return i + len(quote)
		}
	}
	return 0
}

func (p *turtle) statement() {
	switch word := p.peek(); strings.ToLower(word) {
	case "@prefix", "prefix":
		p.next()
		name := p.next()
		p.prefixes[name] = p.iri(p.next())
		p.endDirective(word)
	case "@base", "base":
		p.next()
		u, err := url.Parse(p.iri(p.next()))
		if err != nil {
			p.fail("a base that is no IRI")
			return
		}
		p.base = u
		p.endDirective(word)
	default:
		s := p.term()
		if p.peek() != "." {
			p.properties(s)
		}
		p.want(".")
	}
}

func (p *turtle) endDirective(word string) {
	if word[0] == '@' {
		p.want(".")
	}
}

func (p *turtle) properties(s string) {
	for p.err == nil {
		predicate := p.next()
		if predicate == "a" {
			predicate = rdfType
		} else {
			predicate = p.iri(predicate)
		}
		for {
			p.graph = append(p.graph, triple{s, predicate, p.term()})
			if p.peek() != "," || p.err != nil {
				break
			}
			p.next()
		}
		for p.peek() == ";" {
			p.next()
		}
		if t := p.peek(); t == "." || t == "]" || t == "" {
			return
		}
	}
}

// term reads a subject or an object.
func (p *turtle) term() string {
	t := p.next()
	switch {
	case t == "":
		p.fail("the end")
		return ""
	case t == "[":
		p.blanks++
		s := "_:[" + strconv.Itoa(p.blanks)
		if p.peek() != "]" {
			p.properties(s)
		}
		p.want("]")
		return s
	case t == "(":
		for p.peek() != ")" && p.err == nil {
			p.term()
		}
		p.next()
		return "_:list"
	case t[0] == '"' || t[0] == '\'':
		return p.literal(t)
	case t == "true" || t == "false" || strings.ContainsRune("+-0123456789", rune(t[0])):
		return `"` + t
	case strings.HasPrefix(t, "_:"):
		return t
	}
	return p.iri(t)
}

func (p *turtle) literal(t string) string {
	if p.peek() == "^^" {
		p.next()
		p.iri(p.next())
	} else if strings.HasPrefix(p.peek(), "@") {
		p.next()
	}
	n := 1
	if strings.HasPrefix(t, strings.Repeat(t[:1], 3)) && len(t) >= 6 {
		n = 3
	}
	return `"` + unescape(t[n:len(t)-n])
}

func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	plain, err := strconv.Unquote(`"` + strings.NewReplacer(`\\`, `\\`, `\"`, `\"`, `\'`, `'`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`)
	if err != nil {
		return text
	}
	return plain
}

func (p *turtle) iri(t string) string {
	if strings.HasPrefix(t, "<") {
		ref, err := url.Parse(strings.Trim(t, "<>"))
		if err != nil {
			p.fail("an IRI that is none: " + t)
			return ""
		}
		if ref.IsAbs() {
			return strings.Trim(t, "<>")
		}
		full := p.base.ResolveReference(ref).String()
		if strings.HasSuffix(t, "#>") {
			full += "#" // an empty fragment, which net/url leaves out
		}
		return full
	}
	prefix, local, ok := strings.Cut(t, ":")
	space, known := p.prefixes[prefix+":"]
	if !ok || !known {
		p.fail("an unknown name " + t)
		return ""
	}
	return space + strings.ReplaceAll(local, `\`, "")
}
