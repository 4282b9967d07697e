package dav

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/webdav"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

const (
	maxLock  = 3600                  // seconds that a lock lasts unless it is refreshed: the program that made it may be gone
	maxLocks = 512                   // of one pod
	always   = "(Not <DAV:no-lock>)" // an If header that always holds (RFC 4918 §10.4.8)
)

// bounded returns the Timeout header for a lock that ends (RFC 4918 §10.7).
func bounded(timeout string) string {
	first, _, _ := strings.Cut(timeout, ",")
	text, _ := strings.CutPrefix(strings.TrimSpace(first), "Second-")
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && n > 0 && n <= maxLock {
		return fmt.Sprint("Second-", n)
	}
	return fmt.Sprint("Second-", maxLock)
}

// newToken returns a URI that no other lock ever has (RFC 4918 §6.5, appendix C).
func newToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("opaquelocktoken:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

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

// lock is an exclusive write lock.
type lock struct {
	scope
	href    string // the root as a path of the address
	token   string
	owner   string     // XML of whoever made it
	creator []webid.ID // who alone may use the token (RFC 4918 §6.4)
	ends    time.Time
}

// table holds the locks of a pod. As they are exclusive, a name has one at most: its own, or
// that of something in which it lies.
type table struct {
	now    func() time.Time
	mu     sync.Mutex
	locks  map[string]*lock  // by their roots
	claims map[*call][]write // what calls under way change
}

func newTable(now func() time.Time) *table {
	return &table{now: now, locks: map[string]*lock{}, claims: map[*call][]write{}}
}

// at returns the lock of a name. The table is locked.
func (t *table) at(name string) *lock {
	now := t.now()
	for root := name; ; root = parent(root) {
		if l := t.locks[root]; l != nil && l.covers(name) && now.Before(l.ends) {
			return l
		}
		if root == "/" {
			return nil
		}
	}
}

// of returns a copy of the lock of a name.
func (t *table) of(name string) (l lock, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := t.at(name); found != nil {
		return *found, true
	}
	return lock{}, false
}

// free refuses a write that a lock is against, or that another call is about. One that is to be a lock
// itself is refused also by those whose tokens are known. The table is locked.
func (t *table) free(c *call, w write, locks bool) error {
	maps.DeleteFunc(t.locks, func(_ string, l *lock) bool { return !t.now().Before(l.ends) })
	for _, l := range t.locks {
		held := c.holds(l)
		if l.meets(w.scope) && (locks || !held) || w.member && !held && l.root == parent(w.root) { // RFC 4918 §7.4
			c.blocker = l.href
			return webdav.ErrLocked
		}
	}
	for other, writes := range t.claims {
		if other != c && slices.ContainsFunc(writes, func(o write) bool { return o.meets(w.scope) }) {
			return webdav.ErrLocked
		}
	}
	return nil
}

// claim keeps others from what a call is to change until it is released.
func (t *table) claim(c *call, writes []write) (release func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range writes {
		if err := t.free(c, w, false); err != nil {
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

// add makes a lock.
func (t *table) add(c *call, w write, l lock) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.free(c, w, true); err != nil {
		return err
	}
	if len(t.locks) >= maxLocks {
		return fmt.Errorf("keep more than %d locks: %w", maxLocks, pod.ErrFull)
	}
	t.locks[l.root] = &l
	return nil
}

// use calls act with the lock that the call's name has, if that has the token.
func (t *table) use(c *call, token string, act func(*lock)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.at(c.from)
	if l == nil || l.token != token {
		return webdav.ErrNoSuchLock
	}
	if !c.made(l) {
		return webdav.ErrForbidden
	}
	act(l)
	return nil
}

// drop ends the locks of what was removed (RFC 4918 §6.1), but for the root if something is to take its place.
func (t *table) drop(root string, keepRoot bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.locks, func(name string, _ *lock) bool { return inside(name, root) || name == root && !keepRoot })
}

// made reports whether a lock is that of the agent who asks, by whatever app password.
func (c *call) made(l *lock) bool { return slices.ContainsFunc(l.creator, c.view.Agent().Has) }

// holds reports whether the call may write in spite of a lock: its token stands anywhere in the
// If header (RFC 4918 §7.5, §10.4.1).
func (c *call) holds(l *lock) bool {
	return strings.Contains(c.condition, "<"+l.token+">") && c.made(l)
}

// writes returns what the call changes.
func (c *call) writes(ctx context.Context) []write {
	switch c.method {
	case "COPY":
		return []write{c.write(ctx, c.to, true)}
	case "MOVE":
		return []write{c.write(ctx, c.from, true), c.write(ctx, c.to, true)}
	}
	return []write{c.write(ctx, c.from, c.method == http.MethodDelete)} // of which no member is left (RFC 4918 §9.6.1)
}

func (c *call) write(ctx context.Context, name string, deep bool) write {
	_, err := c.find(ctx, name)
	return write{scope{name, deep}, err != nil || c.method == http.MethodDelete || c.method == "MOVE"}
}

// locks are the Handler's, as the webdav package uses them in one call.
type locks struct {
	*call
	ctx context.Context // of the call
}

// Create implements webdav.LockSystem.
func (c locks) Create(_ time.Time, d webdav.LockDetails) (string, error) {
	if len(c.owner) > maxOwner {
		return "", c.refuse(fmt.Errorf("keep who locks: %w", pod.ErrTooLarge))
	}
	container, err := c.lockable(c.ctx)
	if err != nil {
		return "", c.refuse(err)
	}
	w := c.write(c.ctx, c.from, !d.ZeroDepth)
	l := lock{
		scope: w.scope, href: c.drive.href(c.from, container), token: newToken(),
		owner: c.owner, creator: c.view.Agent().IDs(), ends: c.drive.locks.now().Add(d.Duration),
	}
	if err := c.drive.locks.add(c.call, w, l); err != nil {
		return "", c.refuse(err)
	}
	c.told = c.lockInfo(l)
	return l.token, nil
}

// lockable refuses a lock to whoever may not write what it is for, and reports whether that is a container.
func (c *call) lockable(ctx context.Context) (container bool, err error) {
	info, err := c.find(ctx, c.from)
	if err == nil && info.Path.IsContainer() {
		return true, c.view.MayCreate(ctx, info.Path, pod.Precondition{})
	}
	p, err := at(c.from, false)
	if err != nil {
		return false, err
	}
	return false, c.view.MayPut(ctx, p, pod.Precondition{})
}

// Refresh implements webdav.LockSystem. What it returns is told in another way.
func (c locks) Refresh(_ time.Time, token string, d time.Duration) (webdav.LockDetails, error) {
	err := c.drive.locks.use(c.call, token, func(l *lock) {
		l.ends = c.drive.locks.now().Add(d)
		c.told = c.lockInfo(*l)
	})
	if err == webdav.ErrForbidden {
		_ = c.refuse(acl.ErrForbidden) // with whose status the call is answered
	}
	return webdav.LockDetails{}, err
}

// Unlock implements webdav.LockSystem.
func (c locks) Unlock(_ time.Time, token string) error {
	return c.drive.locks.use(c.call, token, func(l *lock) { delete(c.drive.locks.locks, l.root) })
}

// Confirm implements webdav.LockSystem: it evaluates one list of the If header, which is about
// name or, by default, about what the call asks for (RFC 4918 §10.4), and claims what the call changes.
func (c locks) Confirm(_ time.Time, name, _ string, conditions ...webdav.Condition) (func(), error) {
	if name == "" { // of a COPY
		name = c.from
	}
	name = clean(name)
	for _, condition := range conditions {
		if c.is(name, condition) == condition.Not {
			return nil, webdav.ErrConfirmationFailed
		}
	}
	release, err := c.drive.locks.claim(c.call, c.writes(c.ctx))
	if err != nil {
		_ = c.refuse(err) // with whose status the call is answered
		return nil, webdav.ErrConfirmationFailed
	}
	return release, nil
}

// is reports whether a name has the lock or the entity tag of a condition.
func (c locks) is(name string, condition webdav.Condition) bool {
	if condition.ETag != "" {
		info, err := c.find(c.ctx, name)
		return err == nil && info.ETag == condition.ETag
	}
	l, ok := c.drive.locks.of(name)
	return ok && l.token == condition.Token
}
