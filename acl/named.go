package acl

import (
	"fmt"
	"slices"
	"strings"

	"kith/pod"
)

// named are the groups that ACLs name by which posts may be read, when the pod
// stood at a position. There may be more of them than count: what is not among
// them is no group of any post.
type named struct {
	epoch  string
	seq    uint64
	groups map[pod.Path]struct{}
}

// mayBeGroup reports whether an ACL of a post, or one that posts inherit, names
// a document as a group. Who writes other documents waits for no walk through
// the posts. Nothing has been written in the transaction.
func (g *Guard) mayBeGroup(tx pod.Tx, p pod.Path) (bool, error) {
	head := tx.Head()
	g.named.mu.Lock()
	defer g.named.mu.Unlock()
	n := &g.named.last
	stale := n.groups == nil || n.epoch != head.Epoch || n.seq > head.Seq
	var err error
	if !stale {
		stale, err = changesAccess(tx, n.seq)
	}
	if err == nil && stale {
		n.groups, err = g.groupsOfPosts(tx)
	}
	if err != nil {
		n.groups = nil
		return false, err
	}
	n.epoch, n.seq = head.Epoch, head.Seq
	_, ok := n.groups[p]
	return ok, nil
}

// changesAccess reports whether an ACL has been written after a Seq. One that was
// deleted names nobody any more.
func changesAccess(tx pod.Tx, seq uint64) (bool, error) {
	for c, err := range tx.Changes(seq) {
		if err != nil {
			return false, fmt.Errorf("read changes: %w", err)
		}
		if !c.Gone() && c.Path.IsACL() {
			return true, nil
		}
	}
	return false, nil
}

// groupsOfPosts returns the documents of the groups that the ACLs of posts name,
// and those of the containers from which posts may inherit.
func (g *Guard) groupsOfPosts(tx pod.Tx) (map[pod.Path]struct{}, error) {
	subjects := []pod.Path{}
	for c := posts; c != (pod.Path{}); c = c.Parent() {
		subjects = append(subjects, c)
	}
	for info, err := range allPosts(tx) {
		if err != nil {
			return nil, err
		}
		if info.ACLTag != "" {
			subjects = append(subjects, info.Path)
		}
	}
	found := make(map[pod.Path]struct{})
	for _, s := range subjects {
		groups, err := g.groupsIn(tx, s)
		if err != nil {
			return nil, err
		}
		for _, p := range groups {
			found[p] = struct{}{}
		}
	}
	return found, nil
}

// groupsIn returns the documents of the groups that the own ACL of a subject
// names, if it has one.
func (g *Guard) groupsIn(tx pod.Tx, subject pod.Path) ([]pod.Path, error) {
	own, ok, err := stat(tx, subject.ACL())
	if !ok || err != nil {
		return nil, err
	}
	d, err := g.document(tx, subject, own.ETag)
	if err != nil {
		return nil, err
	}
	return d.groupsOf(g.scope, subject), nil
}

// groupsOf returns the documents in the pod of the groups that a document names.
func (d *document) groupsOf(s scope, subject pod.Path) []pod.Path {
	self := strings.TrimSuffix(s.iri(subject), "/")
	var found []pod.Path
	for _, r := range d.rules {
		for _, n := range r.groups {
			p, ok := s.path(withoutFragment(n.in(self)))
			if ok && !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	return found
}
