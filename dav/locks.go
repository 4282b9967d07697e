package dav

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/webdav"
)

// maxLock is for how long a lock lasts that is not refreshed, in seconds: the
// program that made it may be gone.
const maxLock = 3600

// bounded returns the Timeout header for a lock that ends (RFC 4918 §10.7).
func bounded(timeout string) string {
	first, _, _ := strings.Cut(timeout, ",")
	text, _ := strings.CutPrefix(strings.TrimSpace(first), "Second-")
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && n > 0 && n <= maxLock {
		return fmt.Sprint("Second-", n)
	}
	return fmt.Sprint("Second-", maxLock)
}

// newTokens returns what the tokens of a process begin with, which makes each a
// URI that no other lock ever has (RFC 4918 §6.5, appendix C).
func newTokens() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("opaquelocktoken:%x-%x-%x-%x-%x/", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// locks are the Handler's, for one call: the webdav package leaves it to them to
// evaluate the If header (RFC 4918 §10.4), but does so in its own for tokens only.
type locks struct {
	webdav.LockSystem
	ctx    context.Context
	call   *call
	tokens string // what each token begins with
	deep   bool   // the call is about all that lies below, too
}

// Create implements webdav.LockSystem. One that does not end is the webdav
// package's own, for the time of the call.
func (l locks) Create(now time.Time, d webdav.LockDetails) (string, error) {
	if d.Duration < 0 && l.deep { // a locked member is not removed (RFC 4918 §9.6.1)
		d.ZeroDepth = false
	}
	token, err := l.LockSystem.Create(now, d)
	return l.tokens + token, err
}

// Refresh implements webdav.LockSystem.
func (l locks) Refresh(now time.Time, token string, d time.Duration) (webdav.LockDetails, error) {
	return l.LockSystem.Refresh(now, l.bare(token), d)
}

// Unlock implements webdav.LockSystem.
func (l locks) Unlock(now time.Time, token string) error {
	return l.LockSystem.Unlock(now, l.bare(token))
}

// bare returns a token as the LockSystem knows it, "" for one of somebody else.
func (l locks) bare(token string) string {
	rest, ok := strings.CutPrefix(token, l.tokens)
	if !ok {
		return ""
	}
	return rest
}

// Confirm implements webdav.LockSystem.
func (l locks) Confirm(now time.Time, name0, name1 string, conditions ...webdav.Condition) (func(), error) {
	var held []webdav.Condition
	for _, c := range conditions {
		c.Token = l.bare(c.Token)
		switch {
		case c.ETag != "":
			info, err := l.call.find(l.ctx, name0)
			if (err == nil && info.ETag == c.ETag) == c.Not {
				return nil, webdav.ErrConfirmationFailed
			}
		case c.Not:
			if release, err := l.LockSystem.Confirm(now, name0, "", webdav.Condition{Token: c.Token}); err == nil {
				release()
				return nil, webdav.ErrConfirmationFailed
			}
		default:
			held = append(held, c)
		}
	}
	if len(held) == 0 {
		return l.pass(now, name0, name1)
	}
	return l.LockSystem.Confirm(now, name0, name1, held...)
}

// pass is what the webdav package does for a request without an If header: who
// holds no lock goes on where nobody else does (RFC 4918 §7.5).
func (l locks) pass(now time.Time, names ...string) (func(), error) {
	var tokens []string
	release := func() {
		for _, token := range tokens {
			_ = l.Unlock(now, token) // which Create has just given out
		}
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		token, err := l.Create(now, webdav.LockDetails{Root: name, Duration: -1, ZeroDepth: true})
		if err != nil {
			release()
			_ = l.call.refuse(err) // with whose status the call is answered, unless another list of the header holds
			return nil, webdav.ErrConfirmationFailed
		}
		tokens = append(tokens, token)
	}
	return release, nil
}
