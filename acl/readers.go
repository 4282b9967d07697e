package acl

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kith/pod"
	"kith/webid"
)

// posts holds the posts, one container each (protocol §2.1). It is what feeds
// tell of.
var posts, _ = pod.ParsePath("/social/posts/")

// post returns the post that p is or lies in.
func post(p pod.Path) (pod.Path, bool) {
	if !posts.Contains(p) {
		return pod.Path{}, false
	}
	for p.Parent() != posts {
		p = p.Parent()
	}
	return p, p.IsContainer()
}

// readers are the IRIs of the agents and classes that an ACL gives Read.
type readers map[string]struct{}

// census finds who may read what, within one state of the pod.
type census struct {
	g  *Guard
	tx pod.Tx
	// known remembers the readers by document, where they do not depend on the
	// subject.
	known map[censusKey]readers
}

type censusKey struct {
	d       *document
	inherit bool
}

func (g *Guard) census(tx pod.Tx) *census {
	return &census{g: g, tx: tx, known: make(map[censusKey]readers)}
}

// of returns the readers of p, whose own ACL has the ETag tag, or "".
func (c *census) of(p pod.Path, tag string) (readers, error) {
	e, err := effective(c.tx, p, tag)
	if err != nil || e.tag == "" {
		return nil, err
	}
	d, err := c.g.document(c.tx, e.subject, e.tag)
	if err != nil {
		return nil, err
	}
	key := censusKey{d, e.inherit}
	if found, ok := c.known[key]; ok {
		return found, nil
	}
	found := readers{}
	plain := !d.own
	for _, r := range d.rules {
		if !r.modes.Has(Read) || !r.covers(e) {
			continue
		}
		for _, t := range slices.Concat(r.accessTo, r.inherit) {
			plain = plain && t.self
		}
		if err := c.collect(found, r, e.subject); err != nil {
			return nil, err
		}
	}
	if plain {
		c.known[key] = found
	}
	return found, nil
}

// collect adds whom a rule is for.
func (c *census) collect(found readers, r rule, subject pod.Path) error {
	self := strings.TrimSuffix(c.g.scope.iri(subject), "/")
	for _, class := range r.classes {
		ok, err := c.g.mayName(c.tx, class, r, subject)
		if err != nil {
			return err
		}
		if ok {
			found[class] = struct{}{}
		}
	}
	for _, n := range r.agents {
		found[n.in(self)] = struct{}{}
	}
	for _, n := range r.groups {
		members, _, err := c.g.members(c.tx, n.in(self))
		if err != nil {
			return fmt.Errorf("read group: %w", err)
		}
		for _, m := range members {
			found[string(m)] = struct{}{}
		}
	}
	return nil
}

// names reports whether the effective ACL of a resource names a group that is
// p or lies below it.
func (c *census) names(info pod.Info, p pod.Path) (bool, error) {
	e, err := effective(c.tx, info.Path, info.ACLTag)
	if err != nil || e.tag == "" {
		return false, err
	}
	d, err := c.g.document(c.tx, e.subject, e.tag)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(d.groupsOf(c.g.scope, e.subject), func(g pod.Path) bool {
		return g == p || p.Contains(g)
	}), nil
}

// Readers returns who may read p, in order, by IRI: agents, and the classes
// foaf:Agent and acl:AuthenticatedAgent where they count. It is for those with
// Control of p; p need not exist.
func (v *View) Readers(ctx context.Context, p pod.Path) ([]webid.ID, error) {
	var found readers
	err := v.see(ctx, func(j *judge) error {
		m, err := j.underOwn(p.Subject())
		if err != nil {
			return err
		}
		if !m.Has(Control) {
			return j.refusal()
		}
		own, _, err := stat(j.tx, p.Subject().ACL())
		if err == nil {
			found, err = v.g.census(j.tx).of(p.Subject(), own.ETag)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var ids []webid.ID
	for _, id := range slices.Sorted(maps.Keys(found)) {
		ids = append(ids, webid.ID(id))
	}
	return ids, nil
}
