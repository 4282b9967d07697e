package acl

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"kith/pod"
	"kith/webid"
)

// The signs that begin a mark; the IRI of a reader follows (see the package
// comment).
const (
	signLost    = '-' // may no longer read the post
	signWon     = '+' // may read the post
	signErased  = '!' // could read the post when it was deleted
	signChanged = '~' // could read what was deleted in the post
	signName    = '=' // the name by which feeds tell of the post, instead of a reader
)

// withName adds the name of a post to marks, so that what happened to it can be
// told when its path is forgotten. No marks stay none.
func withName(p pod.Path, marks []string) []string {
	if len(marks) == 0 {
		return nil
	}
	return append(marks, string(signName)+postID(p.Name()))
}

func marks(sign byte, who readers) []string {
	var out []string
	for _, iri := range slices.Sorted(maps.Keys(who)) {
		out = append(out, string(sign)+iri)
	}
	return out
}

// meant reports whether a mark with the sign is for an agent.
func meant(all []string, sign byte, a webid.Agent) bool {
	return slices.ContainsFunc(all, func(m string) bool {
		if m == "" || m[0] != sign {
			return false
		}
		return ofClass(a, m[1:]) || a.Has(webid.ID(m[1:]))
	})
}

// lacking returns who is in a and not in b.
func lacking(a, b readers) readers {
	out := readers{}
	for iri := range a {
		if _, ok := b[iri]; !ok {
			out[iri] = struct{}{}
		}
	}
	return out
}

// marked does act, a write or a deletion of p, and marks on each post who won
// or lost it by that. typ is the media type that p gets, if any.
func (g *Guard) marked(tx pod.WriteTx, p pod.Path, typ string, act func() error) error {
	reach, err := g.reach(tx, p, typ)
	if err != nil {
		return err
	}
	if reach == nil {
		return act()
	}
	before, err := g.audiences(tx, reach)
	if err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	after, err := g.audiences(tx, reach)
	if err != nil {
		return err
	}
	for _, path := range slices.SortedFunc(maps.Keys(after), byName) {
		lost, won := lacking(before[path], after[path]), lacking(after[path], before[path])
		if len(lost)+len(won) == 0 {
			continue
		}
		if err := tx.Touch(path, withName(path, append(marks(signLost, lost), marks(signWon, won)...))); err != nil {
			return fmt.Errorf("mark change of access: %w", err)
		}
	}
	return nil
}

// reach yields the posts to which a write of p can give other readers.
type reach func(c *census) iter.Seq2[pod.Info, error]

// reach returns nil where there are none.
func (g *Guard) reach(tx pod.Tx, p pod.Path, typ string) (reach, error) {
	subject := p.Subject()
	switch _, inPost := post(subject); {
	case p.IsMeta():
		return nil, nil
	case p == setting || p.IsContainer() && p.Contains(setting):
		return among((*census).classed), nil
	case p.IsACL() && inPost:
		return only(subject), nil
	case p.IsACL() && (subject == posts || subject.Contains(posts)):
		return among(func(_ *census, i pod.Info) (bool, error) { return i.ACLTag == "", nil }), nil
	case p.IsACL():
		return nil, nil
	}
	old, _, err := stat(tx, p)
	if err != nil {
		return nil, err
	}
	// A group is a graph, or one lies in the container that is deleted.
	_, becomes := groupSyntax(p, typ)
	_, group := groupSyntax(p, old.Type)
	if p.IsContainer() {
		group, err = holdsGroup(tx, p)
	} else if group = group || becomes; group {
		group, err = g.mayBeGroup(tx, p)
	}
	if !group || err != nil {
		return nil, err
	}
	return among(func(c *census, i pod.Info) (bool, error) { return c.names(i, p) }), nil
}

// holdsGroup reports whether what may be a group document lies below a container.
func holdsGroup(tx pod.Tx, container pod.Path) (bool, error) {
	for c, err := range tx.List(container) {
		if err != nil {
			return false, fmt.Errorf("list members: %w", err)
		}
		_, found := groupSyntax(c.Path, c.Type)
		if c.Path.IsContainer() {
			if found, err = holdsGroup(tx, c.Path); err != nil {
				return false, err
			}
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

// only reaches p if it is a post; what lies in a post has no events of its own.
func only(p pod.Path) reach {
	return func(c *census) iter.Seq2[pod.Info, error] {
		return func(yield func(pod.Info, error) bool) {
			info, ok, err := stat(c.tx, p)
			if err != nil || ok && p.Parent() == posts && p.IsContainer() {
				yield(info, err)
			}
		}
	}
}

// among reaches the posts that keep accepts.
func among(keep func(*census, pod.Info) (bool, error)) reach {
	return func(c *census) iter.Seq2[pod.Info, error] {
		return func(yield func(pod.Info, error) bool) {
			for info, err := range allPosts(c.tx) {
				ok := false
				if err == nil {
					ok, err = keep(c, info)
				}
				if (ok || err != nil) && !yield(info, err) || err != nil {
					return
				}
			}
		}
	}
}

// audiences returns the readers of the posts in reach.
func (g *Guard) audiences(tx pod.Tx, r reach) (map[pod.Path]readers, error) {
	out := make(map[pod.Path]readers)
	c := g.census(tx)
	for info, err := range r(c) {
		if err != nil {
			return nil, err
		}
		if out[info.Path], err = c.of(info.Path, info.ACLTag); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// allPosts yields the posts by name.
func allPosts(tx pod.Tx) iter.Seq2[pod.Info, error] {
	return func(yield func(pod.Info, error) bool) {
		if _, ok, err := stat(tx, posts); err != nil || !ok {
			if err != nil {
				yield(pod.Info{}, err)
			}
			return
		}
		for info, err := range tx.List(posts) {
			if (err != nil || info.Path.IsContainer()) && !yield(info, err) {
				return
			}
		}
	}
}

func byName(a, b pod.Path) int {
	return strings.Compare(a.String(), b.String())
}

// remove deletes p, and with tree all below it. What is told of it in feeds is
// kept with the traces: posts keep their last readers.
func (g *Guard) remove(tx pod.WriteTx, p pod.Path, version pod.Version, tree bool) error {
	if p == pod.Root.ACL() {
		return ErrLockout
	}
	if p.Parent() == deleted {
		if err := g.received(tx, p.Name()); err != nil {
			return err
		}
	}
	if tree && p.IsContainer() && (p == posts || p.Contains(posts)) {
		if err := g.removePosts(tx, version); err != nil {
			return err
		}
	}
	return g.marked(tx, p, "", func() error { return g.erase(tx, p, version, tree) })
}

// deleted holds, by the names under which feeds tell of posts, whom the owner has asked
// to drop their copies of one. A device of the owner deletes such a record when all of
// them have said that they did (docs/protocol.md, Receipts).
var deleted, _ = pod.ParsePath("/social/deleted/")

// received forgets who could read a post that is gone: it has been told to all
// of them.
func (g *Guard) received(tx pod.WriteTx, name string) error {
	ids, err := g.ledger.forgetReaders(tx, name)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := tx.Forget(id); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guard) removePosts(tx pod.WriteTx, version pod.Version) error {
	var all []pod.Path
	for info, err := range allPosts(tx) {
		if err != nil {
			return err
		}
		all = append(all, info.Path)
	}
	for _, p := range all {
		if err := g.erase(tx, p, version, true); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guard) erase(tx pod.WriteTx, p pod.Path, version pod.Version, tree bool) error {
	if err := g.mourn(tx, p); err != nil {
		return err
	}
	in, inPost := post(p)
	if !inPost || p.Subject() != p {
		return drop(tx, p, pod.DeleteOptions{Version: version}, tree)
	}
	info, err := tx.Stat(p)
	if err != nil {
		return err
	}
	who, err := g.census(tx).of(p, info.ACLTag)
	if err != nil {
		return err
	}
	if p == in {
		return drop(tx, p, pod.DeleteOptions{Version: version, Readers: withName(p, marks(signErased, who))}, tree)
	}
	if err := drop(tx, p, pod.DeleteOptions{Version: version}, tree); err != nil {
		return err
	}
	if err := tx.Touch(in, withName(in, marks(signChanged, who))); err != nil { // after what causes it
		return fmt.Errorf("mark change of post: %w", err)
	}
	return nil
}

// drop deletes p alone, or with tree all below it too.
func drop(tx pod.WriteTx, p pod.Path, o pod.DeleteOptions, tree bool) error {
	if tree && p.IsContainer() {
		return tx.DeleteTree(p, o)
	}
	return tx.Delete(p, o)
}
