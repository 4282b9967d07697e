package acl

import (
	"bytes"
	"context"
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
	if _, there, err := stat(tx, e.subject.ACL()); err != nil || !there { // whoever it lets in when it is back
		return g.privateACL(p), err
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

// shield is the ACL with which a new resource is the owner's alone. The zero shield is none.
type shield struct {
	g      *Guard
	p      pod.Path
	staged pod.Staged // nil where the resource is there, or would be shared with nobody
}

// shield returns what a View of [View.Alone] makes p with; for others, and for what goes with a subject, nothing.
func (v *View) shield(ctx context.Context, p pod.Path) (s shield, err error) {
	if !v.alone || p.Subject() != p {
		return shield{}, nil
	}
	s = shield{g: v.g, p: p}
	var text []byte
	err = v.g.store.View(ctx, func(tx pod.Tx) error {
		if _, there, err := stat(tx, p); err != nil || there {
			return err
		}
		text, err = v.g.Private(tx, p)
		return err
	})
	if err == nil && text != nil {
		s.staged, err = v.g.store.Stage(ctx, bytes.NewReader(text), pod.StageOptions{Max: int64(len(text)), Type: typeTurtle})
	}
	return s, err
}

// put makes the ACL of a resource that was just made. The error is pod.ErrUnsettled where its container was shared, or what was there went, meanwhile.
func (s shield) put(tx pod.WriteTx) error {
	if s.g == nil {
		return nil
	}
	text, err := s.g.Private(tx, s.p)
	if err != nil || text == nil {
		return err
	}
	if s.staged == nil {
		return fmt.Errorf("make what is shared from this moment on: %w", pod.ErrUnsettled)
	}
	_, err = s.g.put(tx, s.p.ACL(), typeTurtle, s.staged, pod.PutOptions{})
	return err
}

func (s shield) discard() error {
	if s.staged == nil {
		return nil
	}
	return s.staged.Discard()
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
