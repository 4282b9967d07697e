package acl

import (
	"fmt"
	"slices"
	"strings"

	"kith/pod"
	"kith/webid"
)

// Private returns the ACL document with which a new resource at p is the
// owner's alone, or nil where it would inherit rights for nobody else: what a
// hand puts into the folder is shared by its owner, not by where it lies
// (protocol §3.4).
func (g *Guard) Private(tx pod.Tx, p pod.Path) ([]byte, error) {
	e, err := effective(tx, p, "")
	if err != nil || e.tag == "" {
		return nil, err
	}
	d, err := g.document(tx, e.subject, e.tag)
	if err != nil {
		return nil, err
	}
	shared := func(r rule) bool { return r.covers(e) && !g.ownersOnly(r, e.subject) }
	if !slices.ContainsFunc(d.rules, shared) {
		return nil, nil
	}
	return g.privateACL(p), nil
}

// ownersOnly reports whether a rule is for the owner and nobody else.
func (g *Guard) ownersOnly(r rule, subject pod.Path) bool {
	self := strings.TrimSuffix(g.scope.iri(subject), "/")
	other := func(n name) bool { return webid.ID(n.in(self)) != g.config.Owner }
	return len(r.classes) == 0 && len(r.groups) == 0 && !slices.ContainsFunc(r.agents, other)
}

func (g *Guard) privateACL(p pod.Path) []byte {
	owner := string(g.config.Owner)
	if rest, ok := strings.CutPrefix(owner, g.config.Base); ok { // relative, so that the pod can move
		owner = strings.Repeat("../", strings.Count(p.ACL().Parent().String(), "/")-1) + rest
	}
	target := "./" + strings.TrimPrefix(pod.Path.Escaped(p), p.Parent().Escaped())
	inherit := ""
	if p.IsContainer() {
		target, inherit = "./", " acl:default <./>;"
	}
	return fmt.Appendf(nil, `@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <%s>;
  acl:accessTo <%s>;%s
  acl:mode acl:Read, acl:Write, acl:Control.
`, owner, target, inherit)
}
