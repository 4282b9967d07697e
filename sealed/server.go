package sealed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"kith/sealed/bhttp"
	"kith/webid"
)

// Server answers the sealed requests to one person, as one of their devices. Its
// fields are set before its first use; its methods may run in many goroutines at
// once.
type Server struct {
	// Label returns the person's label. While there is none, "", whoever asks
	// anonymously is answered whatever label the request names: that is how a pod
	// gets its owner.
	Label func() string
	// Device is the did:key of this device, which its answers name.
	Device string
	// Keys returns the agreement keys of this device, the newest first. The first 16
	// count.
	Keys func() []Key
	// Invites returns the keys of open invites; nil is none. They are asked for only
	// when no agreement key opens a message, and the first 64 are tried on its first
	// slot: who uses an invite has one recipient.
	Invites func() []Key
	// Find returns who has the agreement key kid in the keys document of the person
	// with that label: a contact or one of the owner's devices. It is false for
	// somebody unknown or blocked, and for a key that is revoked.
	Find func(ctx context.Context, label, kid string) (Peer, bool)
	// Brings returns the same for a key that Find does not know, by the lists in a message
	// to an inbox: a friend's new device says so where it stands. nil brings nobody.
	Brings func(ctx context.Context, label, kid string, message []byte) (Peer, bool)
	// Handler answers what is in the envelopes. From tells it who asks. The path
	// of a request is that below the person's base.
	Handler http.Handler
	Now     func() time.Time
	// Done keeps what was done beyond the life of the process; nil keeps nothing.
	Done Done

	effects effects
	reads   reads
	uploads uploads
	mu      sync.Mutex
	counts  map[webid.Verdict]uint64
	coming  int64 // bytes of messages that are being read
}

// Peer is who made a sealed request. The zero Peer is anonymous.
type Peer struct {
	Agent webid.Agent // as which the request is answered
	Label string
	KID   string    // id of the agreement key
	Key   webid.Key // agreement key
	Salt  []byte    // pair salt that the two share
	Until time.Time // when the key proves nothing any more; zero: never
	// Hints says that the device is one that answers for a contact and does not ask
	// for them, as their pod does: it may give hints and nothing else.
	Hints bool
}

// Done keeps answers to requests that change something, by who asked (a label and
// the id of a key) and the nonce of the request. It forgets them when they expire,
// and the oldest of their kind when there are many: those of one kind are never
// forgotten for another's.
type Done interface {
	// Recall returns the answer that was kept, or nil.
	Recall(ctx context.Context, sender string, nonce []byte) (answer []byte, err error)
	Keep(ctx context.Context, kind, sender string, nonce, answer []byte, expires time.Time) error
}

type peerKey struct{}

// From returns who made the sealed request that is being answered; ok is false
// for a request that came in no envelope.
func From(ctx context.Context) (p Peer, ok bool) {
	p, ok = ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// Reply says what was answered, and where the answer goes if nobody waits for it.
type Reply struct {
	URL     string // RELAYs/<b64u send>, to be fetched with care; "" for nowhere
	Peer    Peer
	Method  string
	Path    string // of the request, without the query
	Status  int
	Expires time.Time // when nobody wants the answer any more
}

// Answer opens message and returns the sealed answer of Handler. The error is
// ErrDeclined when there is to be no answer, and the same message may be answered
// by another device; any other error is a failure here. (protocol §5.2)
func (s *Server) Answer(ctx context.Context, message []byte) (answer []byte, reply Reply, err error) {
	q, err := s.open(ctx, message)
	if err == nil && q.reads() && !s.reads.allow(q.effect(), s.Now()) {
		err = replayed
	}
	if err != nil {
		s.count(err)
		return nil, Reply{}, fmt.Errorf("answer: %w: %w", ErrDeclined, err)
	}
	response, err := s.respond(ctx, q)
	if err != nil {
		return nil, Reply{}, fmt.Errorf("answer: %w", err)
	}
	if answer, err = q.envelope.answer(q.stamp.id, encode(response)); err != nil {
		return nil, Reply{}, fmt.Errorf("answer: %w", err)
	}
	return answer, Reply{q.stamp.reply, q.peer, q.Method, q.url.Path, response.Status, q.stamp.expires}, nil
}

// encode writes a response without growing on the way.
func encode(r bhttp.Response) []byte {
	return r.Append(make([]byte, 0, len(r.Content)+1<<10))
}

// Declined returns how many messages were declined, by the reason.
func (s *Server) Declined() map[webid.Verdict]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

func (s *Server) count(err error) {
	var v webid.Verdict
	if !errors.As(err, &v) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[webid.Verdict]uint64{}
	}
	s.counts[v]++
}

// ServeHTTP answers a message in a POST request: 200 with the answer, or 404. Of
// messages on their way it holds 32 MiB, and answers 503 beyond that.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		http.Error(w, "An envelope is brought here by POST.", http.StatusMethodNotAllowed)
		return
	}
	message, status := s.read(w, r)
	if status != 0 {
		http.Error(w, "The envelope cannot be taken.", status)
		return
	}
	answer, _, err := s.Answer(r.Context(), message)
	switch {
	case errors.Is(err, ErrDeclined):
		http.Error(w, "There is nobody here for this.", http.StatusNotFound)
	case err != nil:
		http.Error(w, "This could not be answered.", http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		w.Header().Set("Cache-Control", "no-store")
		w.Write(answer) // who asked may have gone
	}
}

// question is a message that was opened and whose maker is known.
type question struct {
	bhttp.Request
	envelope envelope
	stamp    stamp
	peer     Peer
	url      *url.URL
}

// open returns what is asked by whom. The error is a webid.Verdict.
func (s *Server) open(ctx context.Context, message []byte) (q question, err error) {
	invites := func() []webid.PrivateKey { return s.usable(s.Invites, maxOpen) }
	if q.envelope, err = open(message, s.usable(s.Keys, maxKeys), invites); err != nil {
		return question{}, err
	}
	if q.Request, err = bhttp.ParseRequest(q.envelope.inner); err != nil {
		return question{}, webid.Malformed
	}
	if q.stamp, err = parseStamp(q.Header); err != nil {
		return question{}, err
	}
	if q.url, err = url.ParseRequestURI(q.Path); err != nil || q.Scheme != "https" || !strings.HasPrefix(q.Path, "/") {
		return question{}, webid.Malformed
	}
	peer, stranger := s.whoAsks(ctx, q)
	if err := s.misdirected(q); err != nil {
		return question{}, err
	}
	if stranger != nil {
		return question{}, stranger
	}
	q.peer = peer
	return q, q.stamp.check(s.Now())
}

// usable returns those keys that open something at this moment, at most n.
func (s *Server) usable(keys func() []Key, n int) []webid.PrivateKey {
	var all []webid.PrivateKey
	if keys == nil {
		return nil
	}
	for _, k := range keys() {
		if len(all) < n && (k.Until.IsZero() || s.Now().Before(k.Until)) {
			all = append(all, k.Key)
		}
	}
	return all
}

func (s *Server) misdirected(q question) error {
	label, err := labelOf(q.Authority)
	if err != nil {
		return err
	}
	own := s.Label()
	if label == own || own == "" && q.stamp.label == "" {
		return nil
	}
	return misdirected
}

// whoAsks returns who made the message. For somebody unknown as much is computed as
// for somebody known.
func (s *Server) whoAsks(ctx context.Context, q question) (Peer, error) {
	if q.stamp.label == "" {
		if !bytes.Equal(q.envelope.mac, make([]byte, sizeMAC)) {
			return Peer{}, badMAC
		}
		return Peer{}, nil
	}
	p, known := s.Find(ctx, q.stamp.label, q.stamp.kid)
	if !known && s.Brings != nil && q.Method == http.MethodPut && strings.HasPrefix(q.url.Path, "/social/in/") {
		p, known = s.Brings(ctx, q.stamp.label, q.stamp.kid, q.Content)
	}
	known = known && (p.Until.IsZero() || s.Now().Before(p.Until))
	if !known {
		p = Peer{Key: q.envelope.key.Public()}
	}
	holds := q.envelope.from(p.Key, p.Salt)
	switch {
	case !known || p.Agent.Anonymous():
		return Peer{}, unknownSender
	case !holds:
		return Peer{}, badMAC
	}
	return p, nil
}

// respond executes a request, or gives the answer that it had before.
func (s *Server) respond(ctx context.Context, q question) (bhttp.Response, error) {
	ctx = context.WithValue(ctx, peerKey{}, q.peer)
	r := q.request(ctx)
	if status := refusal(q.peer, r); status != 0 {
		return s.signed(bhttp.Response{Status: status}), nil
	}
	if q.reads() {
		response, _, err := s.do(q, r)
		return response, err
	}
	return s.effects.once(ctx, q.effect(), q.stamp.expires, s.Now(), func() (bhttp.Response, error) { return s.lasting(ctx, q, r) })
}

// do executes a request. part is true when it was one part of a write of which more is to come: that is lost with the
// process, so its answer must be, too.
func (s *Server) do(q question, r *http.Request) (response bhttp.Response, part bool, err error) {
	parts := r.Header.Values(headerPart)
	r.Header.Del(headerPart)
	if len(parts) > 0 && q.peer.Agent.Device() && q.Method == http.MethodPut {
		if response, last := s.inPart(q, r, parts); !last {
			return s.signed(response), true, nil
		}
	}
	response, err = s.execute(r)
	return response, false, err
}

// reads reports whether a request changes nothing.
func (q question) reads() bool { return q.Method == http.MethodGet || q.Method == http.MethodHead }

// lasting executes a request and keeps the answer, or returns what was kept by an
// earlier process.
func (s *Server) lasting(ctx context.Context, q question, r *http.Request) (bhttp.Response, error) {
	if s.Done == nil {
		response, _, err := s.do(q, r)
		return response, err
	}
	had, err := s.Done.Recall(ctx, q.sender(), q.stamp.nonce[:])
	if err != nil {
		return bhttp.Response{}, err
	}
	if had != nil {
		return bhttp.ParseResponse(had)
	}
	response, part, err := s.do(q, r)
	if err != nil || part || response.Status/100 != 2 || !memorable(response) {
		return response, err
	}
	return response, s.Done.Keep(context.WithoutCancel(ctx), q.kind(), q.sender(), q.stamp.nonce[:], encode(response), q.stamp.expires)
}

// kind groups requests of which none is forgotten for those of another kind: "" has those that may come twice and do
// what they did (RFC 9110 §9.2.2), of which there are many, each door of the owner's devices is one, and the rest is one.
func (q question) kind() string {
	if q.Method == http.MethodPut || q.Method == http.MethodDelete {
		return ""
	}
	door, _, _ := strings.Cut(strings.TrimPrefix(q.url.Path, "/"), "/")
	if !q.peer.Agent.Device() || !strings.HasPrefix(door, ".") {
		return "once"
	}
	return "once " + door
}

// effect names what a request does. Whoever made it counts anew for each kind.
func (q question) effect() effect {
	return effect{q.sender() + " " + q.kind(), q.stamp.nonce}
}

// sender names who made a request: a label and the id of a key.
func (q question) sender() string { return q.stamp.label + " " + q.stamp.kid }

// request returns what Handler is given.
func (q question) request(ctx context.Context) *http.Request {
	r := &http.Request{
		Method: q.Method, URL: q.url, Host: q.Authority, RequestURI: q.Path,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: headerOf(q.Header, isTaken),
		Body: io.NopCloser(bytes.NewReader(q.Content)), ContentLength: int64(len(q.Content)),
	}
	if len(q.Content) == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("Accept", "*/*")
	if strings.HasPrefix(q.url.Path, "/social/") && strings.HasSuffix(q.url.Path, "/") {
		r.Header.Set("Accept", "application/ld+json")
	}
	if strings.Contains(strings.Join(r.Header.Values("Range"), ","), ",") {
		r.Header.Del("Range") // several parts are no answer of ours
	}
	return r.WithContext(ctx)
}

// signed returns a response with the name of this device.
func (s *Server) signed(r bhttp.Response) bhttp.Response {
	r.Header = append(r.Header, bhttp.Field{Name: "kith-by", Value: s.Device})
	return r
}

var errPanic = errors.New("the handler failed")

// execute runs Handler. Its panic is an error: a mailbox has nobody above it who
// would catch that.
func (s *Server) execute(r *http.Request) (response bhttp.Response, err error) {
	w := &recorder{header: http.Header{}, method: r.Method}
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			err = fmt.Errorf("%w: %v", errPanic, p)
		} else if p != nil {
			err = errPanic
		}
	}()
	s.Handler.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return bhttp.Response{}, err
	}
	return s.signed(w.response()), nil
}
