package relay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// maxPending bounds the responses that a connection has not taken: beyond it nothing more is read.
const maxPending = 64

// conn is one WebSocket. Its reader is the goroutine of its request; its writer another. Server.mu
// guards what is below it.
type conn struct {
	s      *Server
	ws     *websocket.Conn
	who    visitor
	moved  atomic.Int64  // when something was read last, in nanoseconds of time.Now
	places chan struct{} // one for each response that may wait
	wake   chan struct{} // of one: there is something to write

	subs   []*follower
	window map[*message]bool // that were offered
	size   int               // bytes of these
	out    []item
}

// item is what the writer sends next: a text, or a message if it is still there then.
type item struct {
	text    []byte
	place   bool // the text gives its place back
	message *message
}

// socket answers GET /ws.
func (s *Server) socket(w http.ResponseWriter, r *http.Request, who visitor) error {
	leave, ok := s.visitors.enter(who, placeSockets)
	if !ok {
		return dropSockets
	}
	defer leave()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true})
	if err != nil {
		s.counters.count(dropMalformed.reason)
		return nil // Accept has answered
	}
	c := &conn{s: s, ws: ws, who: who, places: make(chan struct{}, maxPending), wake: make(chan struct{}, 1), window: map[*message]bool{}}
	c.run()
	return nil
}

// run reads until the connection ends, beside a writer.
func (c *conn) run() {
	ctx, cancel := context.WithCancel(c.s.ctx)
	c.s.countSocket(+1)
	c.ws.SetReadLimit(replyHead + maxMessage)
	c.moved.Store(time.Now().UnixNano())
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(ctx)
	}()
	hello := time.AfterFunc(helloTime, c.greeted)
	err := c.read(ctx)
	hello.Stop()
	c.leave()
	cancel()
	c.end(err)
	<-written
	c.s.countSocket(-1)
}

func (s *Server) countSocket(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets += by
}

// greeted ends a connection that follows nothing.
func (c *conn) greeted() {
	c.s.mu.Lock()
	idle := len(c.subs) == 0
	c.s.mu.Unlock()
	if idle {
		c.s.counters.count(countIdle)
		c.ws.CloseNow()
	}
}

// end closes the connection with what belongs to the reader's error.
func (c *conn) end(err error) {
	var d *drop
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig), errors.Is(err, dropTooLarge):
		c.s.counters.count(dropTooLarge.reason)
		c.ws.Close(websocket.StatusMessageTooBig, dropTooLarge.reason)
	case errors.Is(err, dropMalformed):
		c.s.counters.count(countFrame)
		c.ws.Close(websocket.StatusPolicyViolation, countFrame)
	case errors.As(err, &d):
		c.s.counters.count(d.reason)
		c.ws.Close(websocket.StatusTryAgainLater, d.reason)
	}
	c.ws.CloseNow()
}

// read takes one frame after another.
func (c *conn) read(ctx context.Context) error {
	for {
		select {
		case c.places <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		kind, r, err := c.ws.Reader(ctx)
		if err != nil {
			return err
		}
		c.moved.Store(time.Now().UnixNano())
		if kind == websocket.MessageText {
			err = c.readText(r)
		} else {
			err = c.readBinary(r)
		}
		if err != nil {
			return err
		}
	}
}

func (c *conn) readText(r io.Reader) error {
	b, err := c.frame(r, maxText)
	if err != nil {
		return err
	}
	defer b.free()
	var q request
	if json.Unmarshal(b.bytes, &q) != nil {
		return dropMalformed
	}
	if q.Sub != nil {
		return c.sub(*q.Sub, q.Token)
	}
	return c.s.operate(q, c, c.say)
}

// frame reads one frame in its time.
func (c *conn) frame(r io.Reader, most int) (body, error) {
	began := time.Now()
	slow := time.AfterFunc(moving(0), func() { c.ws.CloseNow() })
	defer slow.Stop()
	return c.s.read(r, c.who, most, func(n int) {
		slow.Reset(time.Until(began.Add(moving(n))))
	})
}

func (c *conn) readBinary(r io.Reader) error {
	b, err := c.frame(r, replyHead+maxMessage)
	if err != nil {
		return err
	}
	i, answer, err := readReply(b.bytes)
	if err != nil {
		b.free()
		return dropMalformed
	}
	c.say(c.s.handOver(i, parcel{answer, b.free}, c))
	return nil
}

// say sends a response to something that was read.
func (c *conn) say(r response) {
	text, err := json.Marshal(r)
	if err != nil {
		return // strings and numbers only
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.push(item{text: text, place: true})
}

// push hands something to the writer; the caller holds Server.mu.
func (c *conn) push(i item) {
	c.out = append(c.out, i)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// sub begins to follow a queue.
func (c *conn) sub(name id, token string) error {
	secret, err := unb64u(token, minToken, maxToken)
	c.s.mu.Lock()
	q := c.s.queues[name]
	ok := err == nil && q != nil && slices.Contains(q.tokens, hashOf(secret))
	if ok && len(c.subs) < maxSubs {
		defer c.s.mu.Unlock()
		return c.follow(q, hashOf(secret))
	}
	c.s.mu.Unlock()
	if ok {
		return dropMalformed // too many
	}
	c.s.counters.count(dropToken.reason)
	if !c.s.visitors.allow(c.who, rateGuesses) {
		return dropGuesses
	}
	c.say(response{Refused: &name})
	return nil
}

// follow is sub for who may; the caller holds Server.mu.
func (c *conn) follow(q *queue, token hash) error {
	n := len(q.messages)
	text, err := json.Marshal(response{Sub: &q.id, Waiting: &n})
	if err != nil {
		return err
	}
	c.push(item{text: text, place: true})
	if i := slices.IndexFunc(c.subs, func(f *follower) bool { return f.queue == q }); i >= 0 {
		c.unfollow(c.subs[i])
	}
	c.s.last++
	f := &follower{conn: c, queue: q, token: token, number: c.s.last}
	c.subs = append(c.subs, f)
	q.followers = append(q.followers, f)
	c.s.seen(q)
	c.s.fill(c)
	return nil
}

// unfollow ends following a queue: what was offered is free again, and so is what was claimed. The
// caller holds Server.mu.
func (c *conn) unfollow(f *follower) {
	c.subs = slices.DeleteFunc(c.subs, func(o *follower) bool { return o == f })
	f.queue.followers = slices.DeleteFunc(f.queue.followers, func(o *follower) bool { return o == f })
	for m := range c.window {
		if m.queue == f.queue {
			c.done(m)
		}
	}
	for m := range c.s.held {
		if m.holder == any(c) && m.queue == f.queue {
			c.s.again(m)
		}
	}
}

// expel ends following and says so; the caller holds Server.mu.
func (c *conn) expel(f *follower) {
	c.unfollow(f)
	text, err := json.Marshal(response{Refused: &f.queue.id})
	if err == nil {
		c.push(item{text: text})
	}
}

// leave ends all that the connection has.
func (c *conn) leave() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, f := range slices.Clone(c.subs) {
		c.unfollow(f)
	}
	c.out = nil
}

// token implements access.
func (c *conn) token(q *queue) (hash, bool) {
	for _, f := range c.subs {
		if f.queue == q {
			return f.token, true
		}
	}
	return hash{}, false
}

// holder implements access.
func (c *conn) holder() any { return c }

// room reports whether a message of size bytes may be offered.
func (c *conn) room(size int) bool {
	return len(c.window) < windowMessages && (c.size+size <= windowBytes || len(c.window) == 0)
}

// offered puts a message into the window and before the writer; the caller holds Server.mu.
func (c *conn) offered(m *message) {
	c.window[m] = true
	c.size += m.size
	c.push(item{message: m})
}

// done takes a message out of the window; the caller holds Server.mu.
func (c *conn) done(m *message) {
	if c.window[m] {
		delete(c.window, m)
		c.size -= m.size
	}
}
