package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Wire is where requests go: a base URL, and the address that is dialled in its place.
type Wire struct {
	Base    string // URL with a trailing slash; gives the Host and what proofs are made for
	Address string // host:port to dial; "" for that of Base
	Window  int    // bytes of the connection's receive buffer; 0 for the system's
}

// Request is one request as it is sent. Nothing is cleaned, escaped or followed; only Host, Connection and
// Content-Length are added, the last unless Header has one.
type Request struct {
	Method string
	Target string // as in the request line: escaped path and query
	Header http.Header
	Body   []byte
}

// Answer is one response as it was received.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// maxAnswer bounds what Do reads of a body.
const maxAnswer = 128 << 20

// Do sends a request over a connection of its own and reads the whole answer.
func (w *Wire) Do(ctx context.Context, r Request) (Answer, error) {
	res, err := w.Open(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("read answer to %s: %w", r.Method, err)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// Open sends a request over a connection of its own and returns the answer with its body unread. Closing
// the body closes the connection; so does the end of ctx.
func (w *Wire) Open(ctx context.Context, r Request) (*http.Response, error) {
	conn, err := w.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	line := &line{Conn: conn, stop: stop}
	// A server may answer and close before it has read the whole body, so what it says is read even if
	// not everything could be written.
	writeErr := w.write(conn, r)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.Method})
	if err != nil {
		line.Close()
		return nil, fmt.Errorf("%s: %w", r.Method, errors.Join(writeErr, err, ctx.Err()))
	}
	res.Body = body{res.Body, line}
	return res, nil
}

// Dial connects to the server.
func (w *Wire) Dial(ctx context.Context) (net.Conn, error) {
	base, err := url.Parse(w.Base)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	address := w.Address
	if address == "" {
		address = net.JoinHostPort(base.Hostname(), port(base))
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && w.Window > 0 {
		if err := tcp.SetReadBuffer(w.Window); err != nil {
			return nil, fmt.Errorf("dial: %w", errors.Join(err, conn.Close()))
		}
	}
	if base.Scheme == "https" {
		return tls.Client(conn, &tls.Config{ServerName: base.Hostname(), MinVersion: tls.VersionTLS12}), nil
	}
	return conn, nil
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

func (w *Wire) write(conn net.Conn, r Request) error {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", r.Method, r.Target, w.host())
	if r.Header.Get("Content-Length") == "" && (r.Body != nil || r.Method == http.MethodPut || r.Method == http.MethodPost) {
		head.WriteString("Content-Length: " + strconv.Itoa(len(r.Body)) + "\r\n")
	}
	if err := r.Header.Write(&head); err != nil {
		return err
	}
	head.WriteString("\r\n")
	_, err := (&net.Buffers{head.Bytes(), r.Body}).WriteTo(conn)
	return err
}

func (w *Wire) host() string {
	_, rest, _ := strings.Cut(w.Base, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// line is a connection that is closed once, and then no longer waits for a context.
type line struct {
	net.Conn
	stop func() bool
}

func (l *line) Close() error {
	l.stop()
	return l.Conn.Close()
}

// body closes the connection with the body.
type body struct {
	io.Reader
	line *line
}

func (b body) Close() error { return b.line.Close() }
