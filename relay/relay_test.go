package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// station is a relay under test, on a real port.
type station struct {
	t      testing.TB
	config Config
	clock  *clock
	server *Server
	http   *httptest.Server
	client *Client
	url    string
}

func start(t testing.TB, change ...func(*Config)) *station {
	t.Helper()
	st := &station{t: t, clock: newClock(), client: &Client{}}
	st.config = Config{Data: t.TempDir(), Queues: "open", Now: st.clock.now}
	for _, f := range change {
		f(&st.config)
	}
	st.open()
	t.Cleanup(st.close)
	return st
}

func (st *station) open() {
	st.t.Helper()
	s, err := Open(st.config)
	if err != nil {
		st.t.Fatal(err)
	}
	st.server = s
	st.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { st.server.ServeHTTP(w, r) }))
	st.url = st.http.URL + "/"
}

func (st *station) close() {
	if st.server == nil {
		return
	}
	if err := st.server.Close(); err != nil {
		st.t.Error(err)
	}
	st.http.CloseClientConnections()
	st.http.Close()
	st.server = nil
}

// restart ends the relay and opens its folder again, at another address.
func (st *station) restart() {
	st.t.Helper()
	st.close()
	st.open()
}

// ctx returns a context for what should be quick.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func bytesOfSize(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// box is a queue with a token and a send.
type box struct {
	Box
	send []byte
}

// queue makes a queue that one send leads to.
func (st *station) queue() box {
	st.t.Helper()
	b := box{Box{Token: bytesOfSize(32)}, bytesOfSize(sendSize)}
	var err error
	if b.Queue, err = st.client.NewQueue(soon(st.t), st.url, "", b.Token); err != nil {
		st.t.Fatal(err)
	}
	m := st.follow(b)
	defer m.Close()
	if err := m.AddSends(soon(st.t), b.Queue, b.send); err != nil {
		st.t.Fatal(err)
	}
	return b
}

// follow opens a mailbox; the test may close it earlier.
func (st *station) follow(boxes ...box) *Mailbox {
	var all []Box
	for _, b := range boxes {
		all = append(all, b.Box)
	}
	m := st.client.Mailbox(st.url, nil, all...)
	st.t.Cleanup(m.Close)
	return m
}

// setPush asks what only phones ask: to be woken when messages wait that nobody claims; nil ends that.
func (m *Mailbox) setPush(ctx context.Context, queue string, s *Subscription) error {
	return m.do(ctx, queue, request{Op: "push", Push: s})
}

// deleteQueue asks what only phones ask: to end a queue with all that waits in it.
func (m *Mailbox) deleteQueue(ctx context.Context, queue string) error {
	return m.do(ctx, queue, request{Op: "delete"})
}

// leave posts without waiting.
func (st *station) leave(b box, message []byte) Receipt {
	st.t.Helper()
	r, err := st.client.Post(soon(st.t), st.url, b.send, message, 0)
	if err != nil {
		st.t.Fatal(err)
	}
	return r
}

func next(t testing.TB, m *Mailbox) Message {
	t.Helper()
	got, err := m.Next(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// until polls for what becomes true in the background.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (st *station) counter(name string) uint64 { return st.server.Counters()[name] }

func TestMessageWaitsForWhoSleeps(t *testing.T) {
	st := start(t)
	b := st.queue()
	text := bytesOfSize(1 << 10)
	r := st.leave(b, text)
	if r.Answer != nil || r.Cancel == "" {
		t.Fatalf("receipt %+v", r)
	}
	m := st.follow(b)
	got := next(t, m)
	if !bytes.Equal(got.Body, text) || got.Waits || got.Send != mark(hashOf(b.send)) {
		t.Fatalf("got %d bytes, waits %v", len(got.Body), got.Waits)
	}
	if err := m.Claim(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	if err := m.Reply(soon(t), got.ID, []byte("x")); !errors.Is(err, ErrGone) {
		t.Errorf("a reply to nobody: %v", err)
	}
	if err := m.Ack(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	if n := st.counter("now_messages"); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestWhoWaitsIsAnswered(t *testing.T) {
	st := start(t)
	b := st.queue()
	m := st.follow(b)
	go answerAll(m, func(q []byte) []byte { return append([]byte("re: "), q...) })
	r, err := st.client.Post(soon(t), st.url, b.send, []byte("hello"), maxWait)
	if err != nil || string(r.Answer) != "re: hello" {
		t.Fatalf("%q, %v", r.Answer, err)
	}
	until(t, "acknowledged", func() bool { return st.counter("now_messages") == 0 })
}

// TestWhoLostAMessageDoesNotAnswerIt, though it may have sent its answer before it knew.
func TestWhoLostAMessageDoesNotAnswerIt(t *testing.T) {
	st := start(t)
	b := st.queue()
	one, two := st.follow(b), st.follow(b)
	until(t, "both follow", func() bool { return one.Connected() && two.Connected() })
	answered := make(chan Receipt, 1)
	go func() {
		r, err := st.client.Post(soon(t), st.url, b.send, []byte("hello"), maxWait)
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	got := next(t, one)
	next(t, two)
	if err := one.Claim(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	if err := two.Reply(soon(t), got.ID, []byte("mine")); !errors.Is(err, ErrGone) {
		t.Errorf("an answer of who has not claimed: %v", err)
	}
	if err := one.Reply(soon(t), got.ID, []byte("ours")); err != nil {
		t.Error(err)
	}
	if r := <-answered; string(r.Answer) != "ours" {
		t.Errorf("%q", r.Answer)
	}
}

// answerAll claims, answers and acknowledges until the mailbox is closed.
func answerAll(m *Mailbox, answer func([]byte) []byte) {
	ctx := context.Background()
	for {
		got, err := m.Next(ctx)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || m.Claim(ctx, got.ID) != nil {
			continue
		}
		if err := m.Reply(ctx, got.ID, answer(got.Body)); err != nil && !errors.Is(err, ErrGone) {
			continue
		}
		m.Ack(ctx, got.ID)
	}
}

func TestMessageIsCancelled(t *testing.T) {
	st := start(t)
	b := st.queue()
	r := st.leave(b, []byte("x"))
	if err := st.client.Cancel(soon(t), st.url, bytesOfSize(sendSize), r.Cancel); !errors.Is(err, ErrUnknown) {
		t.Errorf("by another send: %v", err)
	}
	if err := st.client.Cancel(soon(t), st.url, b.send, r.Cancel); err != nil {
		t.Fatal(err)
	}
	if err := st.client.Cancel(soon(t), st.url, b.send, r.Cancel); !errors.Is(err, ErrUnknown) {
		t.Errorf("twice: %v", err)
	}
	if n := st.counter("now_messages"); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestUnknownSend(t *testing.T) {
	st := start(t)
	if _, err := st.client.Post(soon(t), st.url, bytesOfSize(sendSize), []byte("x"), 0); !errors.Is(err, ErrUnknown) {
		t.Fatal(err)
	}
}

func TestRestartKeepsAll(t *testing.T) {
	st := start(t)
	b := st.queue()
	for _, size := range []int{1, 4096, 5 << 10, 64 << 10, maxMessage} {
		st.leave(b, bytes.Repeat([]byte{7}, size))
	}
	st.restart()
	m := st.follow(b)
	for _, size := range []int{1, 4096, 5 << 10, 64 << 10, maxMessage} {
		got := next(t, m)
		if !bytes.Equal(got.Body, bytes.Repeat([]byte{7}, size)) {
			t.Fatalf("%d bytes came for %d", len(got.Body), size)
		}
		if err := m.Ack(soon(t), got.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := st.counter("damaged"); n != 0 {
		t.Errorf("%d damaged", n)
	}
}
