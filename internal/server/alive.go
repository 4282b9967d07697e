package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"zombiezen.com/go/sqlite"
)

// listensAt is the name under which it is kept where the server listens.
const listensAt = "listens at"

// errSilent says that no server answers for a folder.
var errSilent = errors.New("no server answers for this folder")

// keepAddress remembers where the server listens, for whoever asks whether it answers.
func (s *Server) keepAddress(ctx context.Context) error {
	return s.state.write(ctx, func(c *sqlite.Conn) error { return setValues(c, listensAt, s.Address()) })
}

// Alive returns nil when the server of the folder answers, asked from this machine. What else may be wrong, Doctor
// tells.
func (c Config) Alive(ctx context.Context) error {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return err
	}
	d := doctor{config: c, state: s}
	return errors.Join(d.hear(ctx), s.close())
}

// hear asks the server for its keys where it listens, and not where its name leads.
func (d *doctor) hear(ctx context.Context) error {
	kept, err := d.state.value(ctx, listensAt)
	if err != nil {
		return err
	}
	at, err := url.Parse(kept)
	if err != nil || kept == "" {
		return fmt.Errorf("%w: it was never started", errSilent)
	}
	if host := net.ParseIP(at.Hostname()); host.IsUnspecified() {
		at.Host = net.JoinHostPort("127.0.0.1", at.Port()) // in a container nothing may know localhost
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath(".well-known", "jwks.json").String(), nil)
	if err != nil {
		return err
	}
	answer, err := d.near().Do(r)
	if err != nil {
		return fmt.Errorf("%w: at %s: %s", errSilent, at.Host, reason(err))
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return fmt.Errorf("%w: at %s: %s", errSilent, at.Host, reason(err))
	}
	if answer.StatusCode != http.StatusOK || !d.ours(ctx, body) {
		return fmt.Errorf("%w: at %s another one does (%d)", errSilent, at.Host, answer.StatusCode)
	}
	return nil
}

// near returns a client for this very machine. The certificate is for the name of the pods, by which it is not asked
// here; who answers shows in the keys.
func (d *doctor) near() *http.Client {
	name := d.config.Domain
	if own, err := url.Parse(d.config.URL); err == nil {
		name = or(name, own.Hostname())
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
