package sync

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrRequest refuses a query or a header that is not of the form expected (400).
var ErrRequest = errors.New("not a request that is understood here")

// ErrMethod refuses a method (405). The Allow header of the answer is set.
var ErrMethod = errors.New("the method is not allowed here")

const (
	maxWait = 25 // seconds
	maxPage = 100
)

// allow returns ErrMethod, and names the methods in the answer, unless the
// request has one of them.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) error {
	if slices.Contains(methods, r.Method) {
		return nil
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	return ErrMethod
}

// query is a query string of which each parameter may stand once.
type query struct{ values url.Values }

func parseQuery(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, fmt.Errorf("read query: %w", ErrRequest)
	}
	for name, all := range values {
		if len(all) > 1 {
			return query{}, fmt.Errorf("read query: %w: %q stands twice", ErrRequest, name)
		}
	}
	return query{values}, nil
}

func (q query) text(name string) string { return q.values.Get(name) }

// number returns a whole number from low to high, or otherwise, where the
// parameter is absent. Digits only: no sign, no space.
func (q query) number(name string, low, high, otherwise uint64) (uint64, error) {
	if !q.values.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(q.text(name), 10, 64)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("read query: %w: %s goes from %d to %d", ErrRequest, name, low, high)
	}
	return n, nil
}

// limit returns how many things the asker wants at most, or otherwise.
func (q query) limit(high, otherwise uint64) (int, error) {
	n, err := q.number("limit", 1, high, otherwise)
	return int(n), err
}

// wait returns how long the asker is willing to wait.
func (q query) wait() (time.Duration, error) {
	seconds, err := q.number("wait", 0, maxWait, 0)
	return time.Duration(seconds) * time.Second, err
}

// grace is what a request that waits has beyond the wait to be answered.
const grace = 20 * time.Second

// patient gives a request the time to wait: the deadlines of its connection may
// be made for requests that do not. A writer that has none is as good.
func patient(w http.ResponseWriter, wait time.Duration) error {
	if wait == 0 {
		return nil
	}
	c, until := http.NewResponseController(w), time.Now().Add(wait+grace)
	for _, err := range []error{c.SetReadDeadline(until), c.SetWriteDeadline(until)} {
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("wait for changes: %w", err)
		}
	}
	return nil
}

// feedQuery is what is asked of the feed: a page of the listing, or what
// happened since a cursor.
type feedQuery struct {
	cursor  string
	changes bool // since the cursor
	page    string
	older   bool // than the page before, which page names
	limit   int
	wait    time.Duration
	inline  bool
}

func parseFeedQuery(raw string) (feedQuery, error) {
	q, err := parseQuery(raw)
	if err != nil {
		return feedQuery{}, err
	}
	f := feedQuery{
		cursor: q.text("cursor"), changes: q.values.Has("cursor"),
		page: q.text("page"), older: q.values.Has("page"),
	}
	most := uint64(pageSize)
	if f.changes {
		most = maxChanges
	}
	if f.limit, err = q.limit(maxPage, most); err != nil {
		return feedQuery{}, err
	}
	if f.wait, err = q.wait(); err != nil {
		return feedQuery{}, err
	}
	inline, err := q.number("inline", 0, 1, 0)
	if err != nil {
		return feedQuery{}, err
	}
	f.inline = inline == 1
	if f.changes && f.older {
		return feedQuery{}, fmt.Errorf("read query: %w: page and cursor exclude each other", ErrRequest)
	}
	return f, nil
}

// next returns the address of the page behind, relative to the feed's own,
// asked for in the same manner.
func (f feedQuery) next(name, value string) string {
	q := url.Values{name: {value}}
	if f.limit <= maxPage {
		q.Set("limit", strconv.Itoa(f.limit))
	}
	if f.inline {
		q.Set("inline", "1")
	}
	return "feed?" + q.Encode()
}
