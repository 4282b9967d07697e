package acl

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kith/internal/rdf"
	"kith/pod"
	"kith/webid"
)

// maxDocument bounds ACL documents and group documents, in bytes.
const maxDocument = 256 << 10

var limits = rdf.Limits{Bytes: maxDocument, Triples: 20_000, Depth: 8}

const (
	aclNS      = "http://www.w3.org/ns/auth/acl#"
	typeTurtle = "text/turtle"
)

var (
	rdfType       = rdf.IRITerm("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
	authorization = rdf.IRITerm(aclNS + "Authorization")
	aclAccessTo   = rdf.IRITerm(aclNS + "accessTo")
	aclDefault    = rdf.IRITerm(aclNS + "default")
	aclAgent      = rdf.IRITerm(aclNS + "agent")
	aclAgentClass = rdf.IRITerm(aclNS + "agentClass")
	aclAgentGroup = rdf.IRITerm(aclNS + "agentGroup")
	aclMode       = rdf.IRITerm(aclNS + "mode")
	aclOrigin     = rdf.IRITerm(aclNS + "origin")
	hasMember     = rdf.IRITerm("http://www.w3.org/2006/vcard/ns#hasMember")
)

var modeIRIs = map[rdf.Term]Modes{
	rdf.IRITerm(aclNS + "Read"):    Read,
	rdf.IRITerm(aclNS + "Append"):  Append,
	rdf.IRITerm(aclNS + "Write"):   Write,
	rdf.IRITerm(aclNS + "Control"): Control,
}

// document is one parsed ACL document: the rules of it that count. The zero
// document grants nothing.
type document struct {
	rules []rule
	own   bool // some rule means another agent or class at another subject
}

// rule is one authorization (WAC §authorization-rule).
type rule struct {
	modes    Modes
	accessTo []target
	inherit  []target // acl:default
	agents   []name
	groups   []name
	classes  []string
	origins  []string
}

// name is an IRI, or, with own set, what stands behind the subject's own IRI.
type name struct {
	own bool
	iri string
}

// in returns the IRI that n is for a subject; subject is its IRI without a
// trailing slash.
func (n name) in(subject string) string {
	if n.own {
		return subject + n.iri
	}
	return n.iri
}

// target is what a rule is about: the subject itself, or a resource by its path.
type target struct {
	self bool
	path pod.Path
}

// scope resolves the references of ACL documents. It gives each subject a
// stand-in name that no document can know, so that documents with equal bytes
// below one container parse to one document, and what they say of "./" is told
// apart from what they say of a resource by its name.
type scope struct {
	base    string // of the pod, with trailing slash
	standIn string // one path segment
}

// place returns the base IRI of the ACL document of a subject, and the prefix
// of that IRI which stands for the subject, "" for the root.
func (s scope) place(subject pod.Path) (base rdf.IRI, self string) {
	if subject.IsRoot() {
		return rdf.IRI(s.iri(subject.ACL())), ""
	}
	self = s.iri(subject.Parent()) + s.standIn
	if subject.IsContainer() {
		return rdf.IRI(self + "/.acl"), self
	}
	return rdf.IRI(self + ".acl"), self
}

// iri returns the IRI of a path.
func (s scope) iri(p pod.Path) string {
	return s.base + strings.TrimPrefix(p.Escaped(), "/")
}

// path returns the path that an IRI names in this pod.
func (s scope) path(iri string) (pod.Path, bool) {
	rest, ok := strings.CutPrefix(iri, s.base)
	if !ok || strings.ContainsAny(rest, "?#") {
		return pod.Path{}, false
	}
	p, err := pod.ParsePath("/" + rest)
	return p, err == nil
}

// parse reads the ACL document of a subject. ErrMalformed when it does not parse.
func (s scope) parse(text io.Reader, subject pod.Path) (*document, error) {
	base, self := s.place(subject)
	g, err := rdf.Decode(text, rdf.Turtle, base, limits)
	if errors.Is(err, rdf.ErrSyntax) || errors.Is(err, rdf.ErrTooLarge) {
		return nil, fmt.Errorf("parse ACL: %w: %w", ErrMalformed, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read ACL: %w", err)
	}
	d := &document{}
	for _, t := range g.Subjects(rdfType, authorization) {
		r := s.rule(g, t, self, subject.IsContainer())
		if r.counts() {
			d.rules = append(d.rules, r)
			d.own = d.own || r.own()
		}
	}
	return d, nil
}

func (s scope) rule(g *rdf.Graph, t rdf.Term, self string, container bool) rule {
	r := rule{
		accessTo: s.targets(g.Objects(t, aclAccessTo), self, container),
		inherit:  s.targets(g.Objects(t, aclDefault), self, container),
		agents:   names(g.Objects(t, aclAgent), self),
		groups:   names(g.Objects(t, aclAgentGroup), self),
	}
	for _, m := range g.Objects(t, aclMode) {
		r.modes |= modeIRIs[m]
	}
	for _, c := range g.Objects(t, aclAgentClass) {
		if c.Value() == everybody || c.Value() == authenticated {
			r.classes = append(r.classes, c.Value())
		}
	}
	for _, o := range g.Objects(t, aclOrigin) {
		r.origins = append(r.origins, o.Value())
	}
	return r
}

// names keeps the IRIs among terms.
func names(terms []rdf.Term, self string) []name {
	var out []name
	for _, t := range terms {
		iri, ok := t.IRI()
		if !ok {
			continue
		}
		rest, own := strings.CutPrefix(string(iri), self)
		if own && self != "" {
			out = append(out, name{own: true, iri: rest})
		} else {
			out = append(out, name{iri: string(iri)})
		}
	}
	return out
}

// targets keeps the paths of this pod among terms.
func (s scope) targets(terms []rdf.Term, self string, container bool) []target {
	var out []target
	for _, n := range names(terms, self) {
		if n.own {
			if container && n.iri == "/" {
				out = append(out, target{self: true})
			}
			continue
		}
		if p, ok := s.path(n.iri); ok {
			out = append(out, target{path: p})
		}
	}
	return out
}

// counts reports whether r has object, mode and subject (WAC §authorization-conformance).
func (r rule) counts() bool {
	return r.modes != 0 && len(r.accessTo)+len(r.inherit) > 0 &&
		len(r.agents)+len(r.groups)+len(r.classes) > 0
}

// own reports whether whom r is for depends on the subject's name.
func (r rule) own() bool {
	own := func(n name) bool { return n.own }
	return len(r.classes) > 0 || slices.ContainsFunc(r.agents, own) || slices.ContainsFunc(r.groups, own)
}

// covers reports whether the object of r is what an effective ACL is asked for.
// accessTo is never inherited, default never covers the container itself.
func (r rule) covers(e effect) bool {
	targets := r.accessTo
	if e.inherit {
		targets = r.inherit
	}
	return slices.ContainsFunc(targets, func(t target) bool { return t.self || t.path == e.subject })
}

// group is one parsed group document: the members of each group in it, by IRI.
type group map[string][]webid.ID

// groupSyntax returns the syntax of p, of a media type, if it may be a group
// document: any graph but what has the fixed shape of a contact or a post.
func groupSyntax(p pod.Path, typ string) (rdf.Syntax, bool) {
	syntax, ok := rdf.SyntaxOf(typ)
	return syntax, ok && (syntax != rdf.JSONLD || !shaped(p))
}

// parseGroup reads a group document that lies at base.
func parseGroup(text io.Reader, syntax rdf.Syntax, base string) (group, error) {
	g, err := rdf.Decode(text, syntax, rdf.IRI(base), limits)
	if errors.Is(err, rdf.ErrSyntax) || errors.Is(err, rdf.ErrTooLarge) || errors.Is(err, rdf.ErrContext) {
		return nil, fmt.Errorf("parse group: %w: %w", ErrMalformed, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read group: %w", err)
	}
	members := group{}
	for t := range g.Match(rdf.Term{}, hasMember, rdf.Term{}) {
		name, ok := t.S.IRI()
		member, also := t.O.IRI()
		if ok && also {
			members[string(name)] = append(members[string(name)], webid.ID(member))
		}
	}
	return members, nil
}
