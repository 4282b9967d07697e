package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// maxPending bounds the responses that a connection has not taken: beyond it nothing more is read.
const maxPending = 64

// conn is one WebSocket. One goroutine reads, and while there is something to write another writes:
// ten thousand silent sockets have no writers.
type conn struct {
	s      *Server
	ws     *websocket.Conn
	who    visitor
	ctx    context.Context // ends with the reader
	moved  atomic.Int64    // when something was read last, in nanoseconds of time.Now
	places chan struct{}   // one for each response that may wait
	writer sync.WaitGroup

	// Server.mu guards what follows.
	subs    []*follower
	window  map[*message]bool // that were offered
	size    int               // bytes of these
	out     []item
	writing bool // there is a writer
	over    bool // nothing is written any more
}

// item is what the writer sends next: a text, or a message if it is still there then, or else a ping.
type item struct {
	text    []byte
	place   bool // the text gives its place back
	message *message
}

// socket answers GET /ws. The connection goes on in goroutines of its own, so that nothing of the
// request stays in memory as long as it.
func (s *Server) socket(w http.ResponseWriter, r *http.Request, who visitor) error {
	leave, ok := s.visitors.enter(who, placeSockets)
	if !ok {
		return dropSockets
	}
	ws, err := websocket.Accept(small{w}, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true})
	if err != nil {
		leave()
		s.counters.count(dropMalformed.reason)
		return nil // Accept has answered
	}
	c := &conn{s: s, ws: ws, who: who, places: make(chan struct{}, maxPending)}
	s.wg.Go(func() {
		defer leave()
		c.run()
	})
	return nil
}

// small gives a hijacked connection little buffers: most sockets are silent nearly always, and what is
// large passes buffers by.
type small struct{ http.ResponseWriter }

const smallBuffer = 512

// Hijack implements http.Hijacker.
func (w small) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, old, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// What has been read already has to lie in the new buffer too.
	n := old.Reader.Buffered()
	from := bufio.NewReaderSize(io.MultiReader(io.LimitReader(old.Reader, int64(n)), conn), max(smallBuffer, n))
	if _, err := from.Peek(n); err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, bufio.NewReadWriter(from, bufio.NewWriterSize(conn, smallBuffer)), nil
}

// run reads until the connection ends, beside a writer.
func (c *conn) run() {
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithCancel(c.s.ctx)
	c.ws.SetReadLimit(replyHead + maxMessage)
	c.enter()
	hello := time.AfterFunc(helloTime, c.greeted)
	err := c.read(c.ctx)
	hello.Stop()
	c.leave()
	cancel()
	c.end(err)
	c.writer.Wait()
}

func (c *conn) enter() {
	c.moved.Store(time.Now().UnixNano())
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.conns[c] = true
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
	slow := time.AfterFunc(moving(0), func() { c.ws.CloseNow() })
	defer slow.Stop()
	return c.s.read(r, c.who, most, &pace{time.Now(), func(at time.Time) { slow.Reset(time.Until(at)) }})
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
	if c.over {
		return
	}
	c.out = append(c.out, i)
	if !c.writing {
		c.writing = true
		c.writer.Go(c.write)
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
	c.over, c.out = true, nil
	delete(c.s.conns, c)
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

// fail implements access: who reads comes again, until there is a disk that works.
func (c *conn) fail() { c.ws.CloseNow() }

// room reports whether a message of size bytes may be offered.
func (c *conn) room(size int) bool {
	return len(c.window) < windowMessages && (c.size+size <= windowBytes || len(c.window) == 0)
}

// offered puts a message into the window and before the writer; the caller holds Server.mu.
func (c *conn) offered(m *message) {
	if c.window == nil {
		c.window = map[*message]bool{}
	}
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
