package server

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// defaultOnionControl is where a Tor on this machine is asked when no other place is named.
const defaultOnionControl = "127.0.0.1:9051"

const (
	onionFirst = 15 * time.Second // that a start waits for Tor
	onionPause = 5 * time.Minute  // between two attempts, at most
)

// onion publishes the server as an onion service by the Tor on this machine. The key is kept in state.db, so that the
// address stays. Visitors come to a listener of their own: what is known of visitors by their address does not hold
// for these, who all come from Tor.
//
// Goroutine: one that keeps the connection to Tor, ended by close.
type onion struct {
	control  string
	key      ed25519.PrivateKey
	listener net.Listener
	stop     context.CancelFunc
	wg       sync.WaitGroup
	tried    chan struct{} // closed after the first attempt

	mu      sync.Mutex
	host    string // "" while Tor does not publish it
	failure error  // of the last attempt
}

// openOnion begins to publish the server.
func (s *Server) openOnion(ctx context.Context) error {
	if !s.config.Onion {
		return nil
	}
	key, err := s.state.onionKey(ctx)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for Tor: %w", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.onion = &onion{control: s.config.OnionControl, key: key, listener: listener, stop: stop, tried: make(chan struct{})}
	s.onion.wg.Go(func() { s.onion.run(run) })
	return nil
}

// onionKey returns the key of the onion service, made at first use. Only its seed is kept.
func (s *state) onionKey(ctx context.Context) (ed25519.PrivateKey, error) {
	text, err := s.kept(ctx, "onion key", func() (string, error) {
		seed := make([]byte, ed25519.SeedSize)
		_, err := rand.Read(seed)
		return base64.StdEncoding.EncodeToString(seed), err
	})
	if err != nil {
		return nil, err
	}
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("read the key of the onion service: it is damaged")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// run publishes the service, and again whenever Tor has gone away.
func (o *onion) run(ctx context.Context) {
	first := sync.OnceFunc(func() { close(o.tried) })
	defer first()
	pause := time.Second
	for {
		t, err := o.publish(ctx)
		first()
		if err == nil {
			pause = time.Second
			err = t.wait()
			t.close()
		}
		o.set("", err)
		if ctx.Err() != nil {
			return
		}
		slog.Warn("there is no onion service for the time being", "err", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, onionPause)
	}
}

// publish makes one attempt. The caller closes the connection.
func (o *onion) publish(ctx context.Context) (*torControl, error) {
	t, err := dialTor(ctx, o.control)
	if err != nil {
		o.set("", err)
		return nil, err
	}
	host, err := t.publish(o.key, o.listener.Addr().String())
	o.set(host, err)
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (o *onion) set(host string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.host, o.failure = host, err
}

// base returns the URL of the service with its last slash, "" while there is none, and why.
func (o *onion) base() (string, error) {
	if o == nil {
		return "", nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.host == "" {
		return "", o.failure
	}
	return "http://" + o.host + "/", nil
}

// way returns where a pod is reached by Tor, "" while it is not.
func (o *onion) way(name string) string {
	base, _ := o.base()
	if base == "" {
		return ""
	}
	return base + name + "/"
}

// close takes the service back and waits until nothing runs any more.
func (o *onion) close() error {
	if o == nil {
		return nil
	}
	o.stop()
	o.wg.Wait()
	if err := o.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// server returns the http.Server of the visitors whom Tor brings.
func (o *onion) server(h http.Handler) running {
	main := newHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visitor := r.Clone(r.Context())
		visitor.RemoteAddr = "onion:80" // one for all of them: nobody here knows where they are
		visitor.Header.Del("X-Forwarded-For")
		h.ServeHTTP(w, visitor)
	}))
	return running{main, func() error { return main.Serve(newGate(o.listener, connsMost, false)) }}
}

// Onion returns the URL of the onion service, with its last slash, as soon as Tor has published it. The error says why
// it has not; it is tried again then, for as long as the server runs. Both are zero without --onion.
func (s *Server) Onion(ctx context.Context) (string, error) {
	if s.onion == nil {
		return "", nil
	}
	select {
	case <-s.onion.tried:
	case <-time.After(onionFirst):
		return "", fmt.Errorf("%w in time", errNoTor)
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return s.onion.base()
}

// checkOnion checks where the control port is: Tor has to be on this machine, to bring visitors here.
func (c Config) checkOnion() error {
	if path, ok := strings.CutPrefix(c.OnionControl, "unix:"); ok && path != "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.OnionControl)
	if err != nil || port == "" || !isLocal(host) {
		return fmt.Errorf("%w: --onion-control %q is no control port of this machine; write for example %s, or unix:/run/tor/control", ErrConfig, c.OnionControl, defaultOnionControl)
	}
	return nil
}
