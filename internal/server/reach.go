package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kith/internal/fetch"
	"kith/relay"
	"kith/webid"
)

// Times of a pod that is reached by relays.
const (
	lookPause  = 100 * time.Millisecond // between two looks at what has changed
	lookAgain  = 30 * time.Second       // when nothing tells that something has changed
	queueTime  = 60 * time.Second       // to make a queue, work included
	firstWait  = 20 * time.Second       // that a pairing link waits for relays
	remakeTime = time.Hour              // between two queues that are made anew at one relay
	peopleTime = 3 * time.Second        // between two looks for people that the command line added
)

// reach keeps a pod in touch with the relays of its owner. All connections go out: nobody needs to find this
// machine. What comes is answered by the handler that answers HTTPS.
//
// Goroutines: one that follows the settings, one that makes queues at the relays of --reach, one for errands to
// other people's relays (errands.go), and those of each box (box.go). All end with close.
type reach struct {
	home   *home
	client *carrier
	want   []string // relays of --reach
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
	kicked chan struct{}
	tried  chan struct{} // closed once each wanted relay has been asked for a queue
	errand errands
	mu     sync.Mutex
	remade map[string]time.Time // when a queue was last made anew, by relay
	jitter time.Duration        // of hints

	released atomic.Uint64 // messages that were given back
}

// openReach begins to reach the pod.
func (h *home) openReach(client *carrier, want []string) {
	r := &reach{home: h, client: client, want: want, kicked: make(chan struct{}, 1), tried: make(chan struct{}), remade: map[string]time.Time{}, jitter: hintJitter}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.errand.reach, r.errand.strangers = r, make(chan struct{}, strangersMost)
	h.reach = r
	r.wg.Go(r.follow)
	r.wg.Go(r.join)
	r.wg.Go(r.errand.run)
}

// close ends all connections and waits until nothing runs any more.
func (r *reach) close() {
	r.stop()
	r.wg.Wait()
}

// ready waits until each relay of --reach has been asked for a queue, for a while.
func (r *reach) ready(ctx context.Context) {
	select {
	case <-r.tried:
	case <-time.After(firstWait):
	case <-ctx.Done():
	}
}

// kick says that something has changed that is no resource: a queue, or an invite.
func (r *reach) kick() {
	if r == nil {
		return
	}
	select {
	case r.kicked <- struct{}{}:
	default:
	}
}

// follow keeps a box for each relay that the settings name.
func (r *reach) follow() {
	boxes := map[string]*box{}
	defer func() {
		for _, b := range boxes {
			b.close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := r.home.guard.As(webid.Agent{}).Changed()
		r.look(boxes)
		timer.Reset(lookAgain)
		select {
		case <-changed:
		case <-r.kicked:
		case <-timer.C:
		case <-r.ctx.Done():
			return
		}
		timer.Reset(lookPause)
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			return
		}
	}
}

// look opens and closes boxes as the settings say, and has each tell its relay what it does not know yet.
func (r *reach) look(boxes map[string]*box) {
	set, err := r.home.relays(r.ctx)
	if err != nil {
		if r.ctx.Err() == nil {
			slog.Error("read relays", "err", err)
		}
		return
	}
	queues := set.queues(r.home.state.now())
	for url, b := range boxes {
		if !slices.Equal(b.queues, queues[url]) || b.refused() {
			b.close()
			delete(boxes, url)
		}
	}
	for url, those := range queues {
		if boxes[url] == nil {
			boxes[url] = r.open(url, those)
		}
		boxes[url].kick()
	}
}

// remake makes a queue anew that its relay does not know any more, not often: a relay may say so of each.
func (r *reach) remake(b *box) {
	set, err := r.home.relays(r.ctx)
	i := slices.IndexFunc(set.Relays, func(q queue) bool { return q.URL == b.url })
	if err != nil || i < 0 || !b.mail.Refused(set.Relays[i].Queue) || !r.mayRemake(b.url) {
		return
	}
	lost := set.Relays[i]
	r.wg.Go(func() {
		for pause := time.Second; r.ctx.Err() == nil; pause = min(2*pause, 5*time.Minute) {
			ctx, cancel := context.WithTimeout(r.ctx, queueTime)
			err := r.home.remake(ctx, r.client.client, lost)
			cancel()
			if err == nil {
				r.kick()
				return
			}
			slog.Warn("a relay has lost a queue and gives no other", "err", err)
			select {
			case <-time.After(pause):
			case <-r.ctx.Done():
			}
		}
	})
}

// mayRemake reports whether a relay is asked for another queue, and notes that it is.
func (r *reach) mayRemake(url string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.home.state.now()
	if last, ok := r.remade[url]; ok && now.Sub(last) < remakeTime {
		return false
	}
	r.remade[url] = now
	return true
}

// queues returns which queues are read at which relay, the newest first.
func (r relays) queues(now time.Time) map[string][]oldQueue {
	all := map[string][]oldQueue{}
	for _, q := range r.Relays {
		all[q.URL] = append(all[q.URL], oldQueue{queue: q, Secret: r.Secret})
	}
	for _, q := range r.Old {
		if now.Before(q.Until) {
			all[q.URL] = append(all[q.URL], q)
		}
	}
	return all
}

// join makes the queues that are wanted and not there, again and again until each relay gave one.
func (r *reach) join() {
	err := r.joinAll()
	close(r.tried)
	for pause := time.Second; err != nil && r.ctx.Err() == nil; pause = min(2*pause, 5*time.Minute) {
		slog.Warn("a relay gives no queue", "err", err)
		select {
		case <-time.After(pause):
		case <-r.ctx.Done():
			return
		}
		err = r.joinAll()
	}
}

// joinAll asks each relay that has given no queue yet.
func (r *reach) joinAll() error {
	var errs []error
	for _, url := range r.want {
		ctx, cancel := context.WithTimeout(r.ctx, queueTime)
		errs = append(errs, r.home.meet(ctx, r.client.client, url))
		cancel()
		r.kick()
	}
	return errors.Join(errs...)
}

// meet makes a queue for the owner at a relay of --reach, once.
func (h *home) meet(ctx context.Context, c *relay.Client, url string) error {
	p, err := h.realm.person(ctx)
	if err != nil {
		return err
	}
	if !p.paired() {
		return h.state.prepare(ctx, c, url, h.name)
	}
	done, err := h.state.reaching(ctx, h.name)
	if err != nil || slices.Contains(done.given, url) {
		return err
	}
	now, _, err := h.readRelays(ctx)
	if err != nil {
		return err
	}
	return h.state.join(ctx, c, url, h.name, now, func(q queue, key secret) error {
		return h.changeRelays(ctx, func(r *relays) error {
			if r.Secret == (secret{}) || r.Secret == key {
				r.add(q, key)
			}
			return nil
		})
	})
}

// carrier is by what this server speaks to relays.
type carrier struct {
	client *relay.Client // straight
	mu     sync.Mutex
	via    map[string]*relay.Client
}

// carry makes one exchange with a relay: by another relay of the person's where there is one and they have it so, so
// that neither of the two sees both ends, and straight where that one fails (protocol §6).
func (c *carrier) carry(ctx context.Context, at string, set relays, exchange func(context.Context, *relay.Client) error) error {
	clients := []*relay.Client{c.client}
	i := slices.IndexFunc(set.Relays, func(q queue) bool { return q.URL != at })
	if set.Hop && i >= 0 {
		clients = append([]*relay.Client{c.by(set.Relays[i].URL)}, clients...)
	}
	var errs []error
	for _, client := range clients {
		short, cancel := context.WithTimeout(ctx, postTime)
		err := exchange(short, client)
		cancel()
		if err == nil || ctx.Err() != nil || final(err) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// final reports whether an error is what the relay itself says.
func final(err error) bool {
	return errors.Is(err, relay.ErrUnknown) || errors.Is(err, relay.ErrTooLarge) || errors.Is(err, relay.ErrFull)
}

// by returns the client that has a relay forward what it sends.
func (c *carrier) by(via string) *relay.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.via == nil || len(c.via) >= 64 {
		c.via = map[string]*relay.Client{}
	}
	if c.via[via] == nil {
		c.via[via] = &relay.Client{HTTP: c.client.HTTP, Via: via}
	}
	return c.via[via]
}

// openRelays makes ready what speaks to relays, and with --relay the relay of this origin. Relays that the operator
// named may lie in the house; those that others name are on the public internet.
func (s *Server) openRelays(ctx context.Context) (err error) {
	allowed := slices.Clone(s.config.Fetch)
	for _, at := range s.config.Reach {
		allowed = append(allowed, hostPort(at))
	}
	if s.outside, err = fetch.New(fetch.Config{Allow: allowed, Now: s.config.Now}); err != nil {
		return fmt.Errorf("%w: --reach: %v", ErrConfig, err)
	}
	s.relays = &carrier{client: &relay.Client{HTTP: &http.Client{Transport: s.outside.Transport()}}}
	if s.nobody, err = webid.GenerateKey(); err != nil {
		return err
	}
	s.closeRelay = func() error { return nil }
	if len(s.config.Reach) > 0 {
		err = s.state.setRelays(ctx, s.config.Reach)
	}
	if err != nil || !s.config.Relay {
		return err
	}
	s.relay, err = relay.Open(relay.Config{
		Data: filepath.Join(s.config.Data, "relay"), URL: s.config.URL, Queues: s.config.Queues, App: true, Out: s.outside.Transport(),
		Client: func(r *http.Request) string { return address(r, s.config.BehindProxy) }, Now: s.config.Now,
	})
	if err == nil {
		s.closeRelay = sync.OnceValue(s.relay.Close)
	}
	return err
}

// hostPort returns what the address of a relay connects to.
func hostPort(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// people opens the pods that the command line adds, so that they are reached too: nobody else asks for them by
// HTTP. It ends with ctx.
func (s *Server) people(ctx context.Context) {
	for {
		names, err := s.state.names(ctx)
		for _, name := range names {
			if failed := s.renew(name); failed != nil {
				err = errors.Join(err, failed)
			}
			if _, failed := s.home(ctx, name); failed != nil && ctx.Err() == nil {
				err = errors.Join(err, failed)
			}
		}
		if err != nil && ctx.Err() == nil {
			slog.Error("look for people", "err", err)
		}
		select {
		case <-time.After(peopleTime):
		case <-ctx.Done():
			return
		}
	}
}

// describe keeps which of the relays of --reach serve the app, for pairing links. It ends with ctx.
func (s *Server) describe(ctx context.Context) {
	left := map[string]bool{}
	for _, url := range s.config.Reach {
		left[url] = true
	}
	for pause := time.Second; len(left) > 0; pause = min(2*pause, 5*time.Minute) {
		for _, url := range slices.Sorted(maps.Keys(left)) {
			if s.state.describe(ctx, s.relays.client, url) == nil {
				delete(left, url)
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
