package dav

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/webdav"

	"kith/acl"
	"kith/pod"
)

const (
	maxLock  = 3600 // seconds that a lock lasts unless it is refreshed: the program that made it may be gone
	infinity = "infinity"
	always   = "(Not <DAV:no-lock>)" // an If header that always holds (RFC 4918 §10.4.8)
)

// bounded returns how long a lock lasts for which a Timeout header asks (RFC 4918 §10.7).
func bounded(timeout string) time.Duration {
	first, _, _ := strings.Cut(timeout, ",")
	text, _ := strings.CutPrefix(strings.TrimSpace(first), "Second-")
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && n > 0 && n <= maxLock {
		return time.Duration(n) * time.Second
	}
	return maxLock * time.Second
}

// depthOf reads the Depth header of a LOCK (RFC 4918 §9.10.3).
func depthOf(header string) (string, error) {
	switch {
	case header == "0":
		return "0", nil
	case header == "" || strings.EqualFold(header, infinity):
		return infinity, nil
	}
	return "", fmt.Errorf("lock to a depth that is neither: %w", errXML)
}

// newToken returns a URI that no other lock ever has (RFC 4918 §6.5, appendix C).
func newToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("opaquelocktoken:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// made reports whether a lock is that of the agent who asks, by whatever app password.
func (c *call) made(l *lock) bool { return slices.ContainsFunc(l.creator, c.view.Agent().Has) }

// submits reports whether a token stands anywhere in the If header (RFC 4918 §7.5, §10.4.1).
func (c *call) submits(token string) bool { return strings.Contains(c.condition, "<"+token+">") }

// holds reports whether the call may write in spite of a lock.
func (c *call) holds(l *lock) bool { return c.submits(l.token) && c.made(l) }

// stopped remembers which lock is in the way.
func (c *call) stopped(l *lock) error {
	c.blocker = l.href
	return webdav.ErrLocked
}

// lock answers LOCK (RFC 4918 §9.10): it makes the lock that a body describes, or refreshes one.
func (c *call) lock(out *answer, r *http.Request, text []byte) {
	var l lock
	var err error
	status := http.StatusOK
	if len(text) == 0 {
		l, err = c.refresh(bounded(r.Header.Get("Timeout")))
	} else {
		l, status, err = c.newLock(r.Context(), r.Header, text)
	}
	if errors.Is(err, webdav.ErrNoSuchLock) { // RFC 4918 §9.10.6
		out.explain(http.StatusPreconditionFailed, "<D:lock-token-matches-request-uri/>")
		return
	}
	if err != nil {
		out.fail(err)
		return
	}
	if len(text) > 0 {
		out.Header().Set("Lock-Token", "<"+l.token+">")
	}
	out.Header().Set("Content-Type", `application/xml; charset="utf-8"`)
	out.WriteHeader(status)
	_, _ = io.WriteString(out, c.lockInfo(l)) // whoever asked is gone if this fails
}

// refresh refreshes the one lock whose token stands in the If header (RFC 4918 §9.10.2).
func (c *call) refresh(lasts time.Duration) (lock, error) {
	var tokens []string
	for _, l := range c.drive.locks.of(c.from) {
		if c.submits(l.token) {
			tokens = append(tokens, l.token)
		}
	}
	if c.condition == "" || len(tokens) > 1 {
		return lock{}, fmt.Errorf("refresh %d locks: %w", len(tokens), errXML)
	}
	return c.drive.locks.refresh(c, strings.Join(tokens, ""), c.drive.locks.now().Add(lasts))
}

// newLock makes a lock, and an empty resource where there is none (RFC 4918 §7.3).
func (c *call) newLock(ctx context.Context, h http.Header, text []byte) (l lock, status int, err error) {
	if l, err = described(text); err != nil {
		return lock{}, 0, err
	}
	if l.depth, err = depthOf(h.Get("Depth")); err != nil {
		return lock{}, 0, err
	}
	p, exists, err := c.lockable(ctx)
	if err != nil {
		return lock{}, 0, err
	}
	l.scope, l.href, l.token = scope{c.from, l.depth == infinity && p.IsContainer()}, c.drive.href(c.from, p.IsContainer()), newToken()
	l.creator, l.ends = c.view.Agent().IDs(), c.drive.locks.now().Add(bounded(h.Get("Timeout")))
	if err := c.drive.locks.add(c, l, !exists); err != nil || exists {
		return l, http.StatusOK, err
	}
	_, _, err = c.view.Put(ctx, p, pod.TypeByName(p.Name()), bytes.NewReader(nil), pod.Precondition{IfNoneMatch: []string{"*"}})
	if err != nil {
		return lock{}, 0, errors.Join(err, c.drive.locks.remove(c, l.token))
	}
	return l, http.StatusCreated, nil
}

// lockable refuses a lock to whoever may not write what it is for, and returns what that is, or will be.
func (c *call) lockable(ctx context.Context) (p pod.Path, exists bool, err error) {
	info, err := c.find(ctx, c.from)
	switch {
	case err == nil && info.Path.IsContainer():
		return info.Path, true, c.view.MayCreate(ctx, info.Path, pod.Precondition{})
	case err == nil:
		return info.Path, true, c.view.MayPut(ctx, info.Path, pod.Precondition{})
	case !errors.Is(err, errNotExist):
		return pod.Path{}, false, err
	}
	if p, err = at(c.from, false); err != nil {
		return pod.Path{}, false, err
	}
	if err := c.above(ctx, p); errors.Is(err, errNotExist) { // RFC 4918 §9.10.6
		return pod.Path{}, false, fmt.Errorf("lock in no container: %w", pod.ErrConflict)
	} else if err != nil {
		return pod.Path{}, false, err
	}
	return p, false, c.view.MayPut(ctx, p, pod.Precondition{})
}

// unlock answers UNLOCK (RFC 4918 §9.11), which is asked of anything that the lock covers.
func (c *call) unlock(out *answer, r *http.Request) {
	token, opened := strings.CutPrefix(r.Header.Get("Lock-Token"), "<")
	token, closed := strings.CutSuffix(token, ">")
	if !opened || !closed {
		out.fail(fmt.Errorf("unlock without a token: %w", errXML))
		return
	}
	err := c.drive.locks.remove(c, token)
	switch {
	case errors.Is(err, webdav.ErrNoSuchLock): // RFC 4918 §9.11.1
		out.explain(http.StatusConflict, "<D:lock-token-matches-request-uri/>")
	case err != nil:
		out.fail(err)
	default:
		out.WriteHeader(http.StatusNoContent)
	}
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

// write returns what is known of a name that the call changes, with all that lies in it if deep.
func (c *call) write(ctx context.Context, name string, deep bool) write {
	info, err := c.find(ctx, name)
	deep = deep && (err != nil || info.Path.IsContainer())
	return write{scope{name, deep}, err != nil || c.method == http.MethodDelete || c.method == "MOVE"}
}

// locks are the Handler's, as the webdav package uses them in one call: it has the If header evaluated.
type locks struct {
	*call
	ctx context.Context // of the call
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
	return slices.ContainsFunc(c.drive.locks.of(name), func(l lock) bool { return l.token == condition.Token })
}

// Create implements webdav.LockSystem. The webdav package is handed no LOCK, and no request without an
// If header, for which it would lock.
func (locks) Create(time.Time, webdav.LockDetails) (string, error) { return "", acl.ErrForbidden }

// Refresh implements webdav.LockSystem, as Create does.
func (locks) Refresh(time.Time, string, time.Duration) (webdav.LockDetails, error) {
	return webdav.LockDetails{}, acl.ErrForbidden
}

// Unlock implements webdav.LockSystem, as Create does.
func (locks) Unlock(time.Time, string) error { return acl.ErrForbidden }
