package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Pauses of a Mailbox.
const (
	firstPause  = 250 * time.Millisecond // after a connection broke; doubled up to lastPause
	lastPause   = 2 * time.Minute
	lastingTime = 10 * time.Second // after which a connection was a good one
	pollingTime = 5 * time.Minute  // until WebSockets are tried again
	callTime    = 60 * time.Second
	// holdMessages and holdBytes bound what a relay can make a Mailbox hold: above what windows allow.
	holdMessages = 8 * windowMessages
	holdBytes    = 8 * windowBytes
)

// Box is a queue with the token by which it is read.
type Box struct {
	Queue string
	Token []byte // 16 to 64 bytes
}

// Message is one that waits in a queue.
type Message struct {
	ID      string    // b64u of 16 bytes
	Send    [16]byte  // the first half of SHA-256 of the send id by which it came
	Waits   bool      // the asker waits: Reply reaches it
	Expires time.Time // when the relay drops it
	Body    []byte    // what was posted
}

// Mailbox follows queues at one relay, and connects again whenever the connection breaks: by
// WebSocket, or by polls where these do not pass. What is asked of it waits for a connection as long
// as its context allows. The methods may be called at the same time. Close ends it.
type Mailbox struct {
	client *Client
	relay  string
	boxes  []Box
	hook   func(context.Context, *Mailbox) error

	stop context.CancelFunc
	ctx  context.Context
	wg   sync.WaitGroup

	mu    sync.Mutex
	link  link          // nil while there is none
	cut   func()        // ends the link; nil while there is none
	fresh chan struct{} // closed when link or held changes
	held  []Message
	size  int // bytes of held
	wrong error
	lost  map[id]bool // queues that were refused since the last connection
}

// link is one connection to a relay.
type link interface {
	// call sends one operation on a message or a queue and returns what the relay says.
	call(ctx context.Context, q request) (response, error)
	reply(ctx context.Context, i id, answer []byte) (response, error)
	// follow hands over messages until the link breaks.
	follow(ctx context.Context) error
}

// errLost ends a call whose link broke before its answer came.
var errLost = errors.New("connection lost")

// Mailbox follows boxes at a relay. hook, if not nil, is called after each connection, in a
// goroutine of its own that ends with the connection's context: the place to tell the relay which
// sends there are. Its error breaks the connection, so that all begins again.
func (c *Client) Mailbox(relay string, hook func(context.Context, *Mailbox) error, boxes ...Box) *Mailbox {
	m := &Mailbox{client: c, relay: relay, boxes: boxes, hook: hook, fresh: make(chan struct{}), lost: map[id]bool{}}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.wg.Go(m.run)
	return m
}

// Close ends the connection and waits until nothing runs any more.
func (m *Mailbox) Close() {
	m.stop()
	m.wg.Wait()
}

// Again ends the connection and makes another one: what was released is offered again. It does not
// wait for that.
func (m *Mailbox) Again() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut != nil {
		m.cut()
	}
}

// Refused reports whether the relay has refused to let this token read a queue, in this connection or
// the last one.
func (m *Mailbox) Refused(queue string) bool {
	i, err := readID(queue)
	m.mu.Lock()
	defer m.mu.Unlock()
	return err == nil && m.lost[i]
}

// Connected reports whether a relay answers at this moment.
func (m *Mailbox) Connected() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.link != nil
}

// Next returns the next message. A message may come again: after a claim that lapsed, and after a
// connection that broke. Errors: ErrRefused, once a connection, for a queue that the relay does not
// let this token read; net.ErrClosed, after Close; that of ctx.
func (m *Mailbox) Next(ctx context.Context) (Message, error) {
	for {
		next, fresh, wrong := m.take()
		if wrong != nil || next.Body != nil {
			return next, wrong
		}
		select {
		case <-fresh:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		case <-m.ctx.Done():
			return Message{}, net.ErrClosed
		}
	}
}

func (m *Mailbox) take() (next Message, fresh <-chan struct{}, wrong error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrong != nil {
		wrong, m.wrong = m.wrong, nil
		return Message{}, nil, wrong
	}
	if len(m.held) > 0 {
		next, m.held = m.held[0], m.held[1:]
		m.size -= len(next.Body)
	}
	return next, m.fresh, nil
}

// put holds a message for Next, once, and refuses what is more than a relay may send.
func (m *Mailbox) put(next Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, old := range m.held {
		if old.ID == next.ID {
			m.held[i].Waits = next.Waits
			return nil
		}
	}
	if len(m.held) >= holdMessages || m.size+len(next.Body) > holdBytes {
		return errors.New("the relay sends more than it may")
	}
	m.held = append(m.held, next)
	m.size += len(next.Body)
	m.tell()
	return nil
}

// tell wakes who waits for a change; the caller holds m.mu.
func (m *Mailbox) tell() {
	close(m.fresh)
	m.fresh = make(chan struct{})
}

func (m *Mailbox) refuse(queue id) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = fmt.Errorf("follow queue %s: %w", queue, ErrRefused)
	m.lost[queue] = true
	m.tell()
}

// run connects, follows and waits, until Close.
func (m *Mailbox) run() {
	pause := firstPause
	for m.ctx.Err() == nil {
		began := time.Now()
		if m.session(); time.Since(began) > lastingTime {
			pause = firstPause
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-m.ctx.Done():
		}
		pause = min(2*pause, lastPause)
	}
}

// session is one connection, or the attempt to make one.
func (m *Mailbox) session() {
	ctx, cancel := context.WithCancel(m.ctx)
	defer cancel()
	l, err := m.connect(ctx)
	if err != nil {
		return
	}
	m.use(l, cancel)
	defer m.use(nil, nil)
	var hook sync.WaitGroup
	defer hook.Wait()
	defer cancel() // before the hook is waited for
	if m.hook != nil {
		hook.Go(func() {
			if m.hook(ctx, m) != nil {
				cancel()
			}
		})
	}
	l.follow(ctx)
}

func (m *Mailbox) use(l link, cut func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.link, m.cut = l, cut
	if l != nil {
		m.lost = map[id]bool{}
	}
	m.tell()
}

// connect tries a WebSocket, then a poll. A poll is left after pollingTime.
func (m *Mailbox) connect(ctx context.Context) (link, error) {
	s, err := dialSocket(ctx, m)
	if err == nil {
		return s, nil
	}
	p := newPolls(m)
	if err := p.try(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// current returns the link, once there is one.
func (m *Mailbox) current(ctx context.Context) (link, error) {
	for {
		m.mu.Lock()
		l, fresh := m.link, m.fresh
		m.mu.Unlock()
		if l != nil {
			return l, nil
		}
		select {
		case <-fresh:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-m.ctx.Done():
			return nil, net.ErrClosed
		}
	}
}

// each calls do with a link, and again with the next one when that broke: all operations may be
// repeated.
func (m *Mailbox) each(ctx context.Context, do func(context.Context, link) (response, error)) (response, error) {
	for {
		l, err := m.current(ctx)
		if err != nil {
			return response{}, err
		}
		r, err := do(ctx, l)
		if !errors.Is(err, errLost) || ctx.Err() != nil {
			return r, err
		}
		if err := m.after(ctx, l); err != nil {
			return response{}, err
		}
	}
}

// after waits until l is not the link any more.
func (m *Mailbox) after(ctx context.Context, l link) error {
	for {
		m.mu.Lock()
		now, fresh := m.link, m.fresh
		m.mu.Unlock()
		if now != l {
			return nil
		}
		select {
		case <-fresh:
		case <-ctx.Done():
			return ctx.Err()
		case <-m.ctx.Done():
			return net.ErrClosed
		}
	}
}

func (m *Mailbox) call(ctx context.Context, what string, q request) (response, error) {
	r, err := m.each(ctx, func(ctx context.Context, l link) (response, error) { return l.call(ctx, q) })
	if err != nil {
		return r, fmt.Errorf("%s: %w", what, err)
	}
	return r, nil
}

// Claim asks for a message to be this device's alone for 30 s. Errors: ErrTaken, ErrGone.
func (m *Mailbox) Claim(ctx context.Context, message string) error {
	i, err := readID(message)
	if err != nil {
		return err
	}
	r, err := m.call(ctx, "claim a message", request{Claim: &i})
	switch {
	case err != nil:
		return err
	case r.Taken != nil:
		return fmt.Errorf("claim a message: %w", ErrTaken)
	case r.Claimed == nil:
		return fmt.Errorf("claim a message: %w", ErrGone)
	}
	return nil
}

// Ack erases a message that has been dealt with. It is gone from the relay's disk when Ack returns.
func (m *Mailbox) Ack(ctx context.Context, message string) error {
	i, err := readID(message)
	if err != nil {
		return err
	}
	_, err = m.call(ctx, "acknowledge a message", request{Ack: &i})
	return err
}

// Decline says that this device cannot open a message or will not answer it. When all devices of
// the queue have said so it is erased, and the asker is not told.
func (m *Mailbox) Decline(ctx context.Context, message string) error {
	i, err := readID(message)
	if err != nil {
		return err
	}
	_, err = m.call(ctx, "decline a message", request{Decline: &i})
	return err
}

// Release gives a message back: this device cannot answer now, for instance because it lags behind.
// Others are offered it, and this one again after its next connection.
func (m *Mailbox) Release(ctx context.Context, message string) error {
	i, err := readID(message)
	if err != nil {
		return err
	}
	_, err = m.call(ctx, "release a message", request{Release: &i})
	return err
}

// Reply hands an answer to who waits for it. Errors: ErrGone, when nobody does: the answer is to be
// posted to where the message says; ErrTooLarge. The message stays until Ack.
func (m *Mailbox) Reply(ctx context.Context, message string, answer []byte) error {
	i, err := readID(message)
	if err != nil {
		return err
	}
	if len(answer) > maxMessage || len(answer) == 0 {
		return fmt.Errorf("reply: %w", ErrTooLarge)
	}
	r, err := m.each(ctx, func(ctx context.Context, l link) (response, error) { return l.reply(ctx, i, answer) })
	switch {
	case err != nil:
		return fmt.Errorf("reply: %w", err)
	case r.Replied == nil:
		return fmt.Errorf("reply: %w", ErrGone)
	}
	return nil
}

func readID(s string) (i id, err error) {
	if err := i.UnmarshalText([]byte(s)); err != nil {
		return i, fmt.Errorf("message %q: %w", s, ErrGone)
	}
	return i, nil
}
