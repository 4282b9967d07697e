package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"kith/relay"
	"kith/webid"
)

const (
	pushBody  = 8 << 10
	pushDelay = 5 * time.Second  // in which a device may come by itself
	pushPause = 15 * time.Minute // between two pushes
)

// servePush answers `.push`: where the owner's phone is woken when a friend left something and no device of the
// owner's has come by itself. PUT {endpoint, p256dh, auth, vapid}, DELETE, and GET {"on": bool}.
func (h *home) servePush(w http.ResponseWriter, r *http.Request, agent webid.Agent) error {
	return asOwner(agent, func() error {
		switch r.Method {
		case http.MethodGet:
			now, err := h.state.reaching(r.Context(), h.name)
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, map[string]bool{"on": now.push != nil})
		case http.MethodPut:
			var s relay.Subscription
			if err := readJSON(w, r, pushBody, &s); err != nil {
				return err
			}
			if !pushable(s) {
				return fmt.Errorf("%w: endpoint is an https address, p256dh has 65 bytes, auth 16, vapid 32", webid.Malformed)
			}
			return h.setPush(w, r, &s)
		case http.MethodDelete:
			return h.setPush(w, r, nil)
		}
		return allow(w, "GET, PUT, DELETE, OPTIONS")
	})
}

func (h *home) setPush(w http.ResponseWriter, r *http.Request, s *relay.Subscription) error {
	err := h.state.setReaching(r.Context(), h.name, func(now *reaching) error {
		now.push = s
		return nil
	})
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// pushable reports whether a subscription is in the form that it must have. (RFC 8030, RFC 8291)
func pushable(s relay.Subscription) bool {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s.Endpoint) > 2048 {
		return false
	}
	for text, size := range map[string]int{s.P256dh: 65, s.Auth: 16, s.VAPID: 32} {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(b) != size {
			return false
		}
	}
	return true
}

// presence is whether a device of the owner's is here.
type presence struct {
	mu   sync.Mutex
	here int
	last time.Time
}

// enter counts a request of a device until leave.
func (p *presence) enter(now func() time.Time) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.here++
	p.last = now()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.here--
		p.last = now()
	}
}

// since reports whether a device was here after a time, or is.
func (p *presence) since(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.here > 0 || p.last.After(t)
}

// wakes are the pushes to the owner's phone. They belong to the goroutine of the errands.
type wakes struct {
	since time.Time // when a friend left something that no device has come for; zero: nothing waits
	last  time.Time // when the phone was woken
}

// wake wakes the owner's phone where that is due, and returns when it may be.
func (e *errands) wake(ctx context.Context, message bool) time.Duration {
	h, now := e.reach.home, e.reach.home.state.now()
	if message && e.wakes.since.IsZero() {
		e.wakes.since = now
	}
	if e.wakes.since.IsZero() {
		return lookAgain
	}
	if h.present.since(e.wakes.since) {
		e.wakes.since = time.Time{}
		return lookAgain
	}
	due := e.wakes.since.Add(pushDelay)
	if next := e.wakes.last.Add(pushPause); next.After(due) {
		due = next
	}
	if now.Before(due) {
		return due.Sub(now)
	}
	e.wakes.since = time.Time{}
	if err := e.push(ctx); err != nil {
		slog.Debug("the owner's phone was not woken", "err", err)
	}
	return lookAgain
}

// push wakes the owner's phone.
func (e *errands) push(ctx context.Context) error {
	h := e.reach.home
	now, err := h.state.reaching(ctx, h.name)
	if err != nil || now.push == nil {
		return err
	}
	e.wakes.last = h.state.now()
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	err = relay.Push(ctx, e.reach.client.client.HTTP, *now.push, h.responsible(ctx), h.state.now())
	if !errors.Is(err, relay.ErrGone) {
		return err
	}
	return h.state.setReaching(ctx, h.name, func(r *reaching) error {
		r.push = nil
		return nil
	})
}

// responsible returns an address that says to a push service who sends (RFC 8292 §2.1).
func (h *home) responsible(ctx context.Context) string {
	set, err := h.relays(ctx)
	if err == nil && h.config.hidden() && len(set.Relays) > 0 {
		return set.Relays[0].URL
	}
	return h.config.URL
}
