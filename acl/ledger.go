package acl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"kith/pod"
	"kith/webid"
)

// ledger remembers the versions of all that feeds tell of, so that nobody who
// asks for a feed pays for reading them all. It is filled when it is first
// needed, and then follows the pod.
type ledger struct {
	mu    sync.Mutex
	read  uint64 // Seq up to which it knows the pod
	posts map[pod.Path]map[pod.Path]entry
	paths map[string]pod.Path // by handle, since a tombstone has no path
	marks map[string][]mark   // by handle: those that the store has
}

// entry is a resource in a post, or a container with an ACL of its own.
type entry struct {
	id      string
	device  deviceTag
	counter uint64
	seq     uint64
	own     bool // it has an ACL of its own
}

// mark is a trace that tells of a post to some.
type mark struct {
	seq     uint64
	gone    bool // a tombstone
	device  deviceTag
	counter uint64
	readers []string
}

// follow takes in what has changed. Its caller holds the lock.
func (l *ledger) follow(tx pod.Tx) error {
	head := tx.Head()
	if l.posts == nil {
		l.posts, l.paths, l.marks = map[pod.Path]map[pod.Path]entry{}, map[string]pod.Path{}, map[string][]mark{}
	}
	for c, err := range tx.Changes(l.read) {
		if err != nil {
			return fmt.Errorf("read changes: %w", err)
		}
		l.take(c)
	}
	l.read = head.Seq
	for id := range l.marks { // the store has forgotten these, whether or not it has changed
		l.forget(id, func(m mark) bool { return m.seq <= head.Floor })
	}
	return nil
}

func (l *ledger) forget(id string, which func(mark) bool) {
	if l.marks[id] = slices.DeleteFunc(l.marks[id], which); len(l.marks[id]) == 0 {
		delete(l.marks, id)
	}
}

// take takes one row in.
func (l *ledger) take(c pod.Change) {
	cause := c.Version
	if isMark(c) {
		cause = c.By
	}
	if len(c.Readers) > 0 {
		l.mark(c.ID, mark{c.Seq, !isMark(c), tagOf(cause.Device), cause.Counter, c.Readers})
	}
	switch {
	case isMark(c):
	case c.Gone():
		l.drop(c.ID)
	default:
		l.forget(c.ID, func(m mark) bool { return m.gone }) // the handle lives again
		l.put(c)
	}
}

// mark takes a trace in as the store does: a reader stands in the newest one of a handle only.
func (l *ledger) mark(id string, newest mark) {
	for i, m := range l.marks[id] {
		if !m.gone {
			l.marks[id][i].readers = slices.DeleteFunc(slices.Clone(m.readers), func(r string) bool { return slices.Contains(newest.readers, r) })
		}
	}
	l.marks[id] = append(l.marks[id], newest)
}

func (l *ledger) put(c pod.Change) {
	in, ok := post(c.Path)
	own := c.ACLTag != ""
	if !ok || c.Path == in || c.Path.Subject() != c.Path {
		return
	}
	if old, known := l.posts[in][c.Path]; known {
		delete(l.paths, old.id)
	}
	if l.posts[in] == nil {
		l.posts[in] = map[pod.Path]entry{}
	}
	e := entry{id: c.ID, seq: c.Seq, own: own}
	if !c.Path.IsContainer() {
		e.device, e.counter = tagOf(c.Version.Device), c.Version.Counter
	}
	l.posts[in][c.Path], l.paths[c.ID] = e, c.Path
}

func (l *ledger) drop(id string) {
	p, ok := l.paths[id]
	if !ok {
		return
	}
	delete(l.paths, id)
	in, _ := post(p)
	if delete(l.posts[in], p); len(l.posts[in]) == 0 {
		delete(l.posts, in)
	}
}

// contents returns the resources of a post, and whether an ACL in it narrows or
// widens what the post's own says.
func (l *ledger) contents(tx pod.Tx, in pod.Path) (all map[pod.Path]entry, mixed bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.follow(tx); err != nil {
		return nil, false, err
	}
	for _, e := range l.posts[in] {
		mixed = mixed || e.own
	}
	return maps.Clone(l.posts[in]), mixed, nil
}

// files tells each version in a post of what the agent, who may read the post, may
// read, and the Seq at which it changed last.
func (j *judge) files(in pod.Info, each func(d deviceTag, counter, seq uint64)) error {
	all, mixed, err := j.g.ledger.contents(j.tx, in.Path)
	if err != nil {
		return err
	}
	for p, e := range all {
		if e.counter == 0 {
			continue
		}
		if mixed {
			m, err := j.underOwn(p)
			if err != nil {
				return err
			}
			if !m.Has(Read) {
				continue
			}
		}
		each(e.device, e.counter, e.seq)
	}
	return nil
}

// traces tells each version of what took a post, or a part of one, from the agent or
// gave it one, and its Seq.
func (j *judge) traces(each func(d deviceTag, counter, seq uint64)) error {
	l := &j.g.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.follow(j.tx); err != nil {
		return err
	}
	for _, all := range l.marks {
		for _, m := range all {
			if concerns(m.readers, j.agent) {
				each(m.device, m.counter, m.seq)
			}
		}
	}
	return nil
}

// forgetReaders drops the marks of the deleted posts with a name, and returns
// their handles. Nothing has been written in the transaction.
func (l *ledger) forgetReaders(tx pod.Tx, name string) (ids []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.follow(tx); err != nil {
		return nil, err
	}
	for id, all := range l.marks {
		dead := slices.ContainsFunc(all, func(m mark) bool {
			named, _ := nameIn(m.readers)
			return m.gone && named == name
		})
		if dead {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		delete(l.marks, id)
	}
	return ids, nil
}

// concerns reports whether any mark is for an agent.
func concerns(all []string, a webid.Agent) bool {
	signs := []byte{signLost, signWon, signErased, signChanged}
	return slices.ContainsFunc(signs, func(sign byte) bool { return meant(all, sign, a) })
}

// nameIn returns the name by which feeds tell of a post, from marks that have it.
func nameIn(marks []string) (id string, ok bool) {
	for _, m := range marks {
		if id, ok := strings.CutPrefix(m, string(signName)); ok {
			return id, true
		}
	}
	return "", false
}
