// Package server puts pods on the network: it opens a folder of people, listens, says who asks, and
// hands each request with that agent's view of the pod to the package that speaks its protocol.
//
// It is not where anything is decided: who (webid), what may be done (acl) and how HTTP is spoken
// (ldp, sync, webid/issuer) are below it. It owns what crosses those rooms: the server's keys, pairing
// and invites in DIR/state.db, and contacts read from the pods' own folders.
//
//	DIR/kith.toml     settings
//	DIR/state.db      keys, pairing, invites: what no folder can tell again
//	DIR/pods/NAME/    a person's resources, as files
//	DIR/index/NAME/   derived
//	DIR/lock          held by who serves the folder
//
//	/                          the app
//	/token, /authorize, …      webid/issuer
//	/NAME/.pair…               pairing              (pair.go)
//	/NAME/.invites/…           invites              (invites.go)
//	/NAME/.elsewhere           signing in elsewhere, with .grants/ and .passkeys (elsewhere_http.go)
//	/NAME/.replica…            sync.Replica
//	/NAME/.storage             what the pod offers  (ldp)
//	/NAME/.channels/…          sync.Channels        (channels.go)
//	/NAME/.sealed              sealed.Server        (sealed.go)
//	/NAME/.hints, .push        what wakes the owner's app (hints.go, push.go)
//	/NAME/social/door, feed    sync.Feed
//	/NAME/…                    ldp
//
// With --relay, relay.Server has /q, /s, /f, /h and /ws, and DIR/relay.
//
// What comes in envelopes, by .sealed or through the relays of a person's settings (reach.go), is answered by
// the same code.
//
// Goroutines: one for each listener and those of --reach, ended by Run's context; those of http.Server; those of
// relay.Server; and the one of each pod's acl.Guard and of its sync.Channels and those of its relays (reach.go),
// and the one of --onion (onion.go), ended by Close. What the command line asks of open pods has a goroutine each
// (desk.go), and the clock is watched by one (clock.go); Close waits for these first. What the owner wants back from a
// backup is brought by one for each pod (held.go), ended by Close.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"kith/acl"
	"kith/internal/fetch"
	"kith/pod"
	"kith/pod/folder"
	"kith/pwa"
	"kith/relay"
	"kith/webid"
	"kith/webid/issuer"

	"golang.org/x/crypto/acme/autocert"
)

// Server is a folder of pods on the network.
type Server struct {
	config     Config
	unlock     func() error // the folder; may be called again, nil where the command line does the work itself
	state      *state
	app        *app
	issuer     *issuer.Server
	verifier   *webid.Verifier
	cursorKey  []byte
	hooks      hookKey
	rates      *rates
	strangers  *rates         // of requests that make this server fetch documents
	asking     places         // for whom documents are fetched
	requests   places         // of addresses
	friends    places         // of those who have shown who they are, but not of owners
	fetcher    *fetch.Fetcher // for addresses that strangers choose
	listener   net.Listener
	nothing    *acl.Guard       // of the pods that do not exist
	nobody     webid.PrivateKey // of theirs, to which nobody seals
	outside    *fetch.Fetcher   // to relays
	relays     *carrier
	relay      *relay.Server // nil without --relay
	closeRelay func() error  // may be called again
	onion      *onion        // nil without --onion
	desk       *desk         // nil where the command line does the work itself

	mu     sync.Mutex
	homes  map[string]*home
	closed bool
}

// Open opens the folder of c, which is complete, and binds its address; Run then serves. A folder
// without people gets its first one. The caller closes it.
func Open(ctx context.Context, c Config) (_ *Server, err error) {
	s := &Server{config: c, homes: map[string]*home{}, rates: newRates(50, 200, c.Now),
		asking: places{each: askingMost, all: math.MaxInt}, requests: places{each: requestsAddress, all: requestsMost}, friends: places{each: requestsFriend, all: requestsMost}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	files, err := pwa.Files()
	if err != nil {
		return nil, err
	}
	if s.app, err = newApp(files); err != nil {
		return nil, err
	}
	if err := c.mine(); err != nil {
		return nil, err
	}
	if s.state, err = openState(c.Data, c.Now); err != nil {
		return nil, err
	}
	if s.fetcher, err = fetch.New(fetch.Config{Allow: c.Fetch, Now: c.Now}); err != nil {
		return nil, fmt.Errorf("%w: --fetch: %v", ErrConfig, err)
	}
	s.nothing = acl.New(nothing{}, acl.Config{Base: c.URL, Now: c.Now})
	if err := s.openRelays(ctx); err != nil {
		return nil, err
	}
	if err := s.openIssuer(ctx); err != nil {
		return nil, err
	}
	if c.quiet {
		return s, nil
	}
	if c.Cert != "" { // before anybody is told of an address
		if _, err := c.certificate(); err != nil {
			return nil, err
		}
	}
	if err := s.openOnion(ctx); err != nil {
		return nil, err
	}
	if err := s.openHomes(ctx); err != nil {
		return nil, err
	}
	if err := s.openDesk(ctx); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", c.Listen); err != nil {
		err = fmt.Errorf("listen on %s: %w; choose another address with --listen", c.Listen, err)
		return nil, errors.Join(err, c.unrecord())
	}
	return s, s.keepAddress(ctx)
}

func (s *Server) openIssuer(ctx context.Context) error {
	keys, err := s.state.issuerKeys(ctx)
	if err != nil {
		return err
	}
	if s.cursorKey, err = s.state.cursorKey(ctx); err != nil {
		return err
	}
	if s.hooks, err = newHookKey(keys[0]); err != nil {
		return err
	}
	secret, err := s.state.kept32(ctx, "provider key")
	if err != nil {
		return err
	}
	s.issuer, err = issuer.New(issuer.Config{Issuer: s.config.Issuer(), Keys: keys, Realms: s, Store: provider{s}, Secret: secret, Now: s.config.Now})
	if err == nil {
		s.verifier = s.issuer.Verifier()
		s.openForeign()
	}
	return err
}

// openHomes opens every pod, so that a damaged folder is heard of at the start and not from a friend.
func (s *Server) openHomes(ctx context.Context) error {
	names, err := s.state.names(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		if err := s.state.firstPerson(ctx, s.config); err != nil {
			return err
		}
		names = []string{DefaultName}
	}
	lock, err := folder.Lock(s.config.Data) // also where no pod is there to be locked
	if err != nil {
		return fmt.Errorf("lock %s: %w", s.config.Data, err)
	}
	s.unlock = sync.OnceValue(lock.Close)
	for _, name := range names {
		if err := s.openAway(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// home returns the pod of a person, opened when it is asked for the first time: `kith person add` may
// have made it since the start. ErrPerson when there is none.
func (s *Server) home(ctx context.Context, name string) (*home, error) {
	if h := s.opened(name); h != nil {
		return h, nil
	}
	if checkName(name) != nil {
		return nil, ErrPerson
	}
	// Strangers may ask for any name: they are answered without the lock.
	if _, err := s.state.person(ctx, name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.homes[name]; h != nil {
		return h, nil
	}
	if s.closed {
		return nil, http.ErrServerClosed
	}
	h, err := s.openHome(context.WithoutCancel(ctx), name)
	if err == nil {
		s.homes[name] = h
	}
	return h, err
}

// opened returns the pod of a person if it is open.
func (s *Server) opened(name string) *home {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.homes[name]
}

// podName returns the name in the URL of a pod of this host.
func (s *Server) podName(url string) (string, bool) {
	rest, ok := strings.CutPrefix(url, s.config.URL)
	name, slash := strings.CutSuffix(rest, "/")
	return name, ok && slash && checkName(name) == nil
}

// Realm returns the pod whose URL is exactly url, for proofs.
func (s *Server) Realm(url string) (webid.Realm, bool) {
	name, ok := s.podName(url)
	if !ok {
		return nil, false
	}
	h, err := s.home(context.Background(), name)
	if err != nil {
		return nil, false
	}
	return h.realm, true
}

// Address returns the URL of the address that the server is bound to.
func (s *Server) Address() string {
	scheme := "http"
	if s.config.Domain != "" || s.config.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// FirstPairing returns a pairing link for the only pod of this folder while no phone has paired with
// it, else a zero Pairing. With --reach it waits a while until the relays know the
// way to the pod.
func (s *Server) FirstPairing(ctx context.Context) (Pairing, error) {
	names, err := s.state.names(ctx)
	if err != nil || len(names) != 1 {
		return Pairing{}, err
	}
	p, err := s.state.person(ctx, names[0])
	if err != nil || p.paired() {
		return Pairing{}, err
	}
	h, err := s.home(ctx, p.name)
	if errors.Is(err, pod.ErrAway) {
		return Pairing{}, nil
	}
	if err != nil {
		return Pairing{}, err
	}
	h.reach.ready(ctx)
	pairing, err := s.state.pairing(ctx, s.config, p.name)
	return pairing.heard(ctx, s.relays.client), err
}

// Run serves until ctx ends, then lets requests under way finish for a short while. Its error is nil
// when ctx ended it.
func (s *Server) Run(ctx context.Context) error {
	servers, err := servers(s.config, s.listener, s)
	if err != nil {
		return err
	}
	if s.onion != nil {
		servers = append(servers, s.onion.server(s))
	}
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for _, run := range servers {
		run.BaseContext = func(net.Listener) context.Context { return requests }
	}
	debug.FreeOSMemory() // what opening took is not needed any more
	failed := make(chan error, len(servers))
	var running sync.WaitGroup
	looking, leave := context.WithCancel(ctx)
	defer leave()
	running.Go(func() { s.people(looking) })
	if len(s.config.Reach) > 0 {
		running.Go(func() { s.describe(looking) })
	}
	for _, run := range servers {
		running.Go(func() { failed <- run.serve() })
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	leave()
	err = errors.Join(err, s.closeRelay()) // its waits and sockets would not end by themselves
	last, end := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer end()
	defer time.AfterFunc(time.Second, cancel).Stop() // long polls would wait for all of it
	for _, run := range servers {
		if run.Shutdown(last) != nil {
			run.Close()
		}
	}
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// running is one http.Server and how it is started.
type running struct {
	*http.Server
	serve func() error
}

// servers returns the server of h on l and, with --domain, the one of port 80 which answers
// certificate challenges and sends everybody else to https.
func servers(c Config, l net.Listener, h http.Handler) ([]running, error) {
	main := newHTTP(h)
	if c.BehindProxy {
		main.IdleTimeout = proxyTime
	}
	most := connsMost
	if c.Domain != "" || c.Cert != "" {
		most = connsSecured
	}
	l = newGate(l, most, !c.BehindProxy)
	switch {
	case c.Domain != "":
		certs := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(c.Domain), Cache: autocert.DirCache(c.Data + "/certificates")}
		main.TLSConfig = certs.TLSConfig()
		main.TLSConfig.MinVersion = tls.VersionTLS12
		return []running{{main, func() error { return main.ServeTLS(l, "", "") }}, redirecting(certs.HTTPHandler(nil))}, nil
	case c.Cert != "":
		cert, err := c.certificate()
		if err != nil {
			return nil, err
		}
		main.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		return []running{{main, func() error { return main.ServeTLS(l, "", "") }}}, nil
	}
	return []running{{main, func() error { return main.Serve(l) }}}, nil
}

// redirecting returns the server of h on port 80.
func redirecting(h http.Handler) running {
	s := newHTTP(h)
	return running{s, func() error {
		l, err := net.Listen("tcp", ":80")
		if err != nil {
			return err
		}
		return s.Serve(newGate(l, connsMost, true))
	}}
}

// Close closes the listener and every pod.
func (s *Server) Close() error {
	s.desk.close()
	s.mu.Lock()
	homes := s.homes
	s.homes, s.closed = map[string]*home{}, true
	s.mu.Unlock()
	errs := []error{s.onion.close()}
	if s.listener != nil {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, h := range homes {
		errs = append(errs, h.close())
	}
	if s.nothing != nil {
		s.nothing.Close()
	}
	for _, f := range []*fetch.Fetcher{s.fetcher, s.outside} {
		if f != nil {
			f.Close()
		}
	}
	if s.closeRelay != nil {
		errs = append(errs, s.closeRelay())
	}
	if s.state != nil {
		errs = append(errs, s.state.close())
	}
	if s.unlock != nil {
		errs = append(errs, s.unlock())
	}
	return errors.Join(errs...)
}
