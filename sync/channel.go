package sync

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

// ErrMedia refuses the media type of a subscription, or its profile (415).
var ErrMedia = errors.New("not a media type that is understood here")

// ErrSubscription refuses a subscription that cannot be processed (422). The
// message says why.
var ErrSubscription = errors.New("the subscription cannot be processed")

// ErrChannels refuses a subscription because so many channels are open (429).
var ErrChannels = errors.New("too many channels are open")

// How many channels may be open in one pod, and for how long.
const (
	maxChannels  = 256 // of contacts
	maxOutside   = 64  // of who is neither the owner nor a contact
	maxOfOne     = 16
	maxOfOwner   = 64
	maxWebhooks  = 4  // of one contact
	maxHooks     = 16 // of the owner: webhooks
	maxLife      = 24 * time.Hour
	maxIdle      = 5 * time.Minute // without anybody who receives
	minIdle      = 5 * time.Second // the same, where the agent wants another channel
	channelLimit = "60"            // Retry-After in seconds
)

// ChannelsConfig says whose channels they are and how webhooks are sent.
type ChannelsConfig struct {
	// Base is the pod's URL, with a trailing slash.
	Base string
	// Client sends webhooks. It must refuse addresses that strangers may not make
	// this server connect to. Nil: no webhooks are offered. Plain are the host:port
	// that it reaches without TLS.
	Client *http.Client
	Plain  []string
	// Sender is a URL that tells the key by which webhooks are verified, KeyID
	// names that key, and Sign returns its ECDSA P-256 SHA-256 signature of a text,
	// as 64 bytes (RFC 9421 §3.3.4).
	Sender, KeyID string
	Sign          func(text []byte) ([]byte, error)
	// Now is the clock. Nil stands for time.Now.
	Now func() time.Time
}

// Channels are the notification channels of one pod (Solid Notifications
// Protocol; protocol §Notifications). They live as long as the process at most.
type Channels struct {
	config ChannelsConfig
	ctx    context.Context // of all who receive
	stop   context.CancelFunc

	mu      sync.Mutex
	closed  bool
	open    map[string]*channel
	running sync.WaitGroup // requests that receive, and webhooks
}

// NewChannels returns the channels of a pod, none so far. Its caller closes it
// once a channel may have been opened.
func NewChannels(c ChannelsConfig) *Channels {
	if c.Now == nil {
		c.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Channels{config: c, ctx: ctx, stop: stop, open: make(map[string]*channel)}
}

// Close ends all channels and waits until nobody receives from them.
func (c *Channels) Close() {
	c.mu.Lock()
	c.closed = true
	all := slices.Collect(maps.Values(c.open))
	c.mu.Unlock()
	c.stop()
	c.running.Wait()
	for _, ch := range all {
		c.drop(ch)
	}
}

// channel is one subscription of one agent. Who holds its turn receives.
type channel struct {
	id, key string
	service service
	request request
	v       *acl.View
	watch   *acl.Watch // of who holds the turn
	opened  time.Time  // by the process's clock
	end     time.Time
	fresh   bool          // nothing was told yet; of who holds the turn
	next    time.Time     // nothing may be told before; of who holds the turn
	turn    chan struct{} // holds a value while nobody receives

	mu        sync.Mutex
	cut       context.CancelFunc // ends who receives
	receivers int                // who has the turn, and who waits for it
	idle      time.Time          // since when there are none
}

// Serve answers a request below <pod>.channels; path is what follows the first
// slash, see the package comment. When it returns an error it has not answered:
// ErrMethod, ErrRequest, ErrMedia, ErrSubscription, ErrChannels with Retry-After
// set, pod.ErrNotExist, or what the agent is told who asks for the topic.
func (c *Channels) Serve(w http.ResponseWriter, r *http.Request, v *acl.View, path string) error {
	if path == "" {
		return c.describe(w, r, c.description())
	}
	name, rest, below := strings.Cut(path, "/")
	s, ok := c.service(name)
	if !ok {
		return pod.ErrNotExist
	}
	id, key, receives := strings.Cut(rest, "/")
	switch {
	case !below && r.Method == http.MethodPost:
		return c.subscribe(w, r, v, s)
	case !below:
		return c.describe(w, r, c.offer(s))
	case receives:
		return c.receive(w, r, v, s, id, key)
	}
	return c.manage(w, r, v, s, id)
}

// describe answers with a description, which depends on the pod's name only.
func (c *Channels) describe(w http.ResponseWriter, r *http.Request, d any) error {
	methods := []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	if _, takes := d.(offer); takes {
		methods = append(methods, http.MethodPost)
		w.Header().Set("Accept-Post", mediaLD)
	}
	if done, err := offers(w, r, methods...); done || err != nil {
		return err
	}
	return answer(w, r, mediaLD, d)
}

// offers tells which methods an address takes, whoever asks (Solid Protocol
// §server-allow-methods). done reports that r was OPTIONS, which is answered.
func offers(w http.ResponseWriter, r *http.Request, methods ...string) (done bool, err error) {
	w.Header().Set("Allow", strings.Join(methods, ", "))
	if err := allow(w, r, methods...); err != nil || r.Method != http.MethodOptions {
		return false, err
	}
	private(w)
	w.WriteHeader(http.StatusNoContent)
	return true, nil
}

// subscribe answers a subscription with the channel that it opens.
func (c *Channels) subscribe(w http.ResponseWriter, r *http.Request, v *acl.View, s service) error {
	q, err := c.readRequest(w, r, s)
	if err != nil {
		return err
	}
	if a := v.Agent(); s.push && !a.Owner() && a.Contact() == "" {
		if a.Anonymous() {
			return acl.ErrUnauthenticated
		}
		return acl.ErrForbidden
	}
	ch, err := c.start(r.Context(), v, s, q)
	if errors.Is(err, ErrChannels) {
		w.Header().Set("Retry-After", channelLimit)
	}
	if err != nil {
		return err
	}
	body, err := prepare(w, mediaLD, c.said(ch))
	if err != nil {
		c.drop(ch)
		return err
	}
	w.Header().Set("Allow", "GET, HEAD, OPTIONS, POST")
	_, _ = w.Write(body) // who has gone is not told
	return nil
}

// start opens a channel. It takes its place before it looks at the topic, so that
// the number of channels tells nothing of topics.
func (c *Channels) start(ctx context.Context, v *acl.View, s service, q request) (*channel, error) {
	now := c.config.Now()
	ch := &channel{
		id: rand.Text(), key: rand.Text(), service: s, request: q, v: v, opened: time.Now(), fresh: true,
		end: q.end, idle: now, turn: make(chan struct{}, 1),
	}
	if ch.end.IsZero() || ch.end.After(now.Add(maxLife)) {
		ch.end = now.Add(maxLife)
	}
	if err := c.add(ch); err != nil {
		return nil, err
	}
	watch, err := v.Watch(ctx, q.topic)
	if errors.Is(err, pod.ErrTooLarge) {
		err = fmt.Errorf("%w: too much lies below the topic; choose one further down", ErrSubscription)
	}
	if err != nil {
		c.drop(ch)
		return nil, err
	}
	c.mu.Lock()
	ch.watch = watch
	c.mu.Unlock()
	ch.turn <- struct{}{}
	if s.push && c.begin() {
		go func() {
			defer c.running.Done()
			c.push(ch)
		}()
	}
	return ch, nil
}

// add takes a place for a channel, after those that are over have left theirs. Where
// there is none, one of the same agent's that nobody receives from makes way.
func (c *Channels) add(ch *channel) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrChannels
	}
	c.sweep()
	now := c.config.Now()
	var total, own, hooks int
	var spare *channel // of this agent, the one that nobody has received from for the longest time
	for _, other := range c.open {
		if rank(other.v.Agent()) == rank(ch.v.Agent()) {
			total++
		}
		if name(other.v.Agent(), "") != name(ch.v.Agent(), "") {
			continue
		}
		own++
		switch {
		case other.service.push:
			hooks++
		case other.idleFor(now) > minIdle && (spare == nil || other.idleFor(now) > spare.idleFor(now)):
			spare = other
		}
	}
	r := rank(ch.v.Agent())
	full := total >= r.all || own >= r.each
	if full && spare == nil || ch.service.push && hooks >= r.hooks {
		return ErrChannels
	}
	if full {
		c.forget(spare)
	}
	c.open[ch.id] = ch
	return nil
}

// ranked is how many channels agents of one kind may have, all and each, and how
// many of these webhooks.
type ranked struct{ all, each, hooks int }

// rank keeps strangers from taking the places of contacts, and those from taking
// the owner's.
func rank(a webid.Agent) ranked {
	switch {
	case a.Owner():
		return ranked{maxOfOwner, maxOfOwner, maxHooks}
	case a.Contact() != "":
		return ranked{maxChannels, maxOfOne, maxWebhooks}
	}
	return ranked{maxOutside, maxOfOne, 0}
}

// sweep drops the channels that are over. The lock is held.
func (c *Channels) sweep() {
	now := c.config.Now()
	for _, ch := range c.open {
		if now.After(ch.end) || !ch.service.push && ch.idleFor(now) > maxIdle {
			c.forget(ch)
		}
	}
}

func (c *Channels) drop(ch *channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(ch)
}

// forget ends a channel. The lock is held.
func (c *Channels) forget(ch *channel) {
	delete(c.open, ch.id)
	if ch.watch != nil {
		ch.watch.Close()
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.cut != nil {
		ch.cut()
	}
}

// has reports whether a channel is open.
func (c *Channels) has(ch *channel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open[ch.id] == ch
}

// find returns a channel that is open.
func (c *Channels) find(s service, id string) (*channel, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	ch := c.open[id]
	if ch == nil || ch.watch == nil || ch.service != s {
		return nil, pod.ErrNotExist
	}
	return ch, nil
}

// manage tells a subscriber of a channel, or ends it.
func (c *Channels) manage(w http.ResponseWriter, r *http.Request, v *acl.View, s service, id string) error {
	if done, err := offers(w, r, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete); done || err != nil {
		return err
	}
	ch, err := c.find(s, id)
	if err != nil {
		return err
	}
	if !ch.of(v) {
		return pod.ErrNotExist
	}
	if r.Method != http.MethodDelete {
		return answer(w, r, mediaLD, c.said(ch))
	}
	c.drop(ch)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// of reports whether an agent is the one who subscribed, by the same names.
func (ch *channel) of(v *acl.View) bool {
	return subtle.ConstantTimeCompare(who(ch.v.Agent(), ""), who(v.Agent(), "")) == 1
}

// idleFor returns for how long nobody has received.
func (ch *channel) idleFor(now time.Time) time.Duration {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.receivers > 0 {
		return 0
	}
	return now.Sub(ch.idle)
}

// take waits for the turn to receive and ends who has it: a client that comes
// again has lost the connection that it had.
func (ch *channel) take(ctx context.Context) (context.Context, error) {
	ctx, cut := context.WithCancel(ctx)
	ch.mu.Lock()
	before := ch.cut
	ch.cut = cut
	ch.receivers++
	ch.mu.Unlock()
	if before != nil {
		before()
	}
	select {
	case <-ch.turn:
		return ctx, nil
	case <-ctx.Done():
		return ctx, ctx.Err()
	}
}

// leave undoes take; had tells that it gave the turn.
func (ch *channel) leave(had bool, now time.Time) {
	ch.mu.Lock()
	ch.receivers--
	ch.idle = now
	ch.mu.Unlock()
	if had {
		ch.turn <- struct{}{}
	}
}

// begin counts something that may last, for Close to wait for. It reports false
// when all has ended.
func (c *Channels) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Add(1)
	}
	return !c.closed
}

// hasKey reports whether a key is the secret part of the channel's address.
func (ch *channel) hasKey(key string) bool {
	return subtle.ConstantTimeCompare([]byte(ch.key), []byte(key)) == 1
}
