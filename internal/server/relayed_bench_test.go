package server

import (
	"net/http"
	"net/http/httptest"
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
