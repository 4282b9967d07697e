package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"kith/internal/server"
	"kith/relay"
)

// relayMemory is what the runtime tries to stay below; what a relay holds by its own bounds is less.
const relayMemory = 224 << 20

func relayCommand() command {
	return command{name: "relay", summary: "keep sealed messages for those who sleep", run: runRelay, help: `
Usage: kith relay [--data DIR] [--listen ADDR] [--url RELAY] [--queues open|work|invite]
                  [--domain NAME | --cert FILE --key FILE | --behind-proxy]
                  [--app] [--space MB] [--counters ADDR] [--fetch HOST:PORT]
       kith relay invite [--data DIR] [--count N] [--days N]

Runs a relay: a mailbox for phones that sleep and pods behind a router. It keeps messages that it
cannot read, for 14 days at most, and erases them when they have been taken. It writes no log. What its
operator can see and cannot is told in docs/relay-operator.md.

--queues says who may make a mailbox here:
  invite   who has an invite; "kith relay invite" prints one (this is the default)
  work     anybody whose phone computes for a moment
  open     anybody: for a home network or a test

Other machines reach it under https only: --domain fetches certificates by itself; --cert and --key
bring your own; --behind-proxy is for a proxy in front that ends TLS and sets X-Forwarded-For.

Examples:
  kith relay --data /srv/relay --domain relay.example.org
  kith relay --listen 127.0.0.1:8430 --behind-proxy --url https://relay.example.org/ --queues work --app
  kith relay invite --data /srv/relay --count 2 --days 30
  kith relay --listen 127.0.0.1:8430 --queues open --counters 127.0.0.1:8431 &
  curl http://127.0.0.1:8431/
`}
}

// relayFlags are what `kith relay` is told.
type relayFlags struct {
	server   server.Config // how to listen
	relay    relay.Config
	space    int64 // MB
	counters string
	count    int
	days     int
}

func (c *call) relayFlags() *relayFlags {
	f := &relayFlags{}
	c.flags.StringVar(&f.relay.Data, "data", "", "`DIR` that holds everything (default: kith-relay in the home folder)")
	c.flags.StringVar(&f.relay.URL, "url", "", "`RELAY` address as others reach it, for example https://relay.example.org/")
	c.flags.StringVar(&f.relay.Queues, "queues", "invite", "`WHO` may make mailboxes: open, work or invite")
	c.flags.BoolVar(&f.relay.App, "app", false, "serve the app at / too")
	c.flags.Int64Var(&f.space, "space", 4096, "`MB` that waiting messages may take on the disk")
	c.flags.StringVar(&f.server.Listen, "listen", "", "`ADDR` to listen on, host:port (default 127.0.0.1:8430, or :443 with --domain)")
	c.flags.StringVar(&f.server.Domain, "domain", "", "public `NAME` of this machine; certificates are fetched and renewed")
	c.flags.StringVar(&f.server.Cert, "cert", "", "certificate `FILE` (PEM)")
	c.flags.StringVar(&f.server.Key, "key", "", "key `FILE` (PEM)")
	c.flags.BoolVar(&f.server.BehindProxy, "behind-proxy", false, "a proxy in front ends TLS and sets X-Forwarded-For")
	c.flags.StringVar(&f.counters, "counters", "", "`ADDR` of this machine that tells how often what was dropped, as JSON")
	c.flags.IntVar(&f.count, "count", 1, "invite: `N` mailboxes may be made with it")
	c.flags.IntVar(&f.days, "days", 7, "invite: it is good for `N` days")
	c.flags.Func("fetch", "private `HOST:PORT` that messages may be forwarded to, without TLS too", func(list string) error {
		f.server.Fetch = append(f.server.Fetch, strings.Split(list, ",")...)
		return nil
	})
	return f
}

func runRelay(ctx context.Context, c *call) error {
	f := c.relayFlags()
	if err := c.parse(); err != nil {
		return err
	}
	if err := f.complete(); err != nil {
		return err
	}
	switch {
	case len(c.words) == 0:
		return c.serveRelay(ctx, f)
	case len(c.words) == 1 && c.words[0] == "invite":
		return c.relayInvite(f)
	}
	return fmt.Errorf("%w: say `kith relay` or `kith relay invite`", errUsage)
}

// complete fills in defaults and refuses what cannot work together.
func (f *relayFlags) complete() error {
	if f.relay.Data == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("find the home folder: %w", err)
		}
		f.relay.Data = filepath.Join(home, "kith-relay")
	}
	switch {
	case (f.server.Cert == "") != (f.server.Key == ""):
		return fmt.Errorf("%w: --cert and --key go together", errUsage)
	case f.server.Domain != "" && (f.server.Cert != "" || f.server.BehindProxy):
		return fmt.Errorf("%w: --domain fetches its own certificates", errUsage)
	case f.space < 1:
		return fmt.Errorf("%w: --space %d leaves no room", errUsage, f.space)
	case f.relay.URL != "" && !strings.HasSuffix(f.relay.URL, "/"):
		f.relay.URL += "/"
	}
	if f.relay.URL == "" && f.server.Domain != "" {
		f.relay.URL = "https://" + f.server.Domain + "/"
	}
	if f.server.Listen == "" {
		f.server.Listen = "127.0.0.1:8430"
		if f.server.Domain != "" {
			f.server.Listen = ":443"
		}
	}
	f.server.Data = f.relay.Data
	f.relay.Space = f.space << 20
	return nil
}

// scheme is how the relay is spoken to where it listens.
func (f *relayFlags) scheme() string {
	if f.server.Domain != "" || f.server.Cert != "" {
		return "https"
	}
	return "http"
}

func (c *call) serveRelay(ctx context.Context, f *relayFlags) error {
	debug.SetMemoryLimit(relayMemory)
	stop := func() {}
	defer func() { stop() }()
	err := f.server.RunRelay(ctx, f.relay, func(at net.Addr, s *relay.Server) (err error) {
		if stop, err = c.tell(f.counters, s); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.stdout, "listening on %s://%s\n", f.scheme(), at)
		return err
	})
	if errors.Is(err, relay.ErrConfig) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}

// tell answers on a loopback address with the relay's counters, until stop is called.
func (c *call) tell(address string, s *relay.Server) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return func() {}, fmt.Errorf("%w: --counters: %v", errUsage, err)
	}
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		l.Close()
		return func() {}, fmt.Errorf("%w: --counters %s is not an address of this machine alone", errUsage, address)
	}
	tell := &http.Server{ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(s.Counters()) // who has gone needs no answer
	})}
	fmt.Fprintf(c.stdout, "counters at http://%s/\n", l.Addr())
	var serving sync.WaitGroup
	serving.Go(func() { tell.Serve(l) })
	return func() { tell.Close(); serving.Wait() }, nil
}

func (c *call) relayInvite(f *relayFlags) error {
	invite, err := relay.NewInvite(f.relay.Data, f.count, time.Now().AddDate(0, 0, f.days))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, invite)
	return err
}
