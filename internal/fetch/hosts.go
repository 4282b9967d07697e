package fetch

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// errRoom says that no request was made, since there was no room for it.
var errRoom = errors.New("no room")

const (
	maxEach = 8  // requests to one host at once
	maxWait = 64 // requests to one host that are under way or wait
	maxAll  = 64 // requests at once
)

// room is for as many requests as its capacity.
type room chan struct{}

// enter waits for a place, and reports whether there was one before ctx ended.
func (r room) enter(ctx context.Context) bool {
	select {
	case r <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r room) leave() { <-r }

// hosts bounds how many requests are under way, so that one slow host keeps
// nobody from the others.
type hosts struct {
	all room

	mu   sync.Mutex
	each map[string]*host
}

// host is one to which requests are under way or wait.
type host struct {
	room
	here int
}

func newHosts() *hosts { return &hosts{all: make(room, maxAll), each: map[string]*host{}} }

// enter waits until there is room for a request to the host called name. Once
// the request is over the caller calls leave; calling it again does nothing.
func (h *hosts) enter(ctx context.Context, name string) (leave func(), err error) {
	to, ok := h.come(name)
	if !ok {
		return nil, fmt.Errorf("%w: %w: too many wait for this host", ErrFailed, errRoom)
	}
	if !to.enter(ctx) {
		h.gone(name)
		return nil, fmt.Errorf("%w: %w: %w", ErrFailed, errRoom, ctx.Err())
	}
	if !h.all.enter(ctx) {
		to.leave()
		h.gone(name)
		return nil, fmt.Errorf("%w: %w: %w", ErrFailed, errRoom, ctx.Err())
	}
	return sync.OnceFunc(func() { h.all.leave(); to.leave(); h.gone(name) }), nil
}

func (h *hosts) come(name string) (*host, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	to := h.each[name]
	if to == nil {
		to = &host{room: make(room, maxEach)}
		h.each[name] = to
	}
	if to.here >= maxWait {
		return nil, false
	}
	to.here++
	return to, true
}

func (h *hosts) gone(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	to := h.each[name]
	if to.here--; to.here == 0 {
		delete(h.each, name)
	}
}
