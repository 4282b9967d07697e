package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// doorway is a gate on this machine, and what goes through it.
type doorway struct {
	t *testing.T
	*gate
}

func newDoorway(t *testing.T, each, all int) doorway {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	g := newGate(l, all, true)
	g.each = each
	return doorway{t, g}
}

// knock connects from an address of this machine.
func (d doorway) knock(from string) net.Conn {
	d.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.DialContext(d.t.Context(), "tcp", d.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	return c
}

// let accepts the next connection that gets a place, in the state of one that http.Server has just seen.
func (d doorway) let() net.Conn {
	d.t.Helper()
	c, err := d.Accept()
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	moved(c, http.StateNew)
	return c
}

// checkCut waits until the other side has ended c.
func checkCut(t *testing.T, what string, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: %v", what, err)
	}
}

// checkOpen looks whether what one side says arrives at the other.
func checkOpen(t *testing.T, what string, near, far net.Conn) {
	t.Helper()
	far.SetDeadline(time.Now().Add(time.Minute))
	if _, err := near.Write([]byte("x")); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if _, err := io.ReadFull(far, make([]byte, 1)); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func TestOneAddressTakesNotAllConnections(t *testing.T) {
	d := newDoorway(t, 2, 10)
	first := d.knock("127.0.0.2")
	let := d.let()
	d.knock("127.0.0.2")
	d.let()
	third, other := d.knock("127.0.0.2"), d.knock("127.0.0.3")
	checkOpen(t, "another address", d.let(), other)
	checkCut(t, "one too many", third)
	let.Close()
	let.Close() // gives one place back, not two
	checkCut(t, "the closed one", first)
	again := d.knock("127.0.0.2")
	checkOpen(t, "in the place of the closed one", d.let(), again)
	if d.held != 3 || d.here["127.0.0.2"] != 2 {
		t.Errorf("%d are held, %v", d.held, d.here)
	}
}

func TestWhoAsksNothingMakesPlace(t *testing.T) {
	d := newDoorway(t, 0, 3)
	asking, idle, silent := d.knock("127.0.0.2"), net.Conn(nil), net.Conn(nil)
	busy := d.let()
	moved(busy, http.StateActive)
	idle = d.knock("127.0.0.2")
	was := d.let()
	moved(was, http.StateActive)
	silent = d.knock("127.0.0.2")
	d.let()
	moved(was, http.StateIdle) // it has waited for less time than the silent one
	next := d.knock("127.0.0.3")
	checkOpen(t, "a new one", d.let(), next)
	checkCut(t, "the silent one", silent)
	checkOpen(t, "the one with a request", busy, asking)
	checkOpen(t, "the idle one", was, idle)
	d.knock("127.0.0.4")
	d.let()
	checkCut(t, "the idle one, then", idle)
}

func TestWhereAllAskNobodyComesIn(t *testing.T) {
	d := newDoorway(t, 0, 1)
	asking := d.knock("127.0.0.2")
	busy := d.let()
	moved(busy, http.StateActive)
	refused := d.knock("127.0.0.3")
	came := make(chan net.Conn, 1)
	go func() {
		if c, err := d.Accept(); err == nil {
			came <- c
		}
		close(came)
	}()
	checkCut(t, "one more", refused)
	checkOpen(t, "the one with a request", busy, asking)
	busy.Close()
	later := d.knock("127.0.0.3")
	if c := <-came; c == nil {
		t.Error("the place is not given again")
	} else {
		checkOpen(t, "later", c, later)
	}
}

// TestOneAddressMakesPlaceForOthers: whoever has most requests under way loses the oldest when another comes.
func TestOneAddressMakesPlaceForOthers(t *testing.T) {
	d := newDoorway(t, 0, 3)
	var many []net.Conn
	for range 3 {
		many = append(many, d.knock("127.0.0.2"))
		moved(d.let(), http.StateActive)
	}
	other := d.knock("127.0.0.3")
	busy := d.let()
	moved(busy, http.StateActive)
	checkOpen(t, "another address", busy, other)
	checkCut(t, "the oldest of the first", many[0])
	more := d.knock("127.0.0.3") // two and one: that is not much more
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Accept() // ends with the listener
	}()
	checkCut(t, "one more", more)
	d.Close()
	<-done
	if d.held != 3 || d.here["127.0.0.2"] != 2 || d.in.Len() != 3 {
		t.Errorf("%d are held, %v", d.held, d.here)
	}
}

// pipes is a listener of connections that are made in memory, where time can be made to pass.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// checkSlow runs a server of h with all its limits of time, and one who talks to it; spoken returns when it is
// done, or its connection was cut.
func checkSlow(t *testing.T, h http.HandlerFunc, talk func(c net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := make(pipes, 1)
		l <- far
		s := newHTTP(h)
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		talk(near)
		near.Close()
		close(l)
		<-served
		s.Close()
	})
}

// takeBody reads the whole body, and says how much it was.
func takeBody(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusRequestTimeout)
		return
	}
	w.Header().Set("Taken", fmt.Sprint(n))
	w.WriteHeader(http.StatusCreated)
}

// drip writes size bytes in parts, with a pause after each.
func drip(c net.Conn, size, part int, pause time.Duration) (err error) {
	for sent := 0; sent < size && err == nil; sent += part {
		_, err = c.Write(make([]byte, min(part, size-sent)))
		time.Sleep(pause)
	}
	return err
}

func TestSlowSenders(t *testing.T) {
	const size = 200 << 10
	for name, c := range map[string]struct {
		head  string
		part  int
		pause time.Duration
		cut   bool
	}{
		"a body by single bytes":              {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", 1, time.Second, true},
		"a body in bursts, less than enough":  {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", 4 << 10, 18 * time.Second, true},
		"a body that stops":                   {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", 64 << 10, time.Minute, true},
		"a body over a bad line":              {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", 2 << 10, time.Second, false},
		"a body with a tunnel on the way":     {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", 32 << 10, 18 * time.Second, false},
		"a head by single bytes":              {"", 1, time.Second, true},
		"chunks by single bytes":              {"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n32000\r\n", 1, time.Second, true},
		"a body that nobody wants, by drops":  {"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", 1, time.Second, true},
		"a body that is whole after a moment": {"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n", size, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/unread" {
					takeBody(w, r)
				}
			}
			checkSlow(t, h, func(conn net.Conn) {
				began, took, answer := time.Now(), time.Duration(0), make(chan string, 1)
				go func() {
					text, _ := io.ReadAll(conn)
					took = time.Since(began)
					answer <- string(text)
				}()
				io.WriteString(conn, c.head)
				err := drip(conn, size, c.part, c.pause)
				text := <-answer
				if c.cut != (err != nil) || c.cut && took > 30*time.Second {
					t.Errorf("after %v: %v", took, err)
				}
				if !c.cut && !strings.Contains(text, "\r\nTaken: 204800\r\n") {
					t.Errorf("answered %q", text)
				}
			})
		})
	}
}

func TestSlowReaders(t *testing.T) {
	const size = 200 << 10
	for name, c := range map[string]struct {
		part  int
		pause time.Duration
		cut   bool
	}{
		"by single bytes":   {1, time.Second, true},
		"who stop":          {16 << 10, time.Minute, true},
		"over a bad line":   {2 << 10, time.Second, false},
		"who pause a while": {32 << 10, 18 * time.Second, false},
	} {
		for kind, h := range map[string]http.HandlerFunc{
			"written": func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, size)) },
			"copied":  func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, io.LimitReader(zeros{}, size)) },
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				checkSlow(t, h, func(conn net.Conn) {
					io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
					began, read := time.Now(), 0
					var err error
					for err == nil {
						var n int
						n, err = io.ReadAtLeast(conn, make([]byte, c.part), 1)
						read += n
						time.Sleep(c.pause * time.Duration(n) / time.Duration(c.part))
					}
					if took := time.Since(began); c.cut != (read < size) || c.cut && took > 90*time.Second {
						t.Errorf("read %d bytes in %v: %v", read, took, err)
					}
				})
			})
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestSilentOnes(t *testing.T) {
	for name, head := range map[string]string{
		"who say nothing":     "",
		"who ask once":        "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
		"who stop in a head":  "GET / HTTP/1.1\r\nHost: x\r\nX-",
		"who owe the body":    "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
		"who wait to be told": "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			checkSlow(t, takeBody, func(conn net.Conn) {
				began := time.Now()
				go io.WriteString(conn, head)
				io.Copy(io.Discard, conn)
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("cut after %v", took)
				}
			})
		})
	}
}

// TestWhoWaitsIsNotCut: a request without a body may be answered as late as its handler likes.
func TestWhoWaitsIsNotCut(t *testing.T) {
	wait := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
			fmt.Fprint(w, "at last")
			http.NewResponseController(w).Flush()
		}
	}
	checkSlow(t, wait, func(conn net.Conn) {
		go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if text, err := io.ReadAll(conn); !strings.HasSuffix(string(text), "at last\r\n0\r\n\r\n") {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// TestLimitsFollowTheSettings: what stands in front, and TLS, change how many and how long.
func TestLimitsFollowTheSettings(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		idle   time.Duration
	}{
		"open to all":    {Config{}, idleTime},
		"behind a proxy": {Config{BehindProxy: true}, proxyTime},
	} {
		all, err := servers(c.config, make(pipes), http.NotFoundHandler())
		if err != nil || len(all) != 1 || all[0].IdleTimeout != c.idle || all[0].ReadHeaderTimeout != headerTime {
			t.Errorf("%s: %+v, %v", name, all, err)
		}
	}
	for most, want := range map[int]int{100: 100, openFiles(): openFiles() / 2} {
		if g := newGate(make(pipes), most, false); g.all != want || g.each != 0 {
			t.Errorf("of %d: %d, %d for each", most, g.all, g.each)
		}
	}
}

func TestFriendsHaveSoManyRequestsUnderWay(t *testing.T) {
	p := places{each: 2, all: 3}
	leave, ok := p.enter("ben")
	_, second := p.enter("ben")
	_, third := p.enter("ben")
	if !ok || !second || third {
		t.Fatal("ben has", p.here["ben"])
	}
	_, zoe := p.enter("zoe")
	_, full := p.enter("zoe")
	if !zoe || full {
		t.Error("zoe has", p.here["zoe"])
	}
	leave()
	if _, ok := p.enter("zoe"); !ok || p.taken != 3 || p.here["ben"] != 1 {
		t.Error("the place is not given again:", p.here)
	}
}
