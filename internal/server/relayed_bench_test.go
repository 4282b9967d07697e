package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/sealed"
)

// BenchmarkSealedGET compares a friend's GET of a post of 2 KB by the ways there are, both sides awake, all on
// loopback: what a mailbox adds is the difference.
func BenchmarkSealedGET(b *testing.B) {
	c := newClock()
	f := newFriends(b, c, newPost(b, c))
	f.share("2026-11-22-a", `{"content":"`+string(make([]byte, 2000))+`"}`, true)
	web := httptest.NewServer(f.Server)
	b.Cleanup(web.Close)
	direct := *f.ana.line
	direct.Carrier = sealed.HTTPS{URL: web.URL + "/" + DefaultName + "/.sealed", Client: web.Client()}
	for name, l := range map[string]*line{"mailbox": f.ana.line, "https": &direct} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c.pass(time.Second) // the limits of one address
				if a, err := l.ask("GET", postOne, ""); err != nil || a.status != http.StatusOK {
					b.Fatal(a.status, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N), "ms/GET")
		})
	}
}

// away puts a listener before a server whose bytes take so long in each direction, and returns its address.
func away(b *testing.B, at string, delay time.Duration) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", at)
			if err != nil {
				near.Close()
				continue
			}
			context.AfterFunc(ctx, func() { near.Close(); far.Close() })
			wg.Go(func() { late(far, near, delay) })
			wg.Go(func() { late(near, far, delay) })
		}
	})
	b.Cleanup(func() {
		l.Close()
		cancel()
		wg.Wait()
	})
	return l.Addr().String()
}

// late passes on what comes, each piece after a delay of its own, so that what follows is not held up.
func late(to, from net.Conn, delay time.Duration) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	way := make(chan piece, 1024)
	go func() {
		defer close(way)
		for {
			p := make([]byte, 32<<10)
			n, err := from.Read(p)
			if n > 0 {
				way <- piece{p[:n], time.Now().Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	for range way {
	}
}

// BenchmarkAway is a friend's GET of 2 KB where asker, relay and pod are 50 ms from each other, there and back, on
// connections that stand: a plain one of a file of the app, sealed by HTTPS, and sealed by a mailbox.
func BenchmarkAway(b *testing.B) {
	const oneWay = 25 * time.Millisecond
	c := newClock()
	p := newPost(b, c)
	p.at = away(b, p.at, oneWay)
	p.url = "http://" + p.at + "/"
	f := newFriends(b, c, p)
	f.share("2026-11-22-a", `{"content":"`+strings.Repeat("x", 2000)+`"}`, true)
	web := httptest.NewServer(f.Server)
	b.Cleanup(web.Close)
	pod := "http://" + away(b, web.Listener.Addr().String(), oneWay)
	near := *f.ana.line
	near.Carrier = sealed.HTTPS{URL: pod + "/" + DefaultName + "/.sealed", Client: web.Client()}
	by := func(l *line) func() (int, error) {
		return func() (int, error) {
			a, err := l.ask("GET", postOne, "")
			return a.status, err
		}
	}
	for name, get := range map[string]func() (int, error){
		"plain": func() (int, error) { return plain(web.Client(), pod+"/icon.svg") }, "https": by(&near), "mailbox": by(f.ana.line),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c.pass(time.Second) // the limits of one address
				if status, err := get(); err != nil || status != http.StatusOK {
					b.Fatal(status, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(b.N), "ms/GET")
		})
	}
}

func plain(client *http.Client, url string) (int, error) {
	a, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	_, err = io.Copy(io.Discard, a.Body)
	return a.StatusCode, err
}
