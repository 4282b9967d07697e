package solid

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	requestTime = 60 * time.Second // more is a hang
	idleTime    = 2 * time.Second  // less than any server keeps a connection, so that none is used as it is closed
	maxBody     = 8 << 20
)

// newClient returns a client that sends what it is told: no redirects, no cookies, no compression. Where
// address is not empty, connections to the host of base go there.
func newClient(base, address string) (*http.Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("read URL: %w", err)
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	dial := func(ctx context.Context, network, to string) (net.Conn, error) {
		var d net.Dialer
		if address != "" && to == host {
			to = address
		}
		return d.DialContext(ctx, network, to)
	}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableCompression: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: idleTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// content is a request's body and its media type; the zero value is no body. With an empty media type the
// body goes out without Content-Type.
type content struct {
	media string
	bytes []byte
}

func turtleText(text string) content { return content{"text/turtle", []byte(text)} }
func n3Text(text string) content     { return content{"text/n3", []byte(text)} }
func sparqlText(text string) content { return content{"application/sparql-update", []byte(text)} }
func plainText(text string) content  { return content{"text/plain", []byte(text)} }
func jsonText(text string) content   { return content{"application/ld+json", []byte(text)} }

// request is one request as it is sent.
type request struct {
	method string
	url    string // sent as written: nothing is cleaned or escaped
	header []string
	body   content
}

// newRequest returns r with its headers, each "Name: value". A name without value takes that header away.
func newRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body.bytes != nil {
		body = bytes.NewReader(r.body.bytes)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("User-Agent", "solid-conformance")
	if r.body.media != "" {
		req.Header.Set("Content-Type", r.body.media)
	}
	for _, line := range r.header {
		name, value, _ := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); value == "" {
			req.Header.Del(name)
		} else {
			req.Header.Add(name, value)
		}
	}
	return req, nil
}

// answer is one response as it came.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// maxTries bounds how often a server may ask to be asked later.
const maxTries = 8

// exchange sends a request and reads the answer. A server that is busy (429, 503 with Retry-After) is asked
// again after the time that it names, as any polite client does; sign makes a new proof each time.
func exchange(ctx context.Context, c *http.Client, r request, sign func(*http.Request) error) (answer, error) {
	for try := 1; ; try++ {
		a, err := once(ctx, c, r, sign)
		busy := a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable
		after, number := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || !busy || number != nil || try == maxTries {
			return a, err
		}
		if err := pause(ctx, time.Duration(max(after, 1))*time.Second); err != nil {
			return a, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func once(ctx context.Context, c *http.Client, r request, sign func(*http.Request) error) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := newRequest(ctx, r)
	if err != nil {
		return answer{}, err
	}
	if err := sign(req); err != nil {
		return answer{}, err
	}
	res, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return answer{}, fmt.Errorf("read answer: %w", err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: body}, nil
}

// link is one link of a Link header (RFC 8288).
type link struct {
	target string // resolved against the request's URL
	params map[string]string
}

// links reads the Link headers of an answer to a request for base.
func links(h http.Header, base string) []link {
	u, err := url.Parse(base)
	if err != nil {
		return nil
	}
	var found []link
	for _, line := range h.Values("Link") {
		for {
			_, rest, ok := strings.Cut(line, "<")
			target, rest, closed := strings.Cut(rest, ">")
			if !ok || !closed {
				break
			}
			params, after := splitLink(rest)
			if ref, err := url.Parse(target); err == nil {
				found = append(found, link{u.ResolveReference(ref).String(), linkParams(params)})
			}
			line = after
		}
	}
	return found
}

// splitLink cuts the parameters of one link off, at the first comma outside of quotes.
func splitLink(text string) (params, rest string) {
	quoted := false
	for i, c := range text {
		if c == '"' {
			quoted = !quoted
		}
		if c == ',' && !quoted {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

func linkParams(text string) map[string]string {
	found := map[string]string{}
	for _, part := range strings.Split(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			found[name] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return found
}
