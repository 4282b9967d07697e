package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/relay"
	"kith/sealed"
	"kith/webid"
)

const (
	postTime   = 8 * time.Second // to leave an answer at a relay
	sulkTime   = time.Minute     // for which a friend whose relay failed is not served again
	errandTime = time.Second     // between two looks at what has changed
	// strangersMost bounds the answers to people without a label that are on their way: a stranger names as many
	// slow addresses as they like, and friends are answered meanwhile.
	strangersMost = 4
	// deadMost is after how many failing relays of one friend the others of theirs wait for the next look.
	deadMost = 3
)

// errands are what goes to other people's relays: answers that nobody waits for, taking them back, hints; and
// pushes to the owner's phone. An address that a friend chose is called through the guarded fetcher alone.
type errands struct {
	reach  *reach
	seen   pod.Head // changes up to here have been looked at
	narrow bool     // somebody sees less, and what that means is not known yet
	looks  atomic.Uint64
	hints  hints
	wakes  wakes
	out    outings

	strangers chan struct{} // of strangersMost

	mu     sync.Mutex
	sulks  map[string]time.Time      // until when, by label, or the relay of somebody without one
	doomed map[string][]queuedAnswer // answers to be taken back, by contact
}

// errFailed says that a friend's relay failed a moment ago.
var errFailed = errors.New("the relay for answers failed a moment ago")

// post leaves an answer where the asker wants it, and keeps by what it is taken back. What is to go nowhere, and
// what the asker's relay knows no queue for, is done.
func (e *errands) post(ctx context.Context, reply sealed.Reply, answer []byte) error {
	at, send, ok := splitQueue(reply.URL)
	if !ok {
		return nil
	}
	whose := reply.Peer.Label
	if whose == "" {
		select {
		case e.strangers <- struct{}{}:
			defer func() { <-e.strangers }()
		default:
			return errFailed
		}
		whose = at
	}
	if e.sulking(whose) {
		return errFailed
	}
	h := e.reach.home
	set, err := h.relays(ctx)
	if err != nil {
		return err
	}
	var receipt relay.Receipt
	err = e.reach.client.carry(ctx, at, set, func(ctx context.Context, c *relay.Client) (err error) {
		receipt, err = c.Post(ctx, at, send, answer, 0)
		return err
	})
	switch {
	case errors.Is(err, relay.ErrUnknown), errors.Is(err, relay.ErrTooLarge):
		return nil
	case err != nil:
		e.sulk(whose)
		return err
	}
	agent := reply.Peer.Agent
	if receipt.Cancel == "" || agent.Contact() == "" || reply.Status >= http.StatusMultipleChoices || reply.Method != http.MethodGet {
		return nil
	}
	contact := nameContact(webid.Contact{CID: agent.Contact(), Grant: agent.Grant()})
	return h.state.addQueued(ctx, h.name, queuedAnswer{relay: at, cancel: receipt.Cancel, send: send, contact: contact, path: reply.Path, expires: reply.Expires})
}

// splitQueue splits RELAYs/<b64u send>.
func splitQueue(queue string) (at string, send []byte, ok bool) {
	i := strings.LastIndex(queue, "/")
	if i < 0 || !strings.HasSuffix(queue[:i+1], "/s/") {
		return "", nil, false
	}
	send, err := base64.RawURLEncoding.DecodeString(queue[i+1:])
	return queue[:i-1], send, err == nil
}

func (e *errands) sulking(whose string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reach.home.state.now().Before(e.sulks[whose])
}

// sulk remembers that a friend's relay failed, so that one who names slow addresses holds nobody up.
func (e *errands) sulk(whose string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.reach.home.state.now()
	if e.sulks == nil || len(e.sulks) > 1024 {
		e.sulks = map[string]time.Time{}
	}
	e.sulks[whose] = now.Add(sulkTime)
}

// run looks at what has changed in the pod.
func (e *errands) run() {
	r := e.reach
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := r.home.guard.As(webid.Agent{}).Changed()
		next, err := e.look(r.ctx)
		if err != nil && r.ctx.Err() == nil {
			slog.Debug("errands are left for later", "err", err)
		}
		timer.Reset(max(next, errandTime))
		select {
		case <-changed:
		case <-e.out.end():
		case <-timer.C:
		case <-r.ctx.Done():
			return
		}
		timer.Reset(lookPause) // what happens in short succession is looked at once
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			return
		}
	}
}

// look does what is due, and returns after how long there may be more.
func (e *errands) look(ctx context.Context) (next time.Duration, err error) {
	defer e.looks.Add(1)
	n, err := e.news(ctx)
	if err != nil {
		return lookAgain, err
	}
	if n.narrower || e.narrow {
		err = e.condemn(ctx)
		e.narrow = err != nil
	}
	e.withdraw(ctx)
	return min(lookAgain, e.giveHints(ctx), e.wake(ctx, n.message)), err
}

// news is what the changes since the last look mean for errands.
type news struct {
	narrower bool // somebody may see less than before
	message  bool // a friend left something in the inbox
}

// news reads the changes since the last look.
func (e *errands) news(ctx context.Context) (n news, err error) {
	raw, _, err := e.reach.home.replicaOf(ctx, "/")
	if err != nil {
		return n, err
	}
	head, err := raw.Head(ctx)
	if err != nil || head.Epoch != e.seen.Epoch {
		n.narrower = head.Epoch != ""
		e.seen = head
		return n, err
	}
	for {
		rows, _, err := raw.Rows(ctx, e.seen.Seq, 1000)
		if err != nil || len(rows) == 0 {
			return n, err
		}
		for _, c := range rows {
			n.narrower = n.narrower || mayNarrow(c)
			n.message = n.message || !c.Gone() && strings.HasPrefix(c.Path.String(), "/social/in/") && !c.Path.IsContainer() &&
				!c.Path.IsACL() && c.Version.Device == e.reach.home.sealed.Device
		}
		e.seen.Seq = rows[len(rows)-1].Seq
	}
}

// mayNarrow reports whether after a change somebody may see less.
func mayNarrow(c pod.Change) bool {
	if c.Gone() || c.Path.IsACL() {
		return true
	}
	return slices.ContainsFunc([]string{"/social/audiences/", "/circles/", contactsFolder, "/settings/"}, func(folder string) bool {
		return strings.HasPrefix(c.Path.String(), folder)
	})
}

// condemn finds the answers that their readers may not have any more: of friends who went, of what was deleted or is
// not for them now, and every list of posts, which somebody may see less of.
func (e *errands) condemn(ctx context.Context) error {
	h := e.reach.home
	waiting, err := h.state.queued(ctx, h.name)
	if err != nil {
		return err
	}
	var errs []error
	doomed := map[string][]queuedAnswer{}
	for _, a := range waiting {
		still, err := h.stillFor(ctx, a)
		if err == nil && !still {
			doomed[a.contact] = append(doomed[a.contact], a)
		}
		errs = append(errs, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.doomed = doomed
	return errors.Join(errs...)
}

// withdraw begins to take back the answers that were condemned.
func (e *errands) withdraw(ctx context.Context) {
	e.mu.Lock()
	friends := slices.Sorted(maps.Keys(e.doomed))
	e.mu.Unlock()
	for _, contact := range friends {
		e.out.start(ctx, &e.reach.wg, contact, e.reach.home.state.now, func(ctx context.Context) error { return e.takeBackAll(ctx, contact) })
	}
}

// takeBackAll takes back a friend's condemned answers.
func (e *errands) takeBackAll(ctx context.Context, contact string) error {
	set, err := e.reach.home.relays(ctx)
	if err != nil {
		return err
	}
	e.mu.Lock()
	list := e.doomed[contact]
	e.mu.Unlock()
	var errs []error
	var left []queuedAnswer
	var dead deadRelays
	for _, a := range list {
		err := errFailed
		if !dead.has(a) {
			err = e.takeBack(ctx, a, set)
		}
		if err != nil {
			dead.add(a)
			left = append(left, a)
			errs = append(errs, err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.EqualFunc(e.doomed[contact], list, func(a, b queuedAnswer) bool { return a.cancel == b.cancel }) { // else there is a newer list
		if e.doomed[contact] = left; len(left) == 0 {
			delete(e.doomed, contact)
		}
	}
	return errors.Join(errs...)
}

// deadRelays are those of one friend that failed.
type deadRelays []string

func (d *deadRelays) add(a queuedAnswer) {
	if !slices.Contains(*d, a.relay) {
		*d = append(*d, a.relay)
	}
}

func (d deadRelays) has(a queuedAnswer) bool {
	return len(d) >= deadMost || slices.Contains(d, a.relay)
}

// takeBack erases an answer at its relay. One that does not wait there was fetched.
func (e *errands) takeBack(ctx context.Context, a queuedAnswer, set relays) error {
	err := e.reach.client.carry(ctx, a.relay, set, func(ctx context.Context, c *relay.Client) error {
		return c.Cancel(ctx, a.relay, a.send, a.cancel)
	})
	if err != nil && !errors.Is(err, relay.ErrUnknown) {
		return fmt.Errorf("take back an answer: %w", err)
	}
	return e.reach.home.state.removeQueued(ctx, a)
}

// stillFor reports whether who asked may have the answer, after somebody came to see less.
func (h *home) stillFor(ctx context.Context, a queuedAnswer) (bool, error) {
	cid, _, _ := strings.Cut(a.contact, " ")
	c, err := h.realm.ByID(ctx, webid.ID(h.url+"contacts/"+cid+"/card#me"))
	if errors.Is(err, webid.ErrUnknown) || err == nil && (c.Blocked || nameContact(c) != a.contact) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	path, err := pod.ParsePath(a.path)
	switch {
	case a.path == "/social/door":
		return true, nil
	case err != nil, a.path == "/social/feed", path.IsContainer():
		return false, nil
	}
	answer, err := h.guard.As(friend(c)).Stat(ctx, path)
	if err == nil {
		return answer.Info.Path == path, answer.Close()
	}
	for _, gone := range []error{acl.ErrForbidden, acl.ErrUnauthenticated, pod.ErrNotExist} {
		if errors.Is(err, gone) {
			return false, nil
		}
	}
	return false, err
}
