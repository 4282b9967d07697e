package server

import (
	"context"
	"io"
	"log/slog"
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
	idleTime    = 25 * time.Second
	proxyTime   = 3 * time.Minute // of a proxy's idle connections: it has to be the one that ends them, or requests are lost
	stallTime   = 20 * time.Second
	slowest     = 1 << 10  // bytes a second, below which a sender uses up stallTime
	piece       = 16 << 10 // bytes of an answer that must move within stallTime
	headerBytes = 32 << 10
	streamsMost = 100 // requests at a time in one connection of HTTP/2
)

// Limits of requests that are under way at a time, waits for changes included.
const (
	requestsMost    = 16 << 10
	requestsAddress = 1 << 10
	requestsFriend  = 64
)

// newHTTP returns the server of h with all limits of time and size; the listener given to it is a gate.
func newHTTP(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           withStallLimits(h),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: streamsMost, SendPingTimeout: stallTime, PingTimeout: headerTime, WriteByteTimeout: stallTime},
		ConnState:         moved,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
}

// stalls pushes the deadlines of one connection forward as long as bytes move.
type stalls struct {
	http.ResponseWriter
	control *http.ResponseController
	body    io.ReadCloser
	left    time.Duration // that the sender may still take; bytes that come give it back, up to stallTime
}

// withStallLimits ends requests whose body stops, or comes by single bytes, and answers that are not read.
func withStallLimits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &stalls{ResponseWriter: w, control: http.NewResponseController(w), body: r.Body, left: stallTime}
		s.control.SetWriteDeadline(time.Now().Add(stallTime))
		if r.Body == http.NoBody { // a deadline for reading would end the request itself
			next.ServeHTTP(s, r)
			return
		}
		s.control.SetReadDeadline(time.Now().Add(stallTime))
		// net/http looks at the Body of its own request to see whether 100 Continue is still owed.
		limited := r.WithContext(r.Context())
		limited.Body = s
		next.ServeHTTP(s, limited)
	})
}

// Read counts the time that it waits, and not the time between two calls, which is this server's own.
func (s *stalls) Read(p []byte) (int, error) {
	began := time.Now()
	s.control.SetReadDeadline(began.Add(s.left))
	n, err := s.body.Read(p)
	s.left = min(stallTime, s.left-time.Since(began)+time.Duration(n)*time.Second/slowest)
	return n, err
}

func (s *stalls) Close() error { return s.body.Close() }

// WriteHeader gives the head its own time: the body before it may have taken longer.
func (s *stalls) WriteHeader(status int) {
	s.control.SetWriteDeadline(time.Now().Add(stallTime))
	s.ResponseWriter.WriteHeader(status)
}

// Write gives each piece of p its own time, so that a large answer may go over a bad line.
func (s *stalls) Write(p []byte) (n int, err error) {
	for rest := p; ; rest = p[n:] {
		s.control.SetWriteDeadline(time.Now().Add(stallTime))
		m, err := s.ResponseWriter.Write(rest[:min(piece, len(rest))])
		if n += m; err != nil || n >= len(p) {
			return n, err
		}
	}
}

// Unwrap gives http.ResponseController the writer below.
func (s *stalls) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// ReadFrom keeps the copy of a large body moving in pieces, each with its own time.
func (s *stalls) ReadFrom(src io.Reader) (n int64, err error) {
	buf := make([]byte, piece)
	return io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{src}, buf)
}

// places bounds how much is under way, for each asker and in all.
type places struct {
	each, all int

	mu    sync.Mutex
	here  map[string]int
	taken int
}

// enter takes a place for who, and reports whether there was one; the caller leaves it.
func (p *places) enter(who string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here[who] >= p.each || p.taken >= p.all {
		return nil, false
	}
	if p.here == nil {
		p.here = map[string]int{}
	}
	p.here[who]++
	p.taken++
	return func() { p.leave(who) }, true
}

func (p *places) leave(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.here[who]--; p.here[who] == 0 {
		delete(p.here, who)
	}
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

// askingMost is how many documents are fetched for one address at a time: more than a request needs, and nobody
// can take all the places there are for that by naming many slow servers.
const askingMost = 16

// mayAsk takes a place among those for whom documents are fetched, for the asker of ctx, and reports whether there
// was one; the caller leaves it. What the server fetches for itself has no asker and no bound.
func (s *Server) mayAsk(ctx context.Context) (leave func(), ok bool) {
	who, known := ctx.Value(asker{}).(string)
	if !known {
		return func() {}, true
	}
	return s.asking.enter(who)
}

// address returns who asks: the peer, or behind a proxy the last entry that the proxy added. Of an IPv6
// address only the network counts, since one asker has all of it.
func address(r *http.Request, behindProxy bool) string {
	text := peer(r, behindProxy)
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	return network(ip)
}

// network returns what counts as one address.
func network(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
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
