package relay

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

var socketsFlag = flag.Int("sockets", 500, "how many open sockets the relay is to hold, each with a queue")

// as is a transport of somebody with an address of their own.
type as struct{ name string }

func (a as) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Test-As", a.name)
	return http.DefaultTransport.RoundTrip(r)
}

// asClient is the client of one of many people, each with an address of their own.
func asClient(i int) *http.Client {
	return &http.Client{Transport: as{fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)}}
}

// TestManySocketsTakeLittleMemory looks at the memory of a relay's process with many sockets.
func TestManySocketsTakeLittleMemory(t *testing.T) {
	n := *socketsFlag
	before, now, peak := holdSockets(t, n)
	t.Logf("%d sockets: %d MB before, %d MB now, %d MB at most, %d bytes each", n, before>>20, now>>20, peak>>20, (now-before)/n)
	if n >= 5000 && !watched && peak > 256<<20 {
		t.Errorf("%d MB at most", peak>>20)
	}
	if each := (now - before) / n; each > 64<<10 && !watched {
		t.Errorf("%d bytes for each socket", each)
	}
}

// BenchmarkSockets is the memory of a relay with 10,000 sockets, each with a queue.
func BenchmarkSockets(b *testing.B) {
	for b.Loop() {
		_, _, peak := holdSockets(b, 10_000)
		b.ReportMetric(float64(peak)/(1<<20), "rss-MB")
	}
}

// holdSockets opens sockets that each follow a queue of their own, with eight sends, and returns what
// memory the relay's process took before, takes then, and took at most.
func holdSockets(t testing.TB, n int) (before, now, peak int) {
	t.Helper()
	if files := openFiles(); files < n+100 {
		t.Skipf("%d files may be open", files)
	}
	c := spawn(t, t.TempDir())
	defer c.kill()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before, _ = c.memory()
	var wg sync.WaitGroup
	conns := make([]*websocket.Conn, n)
	gate := make(chan struct{}, 32)
	for i := range n {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			conn, err := openSocket(ctx, c.url, asClient(i))
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = conn
		})
	}
	wg.Wait()
	now, peak = c.memory()
	if got := countersOf(t, c.url)["now_sockets"]; int(got) != n {
		t.Errorf("%d sockets are open, of %d", got, n)
	}
	for _, conn := range conns {
		if conn != nil {
			conn.CloseNow()
		}
	}
	return before, now, peak
}

// openSocket makes a queue and follows it, with as little as possible on this side.
func openSocket(ctx context.Context, url string, as *http.Client) (*websocket.Conn, error) {
	client := &Client{HTTP: as}
	token := bytesOfSize(32)
	queue, err := client.NewQueue(ctx, url, "", token)
	if err != nil {
		return nil, err
	}
	conn, _, err := websocket.Dial(ctx, url+"ws", &websocket.DialOptions{HTTPClient: client.HTTP, Subprotocols: []string{subprotocol}})
	if err != nil {
		return nil, err
	}
	var name id
	if err := name.UnmarshalText([]byte(queue)); err != nil {
		return nil, err
	}
	s := &socket{conn: conn, m: &Mailbox{}}
	if err := s.sub(ctx, Box{queue, token}); err != nil {
		return nil, err
	}
	if _, _, err := conn.Read(ctx); err != nil {
		return nil, err
	}
	q := request{Op: "send.add", Queue: &name, Do: new(uint64)}
	for range 8 {
		q.Hashes = append(q.Hashes, hashOf(bytesOfSize(sendSize)))
	}
	if err := s.write(ctx, q); err != nil {
		return nil, err
	}
	_, _, err = conn.Read(ctx)
	return conn, err
}
