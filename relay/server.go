package relay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config says what a Server keeps and whom it serves.
type Config struct {
	Data   string                     // DIR, the folder that holds everything; made if it is not there
	URL    string                     // RELAY, as others reach it: told to push services; may be ""
	Queues string                     // who may make queues: "open", "work" or "invite"; "" is "invite"
	App    bool                       // told to clients: the app is served at the same origin
	Space  int64                      // bytes that waiting messages may take on the disk; 0 is 4 GiB
	Out    http.RoundTripper          // by which hops are forwarded and pushes sent; nil: neither is done
	Client func(*http.Request) string // the address that asks, for limits; nil: the peer of the connection
	Now    func() time.Time           // the clock; nil is time.Now
}

// ErrConfig marks a Config that cannot work.
var ErrConfig = errors.New("these settings cannot work")

// Server is a relay. It serves the paths of the package comment and nothing else. Close ends it.
type Server struct {
	config   Config
	now      func() time.Time
	disk     *disk
	secrets  secrets
	visitors *visitors
	counters counters

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	queues   map[id]*queue
	sends    map[sendMark]*queue
	messages map[id]*message
	held     map[*message]bool // that are claimed
	creators map[creator]*made
	waking   map[*queue]bool  // for which a push is due
	works    map[id]time.Time // challenges that were used, until they are forgotten
	count    int              // messages, and those that are being written
	conns    map[*conn]bool
	last     uint64 // number of the last follower
	closed   bool

	pushes chan pushing
}

// Open opens the folder of a relay, for this process alone. Errors: ErrConfig.
func Open(c Config) (*Server, error) {
	switch c.Queues {
	case "":
		c.Queues = "invite"
	case "open", "work", "invite":
	default:
		return nil, fmt.Errorf("%w: queues are made by \"open\", \"work\" or \"invite\", not %q", ErrConfig, c.Queues)
	}
	if c.Space == 0 {
		c.Space = defaultSpace
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{config: c, now: c.Now, visitors: newVisitors(c.Client, c.Now), counters: newCounters(),
		queues: map[id]*queue{}, sends: map[sendMark]*queue{}, messages: map[id]*message{}, held: map[*message]bool{},
		creators: map[creator]*made{}, works: map[id]time.Time{}, waking: map[*queue]bool{}, conns: map[*conn]bool{}, pushes: make(chan pushing, 64)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	var err error
	if s.disk, err = openDisk(c.Data, c.Space, c.Now); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.disk.close())
	}
	s.wg.Go(s.keeper)
	for range pushers {
		s.wg.Go(s.pusher)
	}
	return s, nil
}

// Close ends all connections and waits until nothing runs any more. Requests that are under way get 503.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.wg.Wait()
	return s.disk.close()
}

// begin makes Close wait for one more request, unless it has been called.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Add(1)
	return true
}

// Counters returns how often each of the reasons of the package comment was met since Open, beside
// "taken", "answered", "acked", "forwarded" and "pushed", and how many "now_queues", "now_messages"
// and "now_sockets" there are.
func (s *Server) Counters() map[string]uint64 {
	all := map[string]uint64{}
	for name, n := range s.counters {
		all[name] = n.Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all["now_queues"], all["now_messages"], all["now_sockets"] = uint64(len(s.queues)), uint64(len(s.messages)), uint64(len(s.conns))
	return all
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Kith-Cancel, Kith-Forward")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err := s.serve(w, r); err != nil {
		s.refuse(w, err)
	}
}

// serve hands a request to what its path names.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	who := s.visitors.of(r)
	if !s.begin() {
		return dropClosing
	}
	defer s.wg.Done()
	rate := rateRequests
	if r.URL.Path == "/h" {
		rate = rateHops
	}
	if !s.visitors.allow(who, rate) {
		return dropRate
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch method := r.Method + " " + first; {
	case r.URL.Path == "/.well-known/kith-relay" && r.Method == http.MethodGet:
		return s.describe(w)
	case method == "POST s":
		return s.post(w, r, who, rest)
	case method == "DELETE s":
		return s.delete(w, r, who, rest)
	case method == "POST q" && rest == "":
		return s.newQueue(w, r, who)
	case method == "GET q":
		return s.poll(w, r, who, rest)
	case method == "POST q":
		return s.operation(w, r, who, rest)
	case method == "GET ws" && rest == "":
		return s.socket(w, r, who)
	case method == "POST f" && rest == "":
		return s.forward(w, r, who)
	case method == "POST h" && rest == "":
		return s.hop(w, r, who)
	}
	return dropPath
}

// refuse answers with what belongs to err.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	var d *drop
	if !errors.As(err, &d) {
		d = dropSlow // whoever asked has gone, or does not move
	}
	s.counters.count(d.reason)
	if d.wait > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(d.wait))
	}
	answer(w, d.status, refused{d.reason})
}

type refused struct {
	Error string `json:"error"`
}

// answer writes v as JSON. That nobody is there to read it is no error.
func answer(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	send(w, status, text)
	return nil
}

// send writes an answer within its time.
func send(w http.ResponseWriter, status int, body []byte) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(moving(len(body))))
	w.WriteHeader(status)
	w.Write(body)
}

// give answers with bytes.
func give(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	send(w, http.StatusOK, body)
}

// moving is the time in which n bytes have to arrive: 15 s, and what 8 KiB a second need.
func moving(n int) time.Duration { return 15*time.Second + time.Duration(n)*time.Second/(8<<10) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
