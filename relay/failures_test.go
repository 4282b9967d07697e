package relay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var slowFlag = flag.Int("slow", 50, "how many bodies do not come, and how many sockets say nothing")

// flaky is a connection that a test cuts: it dials, and remembers.
type flaky struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (f *flaky) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.mu.Unlock()
		}
		return c, err
	}}}
}

// cut ends all connections, as a phone that leaves the house.
func (f *flaky) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}

// TestDuplicateAfterLostAck: the connection ends between a message and its ack. It comes again, and
// once more acknowledged it is gone.
func TestDuplicateAfterLostAck(t *testing.T) {
	st := start(t)
	b := st.queue()
	f := &flaky{}
	m := (&Client{HTTP: f.client()}).Mailbox(st.url, nil, b.Box)
	defer m.Close()
	st.leave(b, []byte("x"))
	one := next(t, m)
	f.cut()
	two := next(t, m)
	if one.ID != two.ID || !bytes.Equal(one.Body, two.Body) {
		t.Fatalf("%s came, then %s", one.ID, two.ID)
	}
	for range 2 {
		if err := m.Ack(soon(t), two.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := st.counter("now_messages"); n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

// TestClaimerDies: who has claimed a message loses the connection, and another gets it at once.
func TestClaimerDies(t *testing.T) {
	st := start(t)
	b := st.queue()
	dying, other := st.follow(b), st.follow(b)
	until(t, "both follow", func() bool { return dying.Connected() && other.Connected() })
	st.leave(b, []byte("x"))
	got := next(t, dying)
	if err := dying.Claim(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	if err := other.Claim(soon(t), next(t, other).ID); !errors.Is(err, ErrTaken) {
		t.Fatalf("claimed twice: %v", err)
	}
	dying.Close()
	again := next(t, other)
	if err := other.Claim(soon(t), again.ID); err != nil || again.ID != got.ID {
		t.Fatal(err)
	}
}

// TestClaimLapses: who has claimed a message does nothing any more, for 30 s.
func TestClaimLapses(t *testing.T) {
	st := start(t)
	b := st.queue()
	idle, other := st.follow(b), st.follow(b)
	until(t, "both follow", func() bool { return idle.Connected() && other.Connected() })
	st.leave(b, []byte("x"))
	got := next(t, idle)
	if err := idle.Claim(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	next(t, other)
	st.clock.forward(claimTime - time.Second)
	st.server.lapse()
	if err := other.Claim(soon(t), got.ID); !errors.Is(err, ErrTaken) {
		t.Fatalf("a claim held less than 30 s: %v", err)
	}
	st.clock.forward(time.Second)
	if err := other.Claim(soon(t), next(t, other).ID); err != nil {
		t.Fatal(err)
	}
}

func TestRequestExpiresInTheQueue(t *testing.T) {
	st := start(t)
	b := st.queue()
	text := posted([]byte("soon forgotten"), 1000)
	st.leave(b, text)
	st.clock.forward(timeToLive - time.Second)
	st.server.sweep()
	if n := st.counter("now_messages"); n != 1 {
		t.Fatalf("%d messages before their time", n)
	}
	st.clock.forward(time.Second)
	st.server.sweep()
	if n := st.counter("expired"); n != 1 || st.counter("now_messages") != 0 {
		t.Fatalf("%d expired", n)
	}
	until(t, "erased", func() bool { return len(opened(t, st.config.Data)) == 0 })
	st.restart()
	if n := st.counter("now_messages"); n != 0 {
		t.Errorf("%d messages after a restart", n)
	}
}

// TestRelayRestartsMidWait: an asker waits, and so does a responder, while the relay's process ends and
// starts again at the same address. What was not acknowledged is asked again and answered.
func TestRelayRestartsMidWait(t *testing.T) {
	st := start(t)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { st.server.ServeHTTP(w, r) }))
	defer front.Close()
	relay := front.URL + "/"
	b := st.queue()
	m := st.client.Mailbox(relay, nil, b.Box)
	defer m.Close()
	type result struct {
		Receipt
		err error
	}
	came := make(chan result, 1)
	go func() {
		r, err := st.client.Post(context.Background(), relay, b.send, []byte("first"), maxWait)
		came <- result{r, err}
	}()
	next(t, m) // so it is on its way
	old := st.server
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if r := <-came; r.err != nil || r.Cancel == "" {
		t.Fatalf("the end of the relay: %+v", r)
	}
	s, err := Open(st.config)
	if err != nil {
		t.Fatal(err)
	}
	st.server = s
	front.CloseClientConnections()
	go answerAll(m, bytes.ToUpper)
	until(t, "what was accepted is taken", func() bool { return st.counter("acked") == 1 })
	r, err := st.client.Post(soon(t), relay, b.send, []byte("second"), maxWait)
	if err != nil || string(r.Answer) != "SECOND" {
		t.Fatalf("%q, %v", r.Answer, err)
	}
}

func TestQueueFullThenDrained(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	m := st.follow(b)
	var sends [][]byte
	for range 4 {
		sends = append(sends, bytesOfSize(sendSize))
	}
	if err := m.AddSends(soon(t), b.Queue, sends...); err != nil {
		t.Fatal(err)
	}
	m.Close()
	for _, send := range sends {
		for range sendMessages {
			if _, err := st.client.Post(soon(t), st.url, send, []byte("x"), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := st.client.Post(soon(t), st.url, b.send, []byte("one more"), 0); !errors.Is(err, ErrFull) {
		t.Fatalf("into a full queue: %v", err)
	}
	if n := st.counter("queue_full"); n != 1 {
		t.Errorf("counted %d times", n)
	}
	m = st.follow(b)
	for range queueMessages {
		if err := m.Ack(soon(t), next(t, m).ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.client.Post(soon(t), st.url, b.send, []byte("again"), 0); err != nil {
		t.Fatalf("after it was drained: %v", err)
	}
	if got := next(t, m); string(got.Body) != "again" {
		t.Errorf("got %q", got.Body)
	}
}

// generous makes every request come from an address of its own, where a test is not about addresses.
func generous(c *Config) {
	var n atomic.Uint64
	c.Client = func(*http.Request) string { return fmt.Sprint(n.Add(1)) }
}

// TestFriendsReturnAtOnce: 250 friends ask at the same moment, each from an address of their own, and
// one responder answers them all.
func TestFriendsReturnAtOnce(t *testing.T) {
	const friends = 250
	st := start(t, func(c *Config) { c.Client = func(r *http.Request) string { return r.Header.Get("Test-As") } })
	b := st.queue()
	m := st.follow(b)
	sends := make([][]byte, friends)
	for i := range sends {
		sends[i] = bytesOfSize(sendSize)
	}
	if err := m.AddSends(soon(t), b.Queue, sends...); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		go answerAll(m, func(q []byte) []byte { return append([]byte("re: "), q...) })
	}
	var wg sync.WaitGroup
	began, wrong := time.Now(), atomic.Int32{}
	for i, send := range sends {
		wg.Go(func() {
			body := []byte(fmt.Sprint("friend ", i))
			r, err := (&Client{HTTP: asClient(i)}).Post(soon(t), st.url, send, body, maxWait)
			if err != nil || string(r.Answer) != "re: "+string(body) {
				wrong.Add(1)
			}
		})
	}
	wg.Wait()
	t.Logf("%d friends were answered in %v", friends, time.Since(began).Round(time.Millisecond))
	if wrong.Load() > 0 {
		t.Errorf("%d got no answer or a wrong one", wrong.Load())
	}
	until(t, "acknowledged", func() bool { return st.counter("now_messages") == 0 })
}

// TestReaderReturnsToManyMessages: 250 messages wait when their reader returns.
func TestReaderReturnsToManyMessages(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	m := st.follow(b)
	want := map[string]bool{}
	for i := range 250 {
		send, body := bytesOfSize(sendSize), fmt.Sprint("message ", i)
		if err := m.AddSends(soon(t), b.Queue, send); err != nil {
			t.Fatal(err)
		}
		st.leave(box{b.Box, send}, []byte(body))
		want[body] = true
	}
	m.Close()
	m = st.follow(b)
	for len(want) > 0 {
		got := next(t, m)
		if !want[string(got.Body)] {
			t.Fatalf("%q came twice, or was never sent", got.Body)
		}
		delete(want, string(got.Body))
		if err := m.Ack(soon(t), got.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLeakedSendID: somebody floods by a send that has leaked. A friend is not affected, and once the
// owner has removed the send nothing of the flood is left.
func TestLeakedSendID(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	m := st.follow(b)
	leaked := bytesOfSize(sendSize)
	if err := m.AddSends(soon(t), b.Queue, leaked); err != nil {
		t.Fatal(err)
	}
	m.Close()
	full := 0
	for range sendMessages + 20 {
		if _, err := st.client.Post(soon(t), st.url, leaked, []byte("flood"), 0); errors.Is(err, ErrFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if full != 20 || st.counter("send_full") != 20 {
		t.Errorf("%d were refused, %d counted", full, st.counter("send_full"))
	}
	st.leave(b, []byte("a friend"))
	m = st.follow(b)
	if err := m.RemoveSends(soon(t), b.Queue, leaked); err != nil {
		t.Fatal(err)
	}
	if n := st.counter("removed"); n != sendMessages {
		t.Errorf("%d were removed", n)
	}
	for {
		got := next(t, m)
		if string(got.Body) == "a friend" {
			break
		}
	}
	if _, err := st.client.Post(soon(t), st.url, leaked, []byte("more"), 0); !errors.Is(err, ErrUnknown) {
		t.Errorf("by a removed send: %v", err)
	}
}

// TestGuessingSends: who tries secrets is slowed down, by address; others are not.
func TestGuessingSends(t *testing.T) {
	st := start(t, func(c *Config) { c.Client = func(r *http.Request) string { return r.Header.Get("Test-As") } })
	b := st.queue()
	guesser, busy := &Client{HTTP: asClient(1)}, 0
	for range 100 {
		_, err := guesser.Post(soon(t), st.url, bytesOfSize(sendSize), []byte("x"), 0)
		if errors.Is(err, ErrBusy) {
			busy++
		} else if !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	}
	if busy != 40 || st.counter("guesses") != 40 || st.counter("unknown_send") != 60 {
		t.Errorf("%d of 100 guesses were refused", busy)
	}
	if _, err := (&Client{HTTP: asClient(2)}).Post(soon(t), st.url, b.send, []byte("x"), 0); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

func TestFloodOfOneAddress(t *testing.T) {
	st := start(t, func(c *Config) { c.Client = func(r *http.Request) string { return r.Header.Get("Test-As") } })
	b := st.queue()
	limited := 0
	for range 300 {
		r, err := http.NewRequest("POST", st.url+"s/"+b64u(b.send), strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := asClient(1).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusTooManyRequests {
			limited++
			if answer.Header.Get("Retry-After") == "" {
				t.Fatal("429 without Retry-After")
			}
		}
	}
	if limited != 100 || st.counter("rate") != 100 {
		t.Errorf("%d of 300 were refused, %d counted", limited, st.counter("rate"))
	}
	st.leave(b, []byte("somebody else"))
}

// TestSlowAndHalfOpenConnections: bodies that do not come, sockets that say nothing, and sockets whose
// other end is gone without a word are ended, and honest people are answered meanwhile.
func TestSlowAndHalfOpenConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	t.Parallel()
	each := uint64(*slowFlag)
	c := spawn(t, t.TempDir())
	b := childQueue(t, c.url)
	ended := make(chan string, 2*each)
	address := strings.Trim(c.url, "htp:/")
	for i := range int(each) {
		as := fmt.Sprintf("Host: a\r\nTest-As: 10.%d.%d.9\r\n", i>>8, i&255)
		go func() {
			ended <- hang(address, "POST /s/"+b64u(b.send)+" HTTP/1.1\r\n"+as+"Content-Length: 1000000\r\n\r\nbegun")
		}()
		go func() {
			ended <- hang(address, "GET /ws HTTP/1.1\r\n"+as+upgrade)
		}()
	}
	client := &Client{HTTP: asClient(1)}
	m := client.Mailbox(c.url, nil, b.Box)
	defer m.Close()
	go answerAll(m, func(q []byte) []byte { return q })
	var took []time.Duration
	for n := range 100 {
		began := time.Now()
		if r, err := (&Client{HTTP: asClient(n)}).Post(soon(t), c.url, b.send, []byte("honest"), maxWait); err != nil || r.Answer == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		took = append(took, time.Since(began))
	}
	for range 2 * each {
		select {
		case <-ended:
		case <-time.After(40 * time.Second):
			t.Fatal("somebody who does nothing is still connected after 40 s")
		}
	}
	slices.Sort(took)
	_, peak := c.memory()
	t.Logf("%d slow bodies, %d silent sockets: honest people waited %v (median), %v at most; %d MB", each, each, took[len(took)/2], took[len(took)-1], peak>>20)
	if all := countersOf(t, c.url); all["slow"] != each || all["idle"] != each {
		t.Errorf("%d slow, %d idle", all["slow"], all["idle"])
	}
	if peak > 256<<20 && !watched {
		t.Errorf("%d MB", peak>>20)
	}
}

// upgrade is the rest of a WebSocket's first request.
const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: kith.relay.1\r\n\r\n"

// hang sends what begins a request, and waits for the other end to give up.
func hang(address, text string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return err.Error()
	}
	said, _ := io.ReadAll(bufio.NewReader(conn))
	return string(said)
}

// TestHalfOpenSocketIsPinged: the other end is there, but answers no ping.
func TestHalfOpenSocketIsPinged(t *testing.T) {
	st := start(t)
	b := st.queue()
	conn, err := net.Dial("tcp", st.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sub := fmt.Sprintf(`{"sub":%q,"token":%q}`, b.Queue, b64u(b.Token))
	io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: a\r\n"+upgrade)
	conn.Write(append([]byte{0x81, 0x80 | byte(len(sub)), 0, 0, 0, 0}, sub...)) // masked with zeros
	r := bufio.NewReader(conn)
	until(t, "it follows and has been told so", func() bool {
		st.server.mu.Lock()
		defer st.server.mu.Unlock()
		all := st.server.queues[mustID(t, b.Queue)].followers
		return len(all) == 1 && !all[0].conn.writing
	})
	st.server.mu.Lock()
	for c := range st.server.conns {
		c.moved.Store(time.Now().Add(-2 * silentTime).UnixNano())
	}
	st.server.mu.Unlock()
	st.server.pings()
	said, err := readUntilPing(r)
	if err != nil {
		t.Fatalf("no ping came after %q: %v", said, err)
	}
}

// readUntilPing reads what a server says until a ping's head (0x89).
func readUntilPing(r *bufio.Reader) (said []byte, err error) {
	for {
		b, err := r.ReadByte()
		if err != nil || b == 0x89 {
			return said, err
		}
		said = append(said, b)
	}
}

// TestNobodyIsToldOfADecline: a queue where all decline looks like one where all sleep.
func TestNobodyIsToldOfADecline(t *testing.T) {
	st := start(t)
	b := st.queue()
	m := st.follow(b)
	go func() {
		for {
			got, err := m.Next(context.Background())
			if err != nil || m.Decline(context.Background(), got.ID) != nil {
				return
			}
		}
	}()
	began := time.Now()
	r, err := st.client.Post(soon(t), st.url, b.send, []byte("x"), time.Second)
	if err != nil || r.Cancel == "" || time.Since(began) < time.Second {
		t.Fatalf("%+v, %v after %v", r, err, time.Since(began))
	}
	if n := st.counter("declined"); n != 1 || st.counter("now_messages") != 0 {
		t.Errorf("%d declined, %d left", n, st.counter("now_messages"))
	}
}

// TestOneDecliningLeavesTheOthers: pod and phone have a token each. What one declines the other gets,
// also after it has released it.
func TestOneDecliningLeavesTheOthers(t *testing.T) {
	st := start(t)
	b := st.queue()
	pod := st.follow(b)
	phone := box{Box{b.Queue, bytesOfSize(32)}, b.send}
	if err := pod.AddTokens(soon(t), b.Queue, phone.Token); err != nil {
		t.Fatal(err)
	}
	st.leave(b, []byte("x"))
	got := next(t, pod)
	if err := pod.Claim(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	if err := pod.Decline(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	lagging := st.follow(phone)
	if err := lagging.Claim(soon(t), next(t, lagging).ID); err != nil {
		t.Fatal(err)
	}
	if err := lagging.Release(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	fresh := st.follow(phone)
	if again := next(t, fresh); again.ID != got.ID {
		t.Fatalf("%s came", again.ID)
	}
	if err := fresh.Decline(soon(t), got.ID); err != nil {
		t.Fatal(err)
	}
	if n := st.counter("now_messages"); n != 0 {
		t.Errorf("%d left after both declined", n)
	}
}

// TestWhatWasReleasedIsAskedForAgain: a mailbox that has room again asks for what it gave back.
func TestWhatWasReleasedIsAskedForAgain(t *testing.T) {
	st := start(t)
	b := st.queue()
	pod := st.follow(b)
	st.leave(b, []byte("x"))
	got := next(t, pod)
	if err := errors.Join(pod.Claim(soon(t), got.ID), pod.Release(soon(t), got.ID)); err != nil {
		t.Fatal(err)
	}
	pod.Again()
	if again := next(t, pod); again.ID != got.ID {
		t.Errorf("%s came", again.ID)
	}
}

// TestRemovedTokenIsCutAtOnce: a lost phone reads nothing from the moment its token is removed.
func TestRemovedTokenIsCutAtOnce(t *testing.T) {
	st := start(t)
	b := st.queue()
	pod := st.follow(b)
	phone := box{Box{b.Queue, bytesOfSize(32)}, b.send}
	if err := pod.AddTokens(soon(t), b.Queue, phone.Token); err != nil {
		t.Fatal(err)
	}
	lost := st.follow(phone)
	until(t, "the phone follows", func() bool { return slices.Equal(st.followers(b), []int{2}) })
	if err := pod.RemoveTokens(soon(t), b.Queue, phone.Token); err != nil {
		t.Fatal(err)
	}
	if _, err := lost.Next(soon(t)); !errors.Is(err, ErrRefused) {
		t.Fatalf("the lost phone is told %v", err)
	}
	st.leave(b, []byte("x"))
	next(t, pod)
	if n := st.followers(b); !slices.Equal(n, []int{1}) {
		t.Errorf("%v follow", n)
	}
	r, err := http.NewRequest("GET", st.url+"q/"+b.Queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = bearer(phone.Box)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a poll by the removed token: %d", answer.StatusCode)
	}
}

func (st *station) followers(b box) []int {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	return []int{len(st.server.queues[mustID(st.t, b.Queue)].followers)}
}
