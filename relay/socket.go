package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// dialTime bounds the way to the first frame of a connection.
const dialTime = 20 * time.Second

// socket is a link over a WebSocket.
type socket struct {
	m    *Mailbox
	conn *websocket.Conn

	mu    sync.Mutex
	last  uint64 // number of the last change
	calls []*call
	lost  chan struct{}
}

// call waits for the first response that answers it.
type call struct {
	answers func(response) bool
	came    chan response // of one
}

// dialSocket connects and follows the boxes of m. It fails where WebSockets do not pass, and when the
// relay knows none of the boxes.
func dialSocket(ctx context.Context, m *Mailbox) (*socket, error) {
	hello, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	// The client's Timeout is for requests; this one is to stay.
	client := *m.client.http()
	client.Timeout = 0
	conn, _, err := websocket.Dial(hello, m.relay+"ws", &websocket.DialOptions{HTTPClient: &client, Subprotocols: []string{subprotocol}})
	if err != nil {
		return nil, fmt.Errorf("connect to a relay: %w", bare(err))
	}
	conn.SetReadLimit(messageHead + maxMessage)
	s := &socket{m: m, conn: conn, lost: make(chan struct{})}
	for _, b := range m.boxes {
		if err := s.sub(hello, b); err != nil {
			conn.CloseNow()
			return nil, err
		}
	}
	return s, nil
}

// sub asks to follow one box; the response is read by follow.
func (s *socket) sub(ctx context.Context, b Box) error {
	var queue id
	if err := queue.UnmarshalText([]byte(b.Queue)); err != nil {
		return fmt.Errorf("queue %q: %w", b.Queue, err)
	}
	return s.write(ctx, request{Sub: &queue, Token: b64u(b.Token)})
}

func (s *socket) write(ctx context.Context, q request) error {
	text, err := json.Marshal(q)
	if err != nil {
		return err
	}
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// follow reads until the connection breaks.
func (s *socket) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var pinger sync.WaitGroup
	defer pinger.Wait()
	defer s.conn.CloseNow()
	defer close(s.lost)
	defer cancel()
	pinger.Go(func() { s.pings(ctx) })
	for {
		kind, frame, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageText {
			err = s.response(frame)
		} else if message, bad := readMessage(frame); bad != nil {
			err = bad
		} else {
			err = s.m.put(message)
		}
		if err != nil {
			return err
		}
	}
}

// pings ends the connection when the relay answers none.
func (s *socket) pings(ctx context.Context) {
	tick := time.NewTicker(silentTime / 2)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			wait, cancel := context.WithTimeout(ctx, pongTime)
			err := s.conn.Ping(wait)
			cancel()
			if err != nil {
				s.conn.CloseNow()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// response gives a text frame to the call that it answers.
func (s *socket) response(frame []byte) error {
	var r response
	if err := json.Unmarshal(frame, &r); err != nil {
		return fmt.Errorf("read a response: %w", err)
	}
	if r.Refused != nil {
		s.m.refuse(*r.Refused)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.calls {
		if c.answers(r) {
			s.calls = slices.Delete(s.calls, i, i+1)
			c.came <- r
			break
		}
	}
	return nil
}

func (s *socket) call(ctx context.Context, q request) (response, error) {
	text, answers := s.number(q)
	return s.roundTrip(ctx, websocket.MessageText, text, answers)
}

func (s *socket) reply(ctx context.Context, i id, answer []byte) (response, error) {
	frame := appendReply(make([]byte, 0, replyHead+len(answer)), i, answer)
	return s.roundTrip(ctx, websocket.MessageBinary, frame, func(r response) bool {
		return is(r.Replied, i) || is(r.Gone, i)
	})
}

// number gives a change its number, and returns how a response to q is known.
func (s *socket) number(q request) (text []byte, answers func(response) bool) {
	if q.Do != nil {
		s.mu.Lock()
		s.last++
		n := s.last
		s.mu.Unlock()
		q.Do = &n
		answers = func(r response) bool { return r.Done != nil && *r.Done == n || r.Failed != nil && *r.Failed == n }
	} else {
		answers = answersTo(q)
	}
	text, _ = json.Marshal(q) // strings and numbers only
	return text, answers
}

func answersTo(q request) func(response) bool {
	return func(r response) bool {
		switch {
		case q.Claim != nil:
			return is(r.Claimed, *q.Claim) || is(r.Taken, *q.Claim) || is(r.Gone, *q.Claim)
		case q.Ack != nil:
			return is(r.Acked, *q.Ack)
		case q.Decline != nil:
			return is(r.Declined, *q.Decline)
		case q.Release != nil:
			return is(r.Released, *q.Release)
		}
		return false
	}
}

func is(a *id, b id) bool { return a != nil && *a == b }

func (s *socket) roundTrip(ctx context.Context, kind websocket.MessageType, frame []byte, answers func(response) bool) (response, error) {
	c := &call{answers: answers, came: make(chan response, 1)}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	defer s.forget(c)
	// A write that is given up ends the connection, so it does not end with the caller's patience.
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), frameTime)
	defer cancel()
	if err := s.conn.Write(write, kind, frame); err != nil {
		s.conn.CloseNow()
		return response{}, errLost
	}
	patience := time.NewTimer(callTime)
	defer patience.Stop()
	select {
	case r := <-c.came:
		return r, nil
	case <-s.lost:
		return response{}, errLost
	case <-ctx.Done():
		return response{}, ctx.Err()
	case <-patience.C:
		s.conn.CloseNow()
		return response{}, errors.New("the relay does not answer")
	}
}

func (s *socket) forget(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.calls, c); i >= 0 {
		s.calls = slices.Delete(s.calls, i, i+1)
	}
}
