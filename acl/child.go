package acl

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"kith/pod"
)

// mayCreateIn decides on a POST to a container.
func (j *judge) mayCreateIn(container pod.Path, pre pod.Precondition) error {
	if !container.IsContainer() {
		return pod.ErrBadPath
	}
	s, err := j.standing(container)
	if err != nil {
		return err
	}
	need := Append
	if looks(pre) {
		need |= Read
	}
	if err := j.require(s, need); err != nil {
		return err
	}
	a := Answer{Info: s.info}
	if looks(pre) {
		if err := j.list(&a); err != nil {
			return err
		}
	}
	return pre.Check(true, a.Info.ETag, a.Info.Modified)
}

// newChild decides on a POST and names what it makes. Names for agents without
// Control carry a random part, so that none tells what is there already
// (protocol §3.1).
func (j *judge) newChild(container pod.Path, slug string, asContainer bool, pre pod.Precondition) (pod.Path, error) {
	if err := j.mayCreateIn(container, pre); err != nil {
		return pod.Path{}, err
	}
	m, err := j.underOwn(container)
	if err != nil {
		return pod.Path{}, err
	}
	plain, named := child(container, slug, asContainer)
	among := strings.HasPrefix(container.String(), contacts) && !j.agent.Device()
	if among || named && m.Has(Control) && replicated(plain) {
		return plain, ErrReplica
	}
	if named && m.Has(Control) && isProfile(plain) {
		return plain, errors.Join(ErrProtected, j.g.mayLose(plain)) // its body is vetted by PUT only
	}
	if named && m.Has(Control) {
		free, err := j.free(plain)
		if free || err != nil {
			return plain, err
		}
	}
	unique := strings.ToLower(rand.Text())
	if p, ok := child(container, addBeforeExtension(slug, unique), asContainer); named && ok {
		return p, nil
	}
	return container.Child(unique, asContainer)
}

// child returns the member that a slug names, unless it is no name or would be
// an auxiliary (solid-checklist §1.6).
func child(container pod.Path, slug string, asContainer bool) (pod.Path, bool) {
	p, err := container.Child(slug, asContainer)
	return p, err == nil && p == p.Subject() && !strings.HasPrefix(slug, ".")
}

// addBeforeExtension returns "a-unique.txt" for "a.txt".
func addBeforeExtension(slug, unique string) string {
	if dot := strings.LastIndexByte(slug, '.'); dot > 0 {
		return slug[:dot] + "-" + unique + slug[dot:]
	}
	return slug + "-" + unique
}

// free reports whether no member has the name of p, or a twin of it.
func (j *judge) free(p pod.Path) (bool, error) {
	folded := p.FoldedName()
	for c, err := range j.tx.List(p.Parent()) {
		if err != nil {
			return false, fmt.Errorf("list members: %w", err)
		}
		if c.Path.FoldedName() == folded {
			return false, nil
		}
	}
	return true, nil
}
