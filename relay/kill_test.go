package relay

import (
	"context"
	"crypto/sha256"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

var (
	killMessages = flag.Int("kill-messages", 600, "how many acknowledged messages the relay is killed among")
	killEvery    = flag.Duration("kill-every", 150*time.Millisecond, "how long, about, until it is killed again")
)

// ledger is what people remember of what a relay has told them.
type ledger struct {
	mu       sync.Mutex
	accepted map[hash]bool // 202
	acked    map[hash]bool // "acked"
	again    int           // came after they were acked
	seen     map[hash]bool
}

func (l *ledger) count() (accepted, acked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), len(l.acked)
}

// TestKilledRelayLosesNothingAcknowledged kills the relay's process again and again while many people
// post and one collects. Whatever was accepted is there in the end, unless it was
// acknowledged; what was acknowledged never comes back.
func TestKilledRelayLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	c := spawn(t, dir)
	b := childQueue(t, c.url)
	l := &ledger{accepted: map[hash]bool{}, acked: map[hash]bool{}, seen: map[hash]bool{}}
	kills := 0
	for {
		stop := l.work(t, c.url, b)
		time.Sleep(*killEvery/2 + rand.N(*killEvery))
		c.kill()
		stop()
		kills++
		c = spawn(t, dir)
		if n, _ := l.count(); n >= *killMessages {
			break
		}
	}
	l.drain(t, c.url, b)
	accepted, acked := l.count()
	lost := 0
	for h := range l.accepted {
		if !l.seen[h] {
			lost++
		}
	}
	t.Logf("%d kills, %d accepted, %d acknowledged, %d lost, %d back after they were acknowledged", kills, accepted, acked, lost, l.again)
	if lost > 0 || l.again > 0 || len(l.accepted) < *killMessages {
		t.Errorf("%d lost, %d came back", lost, l.again)
	}
	if n := countersOf(t, c.url)["damaged"]; n > 0 {
		t.Errorf("%d records are damaged", n)
	}
}

// childQueue makes a queue with a send for each of several people at a relay in another process.
func childQueue(t testing.TB, url string) box {
	t.Helper()
	b := box{Box{Token: bytesOfSize(32)}, bytesOfSize(sendSize)}
	client := &Client{}
	var err error
	if b.Queue, err = client.NewQueue(soon(t), url, "", b.Token); err != nil {
		t.Fatal(err)
	}
	m := client.Mailbox(url, nil, b.Box)
	defer m.Close()
	for i := range posters {
		if err := m.AddSends(soon(t), b.Queue, b.of(i)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

const posters = 32

// of is the send of one of several people.
func (b box) of(i int) []byte {
	send := append([]byte{}, b.send...)
	send[0] ^= byte(i)
	return send
}

// work lets people post, and one collect, until stop is called.
func (l *ledger) work(t *testing.T, url string, b box) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range posters {
		wg.Go(func() { l.post(ctx, url, b.of(i), i) })
	}
	m := (&Client{}).Mailbox(url, nil, b.Box)
	wg.Go(func() { l.collect(ctx, m) })
	return func() { cancel(); m.Close(); wg.Wait() }
}

func (l *ledger) post(ctx context.Context, url string, send []byte, i int) {
	for n := i; ctx.Err() == nil; n += posters {
		client := &Client{HTTP: asClient(n)}      // so that none is limited by rate
		body := bytesOfSize(16 + rand.IntN(2048)) // none twice
		r, err := client.Post(ctx, url, send, body, 0)
		if err != nil {
			continue
		}
		if r.Cancel != "" {
			l.mu.Lock()
			l.accepted[sha256.Sum256(body)] = true
			l.mu.Unlock()
		}
	}
}

// collect acknowledges what comes.
func (l *ledger) collect(ctx context.Context, m *Mailbox) {
	for {
		got, err := m.Next(ctx)
		if err != nil {
			return
		}
		h := hash(sha256.Sum256(got.Body))
		l.mu.Lock()
		l.seen[h] = true
		if l.acked[h] {
			l.again++
		}
		l.mu.Unlock()
		if m.Ack(ctx, got.ID) == nil {
			l.mu.Lock()
			l.acked[h] = true
			l.mu.Unlock()
		}
	}
}

// drain takes all that is left.
func (l *ledger) drain(t *testing.T, url string, b box) {
	ctx, cancel := context.WithCancel(context.Background())
	m := (&Client{}).Mailbox(url, nil, b.Box)
	var wg sync.WaitGroup
	wg.Go(func() { l.collect(ctx, m) })
	until(t, "the queue is empty", func() bool { return countersOf(t, url)["now_messages"] == 0 })
	cancel()
	m.Close()
	wg.Wait()
}
