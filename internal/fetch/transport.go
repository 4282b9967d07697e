package fetch

import (
	"net/http"
)

// Transport returns what makes requests that may be long in time and size, such
// as WebSockets, to the same addresses as Client; its user sets the bounds.
func (f *Fetcher) Transport() http.RoundTripper { return unbounded{f} }

type unbounded struct{ f *Fetcher }

// RoundTrip implements http.RoundTripper. Redirects are the client's business, and
// each is checked here again.
func (t unbounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.f.checkURL(r.URL); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	return t.f.lasting.RoundTrip(r)
}
