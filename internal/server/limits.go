package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Time limits. A connection may be slow, never still: each read and each write must move within its
// time, so that a video over a bad line arrives and ten thousand idle sockets do not stay.
const (
	headerTime  = 10 * time.Second
	idleTime    = 60 * time.Second
	stallTime   = 20 * time.Second
	headerBytes = 32 << 10
)

// stalls pushes the deadlines of one connection forward as long as bytes move.
type stalls struct {
	http.ResponseWriter
	control *http.ResponseController
	body    io.ReadCloser
}

// withStallLimits makes every read of the request and every write of the response fail when it does
// not move for stallTime.
func withStallLimits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &stalls{ResponseWriter: w, control: http.NewResponseController(w), body: r.Body}
		s.control.SetReadDeadline(time.Now().Add(stallTime))
		s.control.SetWriteDeadline(time.Now().Add(stallTime))
		// net/http looks at the Body of its own request to see whether 100 Continue is still owed.
		limited := r.WithContext(r.Context())
		limited.Body = s
		next.ServeHTTP(s, limited)
	})
}

func (s *stalls) Read(p []byte) (int, error) {
	s.control.SetReadDeadline(time.Now().Add(stallTime))
	return s.body.Read(p)
}

func (s *stalls) Close() error { return s.body.Close() }

func (s *stalls) Write(p []byte) (int, error) {
	s.control.SetWriteDeadline(time.Now().Add(stallTime))
	return s.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the writer below.
func (s *stalls) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// ReadFrom keeps the copy of a large body moving in pieces, each with its own time.
func (s *stalls) ReadFrom(src io.Reader) (n int64, err error) {
	buf := make([]byte, 32<<10)
	return io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{src}, buf)
}

// rates limits what one address may ask of the endpoints that cost most before anybody is known.
type rates struct {
	mu    sync.Mutex
	now   func() time.Time
	limit rate.Limit
	burst int
	seen  map[string]*visitor
}

type visitor struct {
	limiter *rate.Limiter
	last    time.Time
}

// ratesMost bounds memory: beyond it the addresses seen longest ago are forgotten.
const ratesMost = 4096

func newRates(perSecond float64, burst int, now func() time.Time) *rates {
	return &rates{now: now, limit: rate.Limit(perSecond), burst: burst, seen: map[string]*visitor{}}
}

// allow reports whether the address may ask once more now.
func (l *rates) allow(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	v := l.seen[address]
	if v == nil {
		if len(l.seen) >= ratesMost {
			l.forget(now)
		}
		v = &visitor{limiter: rate.NewLimiter(l.limit, l.burst)}
		l.seen[address] = v
	}
	v.last = now
	return v.limiter.AllowN(now, 1)
}

// forget drops addresses whose allowance is full again, and all of them when none is: an attacker
// with that many addresses is not held back by this limit anyway.
func (l *rates) forget(now time.Time) {
	full := time.Duration(float64(l.burst)/float64(l.limit)) * time.Second
	for address, v := range l.seen {
		if now.Sub(v.last) > full {
			delete(l.seen, address)
		}
	}
	if len(l.seen) >= ratesMost {
		clear(l.seen)
	}
}

// asker is the key under which the context of a request holds the address that sent it.
type asker struct{}

// asking counts the documents that are being fetched for each address, so that nobody can take all the
// places there are for that by naming many slow servers.
type asking struct {
	mu   sync.Mutex
	here map[string]int
}

// askingMost is how many documents are fetched for one address at a time: more than a request needs.
const askingMost = 16

// enter takes a place for the asker of ctx, and reports whether there was one; the caller leaves it. What
// the server fetches for itself has no asker and no bound.
func (a *asking) enter(ctx context.Context) (leave func(), ok bool) {
	who, known := ctx.Value(asker{}).(string)
	if !known {
		return func() {}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.here[who] >= askingMost {
		return nil, false
	}
	if a.here == nil {
		a.here = map[string]int{}
	}
	a.here[who]++
	return func() { a.leave(who) }, true
}

func (a *asking) leave(who string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.here[who]--; a.here[who] == 0 {
		delete(a.here, who)
	}
}

// address returns who asks: the peer, or behind a proxy the last entry that the proxy added. Of an IPv6
// address only the network counts, since one asker has all of it.
func address(r *http.Request, behindProxy bool) string {
	text := peer(r, behindProxy)
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is6() || ip.Is4In6() {
		return text
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return text
	}
	return network.String()
}

func peer(r *http.Request, behindProxy bool) string {
	if list := r.Header.Values("X-Forwarded-For"); behindProxy && len(list) > 0 {
		all := strings.Split(list[len(list)-1], ",")
		return strings.TrimSpace(all[len(all)-1])
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
