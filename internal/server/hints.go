package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"kith/acl"
	"kith/relay"
	"kith/sealed"
	"kith/webid"
)

// heardMost is how many hints are remembered: the last of each contact.
const heardMost = 1024

// heard is from which contacts a hint came: something new is there for the owner. It is forgotten with the
// process, which costs the owner's app no more than a look.
type heard struct {
	mu    sync.Mutex
	last  uint64
	of    []hint
	fresh chan struct{} // closed at the next hint
}

// hint is the last one of a contact.
type hint struct {
	number uint64
	cid    string
}

// note takes in a hint.
func (h *heard) note(cid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of = slices.DeleteFunc(h.of, func(old hint) bool { return old.cid == cid })
	if len(h.of) >= heardMost {
		h.of = h.of[1:]
	}
	h.last++
	h.of = append(h.of, hint{h.last, cid})
	if h.fresh != nil {
		close(h.fresh)
		h.fresh = nil
	}
}

// since returns who gave a hint after a number, the number that stands now, and what is closed at the next one.
// A number that this process has not given counts as none.
func (h *heard) since(after uint64) (cids []string, now uint64, fresh <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fresh == nil {
		h.fresh = make(chan struct{})
	}
	if after > h.last {
		after = 0
	}
	cids = []string{}
	for _, one := range h.of {
		if one.number > after {
			cids = append(cids, one.cid)
		}
	}
	return cids, h.last, h.fresh
}

// serveHeard answers `.hints?after=N&wait=0..25` with {"head": N, "friends": [cid…]}, for the owner's devices.
func (h *home) serveHeard(w http.ResponseWriter, r *http.Request, agent webid.Agent) error {
	return asOwner(agent, func() error {
		if r.Method != http.MethodGet {
			return allow(w, "GET, OPTIONS")
		}
		query := r.URL.Query()
		after, bad := number(query.Get("after"), 1<<53)
		wait, worse := number(query.Get("wait"), 25)
		defer h.present.enter(h.config.Now)()
		if bad || worse {
			return fmt.Errorf("%w: after and wait are numbers", webid.Malformed)
		}
		cids, now, err := h.await(r.Context(), agent, after, time.Duration(wait)*time.Second)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, map[string]any{"head": now, "friends": cids})
	})
}

// await returns what since returns, as soon as there is something or the time is over.
func (h *home) await(ctx context.Context, agent webid.Agent, after uint64, wait time.Duration) ([]string, uint64, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		cids, now, fresh := h.heard.since(after)
		if !h.realm.valid(ctx, agent) {
			return nil, 0, acl.ErrUnauthenticated
		}
		if len(cids) > 0 || wait == 0 {
			return cids, now, nil
		}
		select {
		case <-fresh:
		case <-timer.C:
			wait = 0
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// number reads a number of a query, 0 where there is none.
func number(s string, most uint64) (n uint64, bad bool) {
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err != nil || n > most
}

const (
	hintPause  = 10 * time.Minute // between two hints to one friend
	hintAgain  = 5 * time.Minute  // until a hint that did not arrive is tried again
	hintJitter = 20 * time.Second // by which a hint is later than what it is about, at most
)

// hints are given to friends who are reached by relays: that there is something new for them, nothing more, in a
// message of constant size.
type hints struct {
	mu   sync.Mutex
	told map[string]acl.Place // up to where a friend was told, by name of the send
	due  map[string]time.Time // when the next hint goes out
	last map[string]time.Time // when one went out
	turn map[string]int       // with which of a friend's relays the next one begins
}

// giveHints gives the hints that are due, and returns when the next one may be.
func (e *errands) giveHints(ctx context.Context) time.Duration {
	h, now := e.reach.home, e.reach.home.state.now()
	contacts, err := h.realm.all(ctx)
	if err != nil {
		return lookAgain
	}
	next, here := lookAgain, map[string]bool{}
	for _, c := range contacts {
		if c.Blocked || !slices.ContainsFunc(c.Ways, func(w webid.Way) bool { return w.Relay != "" }) {
			continue
		}
		name := nameContact(c)
		here[name] = true
		e.expect(ctx, c, now)
		due, ok := e.hints.dueAt(name)
		switch {
		case ok && now.Before(due):
			next = min(next, due.Sub(now))
		case ok: // where there is no room, the end of another one has this looked at again
			e.out.start(ctx, &e.reach.wg, name, h.state.now, func(ctx context.Context) error { return e.giveHint(ctx, c) })
		}
	}
	e.hints.keep(here)
	return next
}

// expect notes whether there is something new for a friend for whom no hint is due yet.
func (e *errands) expect(ctx context.Context, c webid.Contact, now time.Time) {
	name := nameContact(c)
	if _, waits := e.hints.dueAt(name); waits {
		return
	}
	at, known := e.hints.toldAt(name)
	if !known {
		e.stand(ctx, c)
		return
	}
	if events, _, err := e.reach.home.guard.As(friend(c)).Changes(ctx, at, 1); err == nil && len(events) == 0 {
		return
	}
	e.hints.expect(name, now, rand.N(e.reach.jitter+1))
}

// stand notes what a friend knows, or will know by a hint: what is there at this moment.
func (e *errands) stand(ctx context.Context, c webid.Contact) {
	if _, _, at, err := e.reach.home.guard.As(friend(c)).Posts(ctx, "", 1); err == nil {
		e.hints.set(nameContact(c), at)
	}
}

// friend is a contact as an agent, whichever device it is.
func friend(c webid.Contact) webid.Agent {
	return webid.ContactAgent(c.ID, c.CID, c.Grant, "", c.Accepts...)
}

// giveHint leaves a hint in a friend's queue, or has it left again later.
func (e *errands) giveHint(ctx context.Context, c webid.Contact) error {
	e.stand(ctx, c)
	err := e.leaveHint(ctx, c)
	e.hints.gave(nameContact(c), e.reach.home.state.now(), err)
	return err
}

// leaveHint seals a hint to the devices of a friend that may answer, and leaves it at the first relay that takes it.
func (e *errands) leaveHint(ctx context.Context, c webid.Contact) error {
	h := e.reach.home
	from, err := h.asSender(ctx, c.Salt)
	if err != nil {
		return err
	}
	t := sealed.Transport{To: sealed.Recipients(c.Lists), Label: c.Label, From: from, Now: h.state.now}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.Label+".kith.invalid/.hint", nil)
	if err != nil {
		return err
	}
	message, _, err := t.Seal(r)
	if err != nil {
		return err
	}
	set, err := h.relays(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, w := range e.hints.ways(c) {
		if err = e.leave(ctx, w, set, message); err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (e *errands) leave(ctx context.Context, w webid.Way, set relays, message []byte) error {
	send, err := base64.RawURLEncoding.DecodeString(w.Send)
	if err != nil {
		return err
	}
	return e.reach.client.carry(ctx, w.Relay, set, func(ctx context.Context, c *relay.Client) error {
		_, err := c.Post(ctx, w.Relay, send, message, 0)
		return err
	})
}

var errUnlisted = errors.New("the owner's keys document does not name this pod yet")

// asSender returns the pod as it makes sealed requests to somebody with whom it shares a salt.
func (h *home) asSender(ctx context.Context, salt []byte) (*sealed.Sender, error) {
	p, err := h.realm.person(ctx)
	if err != nil {
		return nil, err
	}
	var named webid.AgreementKey
	for _, key := range p.lists.Keys.Agree {
		if key.Device == p.kid() && key.Key == p.keys.agreement.Public() && key.Until.After(named.Until) {
			named = key
		}
	}
	if named.Kid == "" {
		return nil, errUnlisted
	}
	return &sealed.Sender{Label: p.label, KID: named.Kid, Key: p.keys.agreement, Salt: salt}, nil
}

// ways returns a friend's relays, beginning with another one after each failure: a dead one may take all the time.
func (h *hints) ways(c webid.Contact) []webid.Way {
	ways := slices.DeleteFunc(slices.Clone(c.Ways), func(w webid.Way) bool { return w.Relay == "" })
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.turn[nameContact(c)] % max(len(ways), 1)
	return slices.Concat(ways[first:], ways[:first])
}

func (h *hints) toldAt(name string) (at acl.Place, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok = h.told[name]
	return at, ok
}

func (h *hints) dueAt(name string) (due time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	due, ok = h.due[name]
	return due, ok
}

// set notes up to where a friend was told.
func (h *hints) set(name string, at acl.Place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told == nil {
		h.told, h.due, h.last, h.turn = map[string]acl.Place{}, map[string]time.Time{}, map[string]time.Time{}, map[string]int{}
	}
	h.told[name] = at
}

// expect has a hint go out, not too soon after the one before.
func (h *hints) expect(name string, now time.Time, late time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	due := now
	if last := h.last[name].Add(hintPause); last.After(due) {
		due = last
	}
	h.due[name] = due.Add(late)
}

// gave notes that a hint went out, or when it is tried again.
func (h *hints) gave(name string, now time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.due[name] = now.Add(hintAgain)
		h.turn[name]++
		return
	}
	delete(h.due, name)
	delete(h.turn, name)
	h.last[name] = now
}

// keep forgets who is a friend no more.
func (h *hints) keep(here map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	gone := func(name string) bool { return !here[name] }
	maps.DeleteFunc(h.told, func(name string, _ acl.Place) bool { return gone(name) })
	maps.DeleteFunc(h.due, func(name string, _ time.Time) bool { return gone(name) })
	maps.DeleteFunc(h.last, func(name string, _ time.Time) bool { return gone(name) })
	maps.DeleteFunc(h.turn, func(name string, _ int) bool { return gone(name) })
}
