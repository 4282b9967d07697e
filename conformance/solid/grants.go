package solid

import (
	"fmt"
	"net/http"
	"strings"
)

// grant is one authorization: on what, to whom, which modes.
type grant struct {
	on      string // accessTo or default
	subject string // bob, public, authenticated, or "predicate <IRI>" as Turtle has it
	modes   string // letters of R, W, A, C
}

// modeNames are the modes by their letters.
var modeNames = map[rune]string{'R': "acl:Read", 'W': "acl:Write", 'A': "acl:Append", 'C': "acl:Control"}

// rule writes a grant on a resource as an authorization (WAC §authorization-rule).
func (s *suite) rule(n int, resource string, g grant) string {
	subject := g.subject
	switch g.subject {
	case "alice":
		subject = "acl:agent <" + s.alice.WebID + ">"
	case "bob":
		subject = "acl:agent <" + s.bob.WebID + ">"
	case "public":
		subject = "acl:agentClass foaf:Agent"
	case "authenticated":
		subject = "acl:agentClass acl:AuthenticatedAgent"
	}
	var modes []string
	for _, letter := range g.modes {
		modes = append(modes, modeNames[letter])
	}
	return fmt.Sprintf("<#rule%d> a acl:Authorization; acl:%s <%s>; %s; acl:mode %s.\n", n, g.on, resource, subject, strings.Join(modes, ", "))
}

const aclPrefixes = "@prefix acl: <http://www.w3.org/ns/auth/acl#>.\n@prefix foaf: <http://xmlns.com/foaf/0.1/>.\n"

// aclText writes an ACL resource for a resource in which Alice may do all, and others what is granted.
func (s *suite) aclText(resource string, grants ...grant) string {
	all := []grant{{"accessTo", "alice", "RWC"}}
	if strings.HasSuffix(resource, "/") {
		all = append(all, grant{"default", "alice", "RWC"})
	}
	var b strings.Builder
	b.WriteString(aclPrefixes)
	for i, g := range append(all, grants...) {
		b.WriteString(s.rule(i, resource, g))
	}
	return b.String()
}

// allow gives a resource an ACL of its own.
func (t *trial) allow(resource string, grants ...grant) *reply {
	return t.send(t.alice, http.MethodPut, t.aux(resource, "acl"), turtleText(t.aclText(resource, grants...))).ok()
}

// group makes a resource with a group of those agents, and returns the group's IRI.
func (t *trial) group(path string, members ...string) string {
	iri := t.at(path) + "#group"
	text := "<#group> a <" + vcardNS + "Group>.\n"
	for _, m := range members {
		text += "<#group> <" + vcardNS + "hasMember> <" + m + ">.\n"
	}
	t.put(path, turtleText(text))
	return iri
}
