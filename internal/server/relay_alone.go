package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"kith/internal/fetch"
	"kith/pwa"
	"kith/relay"
)

// RunRelay serves a relay and nothing else until ctx ends, and then lets requests under way finish for
// a short while. Of c it takes how to listen, what is in front, and which private addresses may be
// forwarded to; r says the rest, and whether the app is served beside it. ready is called with the
// address once it listens. Errors: ErrConfig, relay.ErrConfig.
func (c Config) RunRelay(ctx context.Context, r relay.Config, ready func(at net.Addr, s *relay.Server) error) (err error) {
	outside, err := fetch.New(fetch.Config{Allow: c.Fetch, Now: r.Now})
	if err != nil {
		return fmt.Errorf("%w: --fetch: %v", ErrConfig, err)
	}
	defer outside.Close()
	r.Out = outside.Transport()
	r.Client = func(req *http.Request) string { return address(req, c.BehindProxy) }
	s, err := relay.Open(r)
	if err != nil {
		return err
	}
	closed := sync.OnceValue(s.Close)
	defer func() { err = errors.Join(err, closed()) }()
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("%w: listen on %s: %v", ErrConfig, c.Listen, err)
	}
	defer listener.Close()
	handler, err := alone(s, r.App)
	if err != nil {
		return err
	}
	all, err := servers(c, listener, handler)
	if err != nil {
		return err
	}
	if err := ready(listener.Addr(), s); err != nil {
		return err
	}
	return runRelay(ctx, all, closed)
}

// alone returns what answers where no pods are: the relay, with or without the app.
func alone(s *relay.Server, withApp bool) (http.Handler, error) {
	if !withApp {
		return s, nil
	}
	files, err := pwa.Files()
	if err != nil {
		return nil, err
	}
	a, err := newApp(files)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.serve(w, r) {
			s.ServeHTTP(w, r)
		}
	}), nil
}

// runRelay serves until ctx ends. The relay is closed before its listeners: that ends the waits and the
// sockets that these would otherwise wait for.
func runRelay(ctx context.Context, all []running, closeRelay func() error) error {
	failed := make(chan error, len(all))
	var serving sync.WaitGroup
	for _, run := range all {
		serving.Go(func() { failed <- run.serve() })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, closeRelay())
	last, end := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer end()
	for _, run := range all {
		if run.Shutdown(last) != nil {
			run.Close()
		}
	}
	serving.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
