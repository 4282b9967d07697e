package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"kith/relay"
	"kith/sealed"

	"golang.org/x/time/rate"
)

// Bounds of one box.
const (
	boxRate     = 100 // messages a second that are looked at, whatever the relay sends
	boxBurst    = 300
	boxAnswers  = 16 // messages that are being answered
	boxWaits    = 6  // of them that may wait for something to happen
	longestWait = 20 // seconds; who asked does not wait for longer
	mostAsked   = 25 // seconds; more is no query
	boxTime     = 28 * time.Second
	aheadMost   = 64 << 10 // bytes of an answer that may be sent in vain
)

// box answers what comes in the queues of one relay. A relay may drop, repeat, reorder, alter and make up what it
// likes: what does not open, or is not for this person, is declined, and what was done once is not done again
// (package sealed).
//
// Goroutines: those of its relay.Mailbox, one that receives, one that tells the relay what changes, and one for
// each message that is being answered. All end with close.
type box struct {
	reach  *reach
	url    string
	queues []oldQueue // the newest first
	mail   *relay.Mailbox
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
	change chan struct{}
	deaf   atomic.Bool // the relay does not let this pod read a queue

	registering sync.Mutex
	busy        chan struct{}
	waits       waiting
	turns       turns
}

// open follows the queues at a relay.
func (r *reach) open(at string, queues []oldQueue) *box {
	b := &box{reach: r, url: at, queues: queues, change: make(chan struct{}, 1), busy: make(chan struct{}, boxAnswers), waits: make(waiting, boxWaits)}
	b.ctx, b.stop = context.WithCancel(r.ctx)
	kid := r.home.sealed.Device
	var boxes []relay.Box
	for _, q := range queues {
		boxes = append(boxes, relay.Box{Queue: q.Queue, Token: q.Secret.token(at, kid)})
	}
	b.mail = r.client.client.Mailbox(at, b.introduce, boxes...)
	b.wg.Go(b.receive)
	b.wg.Go(b.follow)
	return b
}

func (b *box) close() {
	b.stop()
	b.mail.Close()
	b.wg.Wait()
}

// kick has the box tell its relay of friends and invites that came and went.
func (b *box) kick() {
	select {
	case b.change <- struct{}{}:
	default:
	}
}

// refused reports whether the relay does not let this pod read a queue.
func (b *box) refused() bool { return b.deaf.Load() }

// follow tells the relay what changes.
func (b *box) follow() {
	for {
		select {
		case <-b.change:
		case <-b.ctx.Done():
			return
		}
		b.catchUp()
		if err := b.register(b.ctx, b.mail, false); err != nil && b.ctx.Err() == nil {
			slog.Debug("a relay was not told what changed", "err", err)
		}
	}
}

// catchUp has what was given back for want of a turn offered again.
func (b *box) catchUp() {
	if b.turns.owes(time.Now()) {
		b.mail.Again()
	}
}

// introduce tells the relay, at each connection, by what sends messages may come and who may read them.
func (b *box) introduce(ctx context.Context, m *relay.Mailbox) error { return b.register(ctx, m, true) }

// register tells the relay of each send that leads here, or of those alone that it does not know, and has it
// forget those that lead here no more. It is kept what a relay was told, so that a friend who went while the
// relay was away loses the way at the next connection.
func (b *box) register(ctx context.Context, m *relay.Mailbox, all bool) error {
	b.registering.Lock()
	defer b.registering.Unlock()
	names, kids, err := b.reach.home.reachable(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, q := range b.queues {
		errs = append(errs, b.tokens(ctx, m, q, kids, all), b.sends(ctx, m, q, names, all))
	}
	err = errors.Join(errs...)
	if errors.Is(err, relay.ErrRefused) { // it has its reasons, and the rest goes on
		slog.Warn("a relay does not take all that it is told", "err", err)
		return nil
	}
	return err
}

// sends tells the relay of one queue's sends.
func (b *box) sends(ctx context.Context, m *relay.Mailbox, q oldQueue, names []string, all bool) error {
	var want [][]byte
	for _, name := range names {
		want = append(want, q.Secret.send(b.url, name))
	}
	return b.agree(ctx, q.queue, want, all, func(add, forget [][]byte) error {
		return errors.Join(m.AddSends(ctx, q.Queue, add...), m.RemoveSends(ctx, q.Queue, forget...))
	})
}

// tokens lets the owner's devices read a queue, and takes it from one that was taken off the list, at the next
// connection if the relay is away. What such a device remembers of the secret ends with the next one.
func (b *box) tokens(ctx context.Context, m *relay.Mailbox, q oldQueue, kids []string, all bool) error {
	var want [][]byte
	for _, kid := range kids {
		want = append(want, []byte(kid))
	}
	tokens := func(kids [][]byte) (tokens [][]byte) {
		for _, kid := range kids {
			tokens = append(tokens, q.Secret.token(b.url, string(kid)))
		}
		return tokens
	}
	readers := queue{URL: q.URL, Queue: "readers " + q.Queue}
	return b.agree(ctx, readers, want, all, func(add, forget [][]byte) error {
		return errors.Join(m.AddTokens(ctx, q.Queue, tokens(add)...), m.RemoveTokens(ctx, q.Queue, tokens(forget)...))
	})
}

// agree has a relay know what is wanted of a queue and nothing more: all of it, or what it was not told yet. It is kept
// what the relay was told, before it is.
func (b *box) agree(ctx context.Context, of queue, want [][]byte, all bool, tell func(add, forget [][]byte) error) error {
	state, person := b.reach.home.state, b.reach.home.name
	told, err := state.told(ctx, person, of)
	if err != nil {
		return err
	}
	var add [][]byte
	for _, one := range want {
		if all || !has(told, one) {
			add = append(add, one)
		}
	}
	forget := slices.DeleteFunc(told, func(one []byte) bool { return has(want, one) })
	if err := state.tell(ctx, person, of, add, nil); err != nil {
		return err
	}
	if err := tell(add, forget); err != nil {
		return err
	}
	return state.tell(ctx, person, of, nil, forget)
}

func has(all [][]byte, one []byte) bool {
	return slices.ContainsFunc(all, func(b []byte) bool { return bytes.Equal(b, one) })
}

// reachable returns the names of the sends that lead here, and the devices that may read what comes.
func (h *home) reachable(ctx context.Context) (names, kids []string, err error) {
	p, err := h.realm.person(ctx)
	if err != nil {
		return nil, nil, err
	}
	contacts, err := h.realm.all(ctx)
	if err != nil {
		return nil, nil, err
	}
	invites, err := h.state.invites(ctx, h.name)
	if err != nil {
		return nil, nil, err
	}
	names, kids = []string{nameOwn, namePair}, []string{p.kid()}
	for _, c := range contacts {
		if !c.Blocked {
			names = append(names, nameContact(c))
		}
	}
	for _, i := range invites {
		names = append(names, nameInvite(i.ID))
	}
	for _, d := range p.lists.Devices.Devices {
		if d.Kid != p.kid() {
			kids = append(kids, d.Kid)
		}
	}
	return names, kids, nil
}

// receive answers what comes, each message in a goroutine of its own.
func (b *box) receive() {
	limit := rate.NewLimiter(boxRate, boxBurst)
	for {
		m, err := b.mail.Next(b.ctx)
		switch {
		case errors.Is(err, relay.ErrRefused):
			b.deaf.Store(true)
			b.reach.remake(b)
			continue
		case err != nil || limit.Wait(b.ctx) != nil:
			return
		}
		select {
		case b.busy <- struct{}{}:
		case <-b.ctx.Done():
			return
		}
		b.wg.Go(func() {
			if err := b.handle(m); err != nil && b.ctx.Err() == nil {
				slog.Debug("a message was not answered", "err", err)
			}
			<-b.busy
			b.catchUp()
		})
	}
}

// handle answers one message. It is acknowledged only once its answer is with who asked or on the disk of a relay.
// What only reads is answered while the relay is still asked whether the message is this pod's; nothing is done before.
func (b *box) handle(m relay.Message) error {
	ctx, cancel := context.WithTimeout(b.ctx, boxTime)
	defer cancel()
	asked, c := b.claim(ctx, m.ID)
	defer c.held()
	limit, leave := b.waits.patience(m.Waits)
	defer leave()
	p := &placed{turns: &b.turns, busy: b.busy, claim: c}
	defer p.leave()
	asked = context.WithValue(context.WithValue(asked, patience{}, limit), placed{}, p)
	answer, reply, err := b.reach.home.sealed.Answer(asked, m.Body)
	if err == nil && m.Waits && safe(reply.Method) && reply.Status != http.StatusServiceUnavailable && len(answer) <= aheadMost {
		failed := b.mail.Reply(ctx, m.ID, answer)
		if failed == nil && c.held() == nil {
			return b.mail.Ack(ctx, m.ID)
		}
		m.Waits = !errors.Is(failed, relay.ErrGone)
	}
	if err := c.held(); errors.Is(err, relay.ErrTaken) || errors.Is(err, relay.ErrGone) {
		return nil
	} else if err != nil {
		return err
	}
	return b.settle(ctx, m, answer, reply, err)
}

// settle sends the answer to a message of this pod's, or gives the message back or away.
func (b *box) settle(ctx context.Context, m relay.Message, answer []byte, reply sealed.Reply, err error) error {
	switch {
	case errors.Is(err, sealed.ErrDeclined), err == nil && declinesOffer(reply):
		return errors.Join(err, b.mail.Decline(ctx, m.ID))
	case err != nil, reply.Status == http.StatusServiceUnavailable: // somebody who does not lag behind may answer
		return errors.Join(err, b.release(ctx, m))
	}
	if m.Waits {
		err := b.mail.Reply(ctx, m.ID, answer)
		if err == nil {
			return b.mail.Ack(ctx, m.ID)
		}
		if !errors.Is(err, relay.ErrGone) {
			return errors.Join(err, b.release(ctx, m))
		}
	}
	if err := b.reach.errand.post(ctx, reply, answer); err != nil {
		return errors.Join(err, b.release(ctx, m))
	}
	return b.mail.Ack(ctx, m.ID)
}

// claim is how the relay was asked for a message to be this pod's.
type claim struct {
	done chan struct{}
	err  error // once done
}

// held waits for what the relay says. Errors: those of relay.Mailbox.Claim.
func (c *claim) held() error {
	<-c.done
	return c.err
}

// claim asks for a message. The context that it returns ends when the message is not to be had.
func (b *box) claim(ctx context.Context, message string) (context.Context, *claim) {
	asked, cancel := context.WithCancel(ctx)
	c := &claim{done: make(chan struct{})}
	b.wg.Go(func() {
		defer close(c.done)
		if c.err = b.mail.Claim(ctx, message); c.err != nil {
			cancel()
		}
	})
	return asked, c
}

// safe reports whether a method only reads (RFC 9110 §9.2.1).
func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// release gives a message back, for others or for later.
func (b *box) release(ctx context.Context, m relay.Message) error {
	defer b.reach.released.Add(1)
	return b.mail.Release(ctx, m.ID)
}

// waiting has a place for each request that may wait for something to happen.
type waiting chan struct{}

// patience returns what cuts the time for which a request wants to wait for something to happen: to nothing where
// nobody waits for its answer, or too many others do.
func (w waiting) patience(waits bool) (limit func(url.Values), leave func()) {
	held := false
	limit = func(query url.Values) {
		seconds, err := strconv.ParseUint(query.Get("wait"), 10, 64)
		if err != nil || seconds > mostAsked || len(query["wait"]) > 1 { // refused further on
			return
		}
		if waits && !held {
			select {
			case w <- struct{}{}:
				held = true
			default:
			}
		}
		most := uint64(0)
		if held {
			most = longestWait
		}
		query.Set("wait", strconv.FormatUint(min(seconds, most), 10))
	}
	return limit, func() {
		if held {
			<-w
		}
	}
}
