package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var (
	// ErrRefused is returned for a URL or an address that is not fetched from,
	// and for a redirect to one.
	ErrRefused = errors.New("address refused")
	// ErrTooLarge is returned for a document of more than 64 KiB.
	ErrTooLarge = errors.New("document too large")
	// ErrFailed is returned when no document came: no connection, no TLS, no
	// answer in time, too many redirects, or any status but 200.
	ErrFailed = errors.New("no document")
)

const (
	maxBody      = 64 << 10 // bytes
	maxHeader    = 16 << 10 // bytes
	maxTime      = 5 * time.Second
	maxRedirects = 3
)

// Config is what New needs.
type Config struct {
	Allow []string         // host:port that may be private and need no TLS, for example localhost:3000
	Now   func() time.Time // time.Now when nil
}

// Document is what was found at an address. Its Body is shared and not to be changed.
type Document struct {
	URL  string // where it was in the end, after redirects, without fragment
	Type string // its Content-Type as sent
	Body []byte // at most 64 KiB
}

// Fetcher fetches documents from addresses that strangers choose.
type Fetcher struct {
	allow     map[string]bool
	now       func() time.Time
	patience  time.Duration // for one document
	dialer    net.Dialer
	transport *http.Transport
	lasting   *http.Transport // for Transport
	hosts     *hosts
	memory    memory
}

// New returns a Fetcher; the caller closes it. The error names an entry of
// c.Allow that is not host:port.
func New(c Config) (*Fetcher, error) {
	f := &Fetcher{allow: map[string]bool{}, now: c.Now, patience: maxTime, hosts: newHosts(), dialer: net.Dialer{Timeout: maxTime, KeepAlive: -1}}
	if f.now == nil {
		f.now = time.Now
	}
	for _, entry := range c.Allow {
		host, port, err := net.SplitHostPort(entry)
		if err != nil || port == "" || !plainHost(host) {
			return nil, fmt.Errorf("allow %q: not host:port", entry)
		}
		f.allow[net.JoinHostPort(strings.ToLower(host), port)] = true
	}
	f.transport = &http.Transport{
		DialContext:            f.dial,
		TLSHandshakeTimeout:    maxTime,
		ResponseHeaderTimeout:  maxTime,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		MaxIdleConns:           32,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
	}
	f.lasting = f.transport.Clone()
	f.lasting.ResponseHeaderTimeout = 0
	return f, nil
}

// Close ends the connections that are kept for a next request.
func (f *Fetcher) Close() {
	f.transport.CloseIdleConnections()
	f.lasting.CloseIdleConnections()
}

// dial connects to address, host:port, if it is public or allowed by name.
func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := f.dialer
	if !f.allow[strings.ToLower(address)] {
		d.Control = control
	}
	return d.DialContext(ctx, network, address)
}

// Get returns the document at address, as accept, the value of an Accept header,
// asks for it. The error is ErrRefused, ErrTooLarge, ErrFailed or that of ctx.
func (f *Fetcher) Get(ctx context.Context, address, accept string) (Document, error) {
	return f.Fresh(ctx, address, accept, time.Hour)
}

// Fresh is Get for a document that was fetched no longer than age ago.
func (f *Fetcher) Fresh(ctx context.Context, address, accept string, age time.Duration) (Document, error) {
	u, err := f.check(address)
	if err != nil {
		return Document{}, fmt.Errorf("fetch: %w", err)
	}
	doc, err := f.memory.get(ctx, u.String()+"\n"+accept, f.now, age, func() (Document, time.Duration, error) {
		// Others may wait for this answer, so it does not end with who asked first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.patience)
		defer cancel()
		return f.follow(ctx, u, accept)
	})
	if err != nil {
		return Document{}, fmt.Errorf("fetch: %w", err)
	}
	return doc, nil
}

// follow fetches u, wherever it has moved to, and says how long the answer holds.
func (f *Fetcher) follow(ctx context.Context, u *url.URL, accept string) (Document, time.Duration, error) {
	for range maxRedirects + 1 {
		doc, life, next, err := f.once(ctx, u, accept)
		if err != nil || next == nil {
			return doc, life, err
		}
		if next.Scheme != "https" && u.Scheme == "https" {
			return Document{}, 0, fmt.Errorf("%w: redirect away from https", ErrRefused)
		}
		u = next
	}
	return Document{}, 0, fmt.Errorf("%w: too many redirects", ErrFailed)
}

// once makes one request. It returns the document or where that is.
func (f *Fetcher) once(ctx context.Context, u *url.URL, accept string) (doc Document, life time.Duration, next *url.URL, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return doc, 0, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	r.Header.Set("Accept", accept)
	answer, err := f.send(r)
	if err != nil {
		return doc, 0, nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		doc, err = read(answer, u)
		return doc, lifetime(answer.Header), nil, err
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		to, err := answer.Location()
		if err != nil {
			return doc, 0, nil, fmt.Errorf("%w: redirect to nowhere", ErrFailed)
		}
		next, err = f.check(to.String())
		return doc, 0, next, err
	}
	return doc, 0, nil, fmt.Errorf("%w: status %d", ErrFailed, answer.StatusCode)
}

func read(answer *http.Response, u *url.URL) (Document, error) {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return Document{}, outcome(err)
	}
	return Document{URL: u.String(), Type: answer.Header.Get("Content-Type"), Body: body}, nil
}

// outcome gives an error of the network its sentinel.
func outcome(err error) error {
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrFailed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFailed, err)
}
