package fetch

import (
	"fmt"
	"io"
	"net/http"
)

// Client returns an HTTP client for requests other than GET, for webhooks. The
// same addresses are refused, with ErrRefused; a request has 5 s and an answer
// 64 KiB, after which its body reads as ErrTooLarge. Redirects are not followed:
// they are answers.
func (f *Fetcher) Client() *http.Client {
	return &http.Client{
		Transport:     roundTripper{f},
		Timeout:       f.patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type roundTripper struct{ f *Fetcher }

// RoundTrip implements http.RoundTripper.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper leaves the request as it is
	return t.f.send(r)
}

// send makes the request r, whose headers it completes, if its URL and address allow.
func (f *Fetcher) send(r *http.Request) (*http.Response, error) {
	answer, err := f.admit(r)
	if err != nil && r.Body != nil {
		r.Body.Close()
	}
	return answer, err
}

func (f *Fetcher) admit(r *http.Request) (*http.Response, error) {
	if err := f.checkURL(r.URL); err != nil {
		return nil, err
	}
	leave, err := f.hosts.enter(r.Context(), hostPort(r.URL))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "kith")
	r.Header.Set("Accept-Encoding", "identity")
	answer, err := f.transport.RoundTrip(r)
	if err != nil {
		leave()
		return nil, outcome(err)
	}
	answer.Body = &body{answer.Body, maxBody + 1, leave}
	if coding := answer.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		answer.Body.Close()
		return nil, fmt.Errorf("%w: content coding", ErrFailed)
	}
	return answer, nil
}

// body is the body of an answer, of at most 64 KiB. Its end makes room for another request.
type body struct {
	io.ReadCloser
	left  int
	leave func()
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, ErrTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	if b.left -= n; b.left == 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

func (b *body) Close() error {
	b.leave()
	return b.ReadCloser.Close()
}
