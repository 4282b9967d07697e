package dav

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/webdav"

	"kith/pod"
	"kith/webid"
)

const (
	maxLocks   = 512 // of one pod
	maxSharing = 16  // locks of one name, all of which are told of for each member of a container
)

// scope is a name, and all that lies in it if it is deep.
type scope struct {
	root string // such as "/box/file"
	deep bool
}

func (s scope) covers(name string) bool { return s.root == name || s.deep && inside(name, s.root) }
func (s scope) meets(other scope) bool  { return s.covers(other.root) || other.covers(s.root) }

// write is what a call changes.
type write struct {
	scope
	member bool // the container gets one member more or fewer
}

// lock is a write lock.
type lock struct {
	scope
	shared  bool   // others may have shared ones beside it
	depth   string // that was asked for, also of what nothing can lie in
	href    string // the root as a path of the address
	token   string
	owner   string     // XML of whoever made it
	creator []webid.ID // who alone may use the token (RFC 4918 §6.4)
	ends    time.Time
}

// table holds the locks of a pod. A name has those that cover it: one that is exclusive, or
// some that are shared.
type table struct {
	now    func() time.Time
	mu     sync.Mutex
	locks  []*lock           // in the order they were made
	claims map[*call][]write // what calls under way change
}

func newTable(now func() time.Time) *table {
	return &table{now: now, claims: map[*call][]write{}}
}

// on returns the locks of a name. The table is locked.
func (t *table) on(name string) (all []*lock) {
	now := t.now()
	for _, l := range t.locks {
		if l.covers(name) && now.Before(l.ends) {
			all = append(all, l)
		}
	}
	return all
}

// of returns copies of the locks of a name.
func (t *table) of(name string) (all []lock) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.on(name) {
		all = append(all, *l)
	}
	return all
}

// roots returns the names of a scope by which the locks of all its names are known: its own root,
// and those of the locks that lie in it. The table is locked.
func (t *table) roots(s scope) []string {
	all := []string{s.root}
	for _, l := range t.locks {
		if s.deep && inside(l.root, s.root) {
			all = append(all, l.root)
		}
	}
	return all
}

// against refuses to let a call write a name whose locks it holds none of, and, if it is a deep write,
// what lies in the name: of the locks of the name only deep ones are about that. The table is locked.
func (t *table) against(c *call, name string, deep bool) error {
	all := t.on(name)
	if far := slices.DeleteFunc(slices.Clone(all), func(l *lock) bool { return !l.deep }); deep && len(far) > 0 {
		all = far
	}
	if len(all) == 0 || slices.ContainsFunc(all, c.holds) { // one of those that are shared is enough (RFC 4918 §6.2)
		return nil
	}
	return c.stopped(all[0])
}

// busy refuses what another call under way is about. The table is locked.
func (t *table) busy(c *call, w write) error {
	for other, writes := range t.claims {
		if other != c && slices.ContainsFunc(writes, func(o write) bool { return o.meets(w.scope) }) {
			return webdav.ErrLocked
		}
	}
	return nil
}

// member refuses one member more or fewer in a container whose locks the call holds none of
// (RFC 4918 §7.4). The table is locked.
func (t *table) member(c *call, w write) error {
	if !w.member {
		return nil
	}
	return t.against(c, parent(w.root), false)
}

// free refuses a write that a lock is against, or that another call is about. The table is locked.
func (t *table) free(c *call, w write) error {
	for _, name := range t.roots(w.scope) {
		if err := t.against(c, name, w.deep); err != nil {
			return err
		}
	}
	if err := t.member(c, w); err != nil {
		return err
	}
	return t.busy(c, w)
}

// claim keeps others from what a call is to change until it is released.
func (t *table) claim(c *call, writes []write) (release func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range writes {
		if err := t.free(c, w); err != nil {
			return nil, err
		}
	}
	t.claims[c] = writes
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.claims, c)
	}, nil
}

// compatible refuses a lock beside those that there are, also if their tokens are known, unless all
// of them are shared (RFC 4918 §9.10.5). The table is locked.
func (t *table) compatible(c *call, l lock, member bool) error {
	for _, other := range t.locks {
		if other.meets(l.scope) && !(other.shared && l.shared) {
			return c.stopped(other)
		}
	}
	w := write{l.scope, member}
	if err := t.member(c, w); err != nil {
		return err
	}
	return t.busy(c, w)
}

// add makes a lock, for which its container gets a member if so is said.
func (t *table) add(c *call, l lock, member bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.locks = slices.DeleteFunc(t.locks, func(l *lock) bool { return !now.Before(l.ends) })
	if err := t.compatible(c, l, member); err != nil {
		return err
	}
	if len(t.locks) >= maxLocks {
		return fmt.Errorf("keep more than %d locks: %w", maxLocks, pod.ErrFull)
	}
	if slices.ContainsFunc(t.roots(l.scope), func(name string) bool { return len(t.on(name)) >= maxSharing }) {
		return fmt.Errorf("keep more than %d locks of one name: %w", maxSharing, pod.ErrFull)
	}
	t.locks = append(t.locks, &l)
	return nil
}

// refresh makes the lock of a token that the call's name has last until a time, and returns it.
func (t *table) refresh(c *call, token string, until time.Time) (lock, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, err := t.own(c, token)
	if err != nil {
		return lock{}, err
	}
	l.ends = until
	return *l, nil
}

// remove ends the lock of a token that the call's name has; others stay.
func (t *table) remove(c *call, token string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, err := t.own(c, token)
	if err == nil {
		t.locks = slices.DeleteFunc(t.locks, func(other *lock) bool { return other == l })
	}
	return err
}

// own returns the lock of a token that the call's name has, if whoever asks made it. The table is locked.
func (t *table) own(c *call, token string) (*lock, error) {
	for _, l := range t.on(c.from) {
		switch {
		case l.token != token:
		case !c.made(l):
			return nil, webdav.ErrForbidden
		default:
			return l, nil
		}
	}
	return nil, webdav.ErrNoSuchLock
}

// drop ends the locks of what was removed (RFC 4918 §6.1), but for the root if something is to take its place.
func (t *table) drop(root string, keepRoot bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.locks = slices.DeleteFunc(t.locks, func(l *lock) bool { return inside(l.root, root) || l.root == root && !keepRoot })
}
