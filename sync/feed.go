package sync

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kith/acl"
	"kith/webid"
)

const (
	pageSize   = 50   // posts on a page of the listing
	maxChanges = 500  // changes in one answer
	retryAfter = "30" // seconds
)

// FeedConfig says whose feed it is.
type FeedConfig struct {
	// Base is the pod's URL, with a trailing slash.
	Base string
	// Key returns what seals the cursors: at least 16 secret bytes that outlive the
	// process, and that all responders of the owner share.
	Key func(context.Context) ([]byte, error)
	// Greeting returns what the door tells an agent of the owner.
	Greeting func(context.Context, webid.Agent) (Greeting, error)
}

// Feed answers for the door and the feed of one pod. It keeps nothing between
// requests but how many wait.
type Feed struct {
	config FeedConfig
	waits  waits
}

// NewFeed returns the feed of a pod.
func NewFeed(c FeedConfig) *Feed { return &Feed{config: c} }

// sealer returns what seals cursors at this moment.
func (f *Feed) sealer(ctx context.Context) (*sealer, error) {
	key, err := f.config.Key(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the key of cursors: %w", err)
	}
	return newSealer(key, f.config.Base)
}

// Behind returns acl.ErrBehind, with the header Retry-After set, for a request
// whose Kith-Seen is a cursor that tells of more than this pod has. One that does
// not open tells of nothing. (docs/protocol.md, Cursors)
func (f *Feed) Behind(w http.ResponseWriter, r *http.Request, v *acl.View) error {
	cursor := r.Header.Get("Kith-Seen")
	if cursor == "" || v.Agent().Anonymous() {
		return nil
	}
	cursors, err := f.sealer(r.Context())
	if err != nil {
		return err
	}
	at, err := cursors.open(v.Agent(), cursor)
	if err != nil {
		return nil
	}
	return later(w, v.Behind(r.Context(), at))
}

// later sets Retry-After where the pod lags behind.
func later(w http.ResponseWriter, err error) error {
	if errors.Is(err, acl.ErrBehind) {
		w.Header().Set("Retry-After", retryAfter)
	}
	return err
}

// Serve answers a request for social/feed: a page of the posts that the agent
// may read, or what happened to them since a cursor (see the package comment).
// When it returns an error it has not answered: acl.ErrUnauthenticated or acl.ErrForbidden for who
// is neither the owner nor a contact, ErrMethod, ErrRequest, ErrCursor,
// acl.ErrBehind with the header Retry-After set, acl.ErrGone when the agent must
// read the whole listing again, acl.ErrBusy when too many of a contact's requests
// wait, the error of the request's context, or one of the View's.
func (f *Feed) Serve(w http.ResponseWriter, r *http.Request, v *acl.View) error {
	if err := f.admit(w, r, v); err != nil {
		return err
	}
	q, err := parseFeedQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if q.wait > 0 {
		leave, err := f.waits.enter(v.Agent())
		if err != nil {
			return err
		}
		defer leave()
	}
	if err := patient(w, q.wait); err != nil {
		return err
	}
	v = v.From(r.Header.Get("Origin")) // WAC §authorization-evaluation
	cursors, err := f.sealer(r.Context())
	if err != nil {
		return err
	}
	var p page
	if q.changes {
		p, err = changes(r.Context(), v, cursors, q)
	} else {
		p, err = listing(r.Context(), v, cursors, q)
	}
	if err != nil {
		return later(w, err)
	}
	return answer(w, r, "application/activity+json", p)
}

// admit lets the owner and contacts in, to read.
func (f *Feed) admit(w http.ResponseWriter, r *http.Request, v *acl.View) error {
	switch a := v.Agent(); {
	case a.Anonymous():
		return acl.ErrUnauthenticated
	case !a.Owner() && a.Contact() == "":
		return acl.ErrForbidden
	}
	return allow(w, r, http.MethodGet, http.MethodHead)
}

// page is one answer of the feed.
type page struct {
	Context any    `json:"@context"`
	Type    string `json:"type"`
	Items   []item `json:"orderedItems"`
	Next    string `json:"next,omitempty"`
	Cursor  string `json:"kith:cursor"`
}

// vocabulary is the JSON-LD context of all pages (AS2 §2.1).
var vocabulary = []any{
	"https://www.w3.org/ns/activitystreams",
	map[string]string{"kith": "https://kith.invalid/ns#", "state": "kith:state"},
}

func newPage(items []item, cursor, next string) page {
	return page{Context: vocabulary, Type: "OrderedCollectionPage", Items: items, Cursor: cursor, Next: next}
}

// listing returns a page of the posts. A page's name is the cursor of the first
// page, and the name of the last post before it.
func listing(ctx context.Context, v *acl.View, cursors *sealer, q feedQuery) (page, error) {
	cursor, before, dotted := strings.Cut(q.page, ".")
	if q.older {
		if _, err := cursors.open(v.Agent(), cursor); err != nil {
			return page{}, err
		}
		if !dotted || before == "" {
			return page{}, ErrCursor
		}
	}
	posts, more, at, err := v.Posts(ctx, before, q.limit)
	if err != nil {
		return page{}, fmt.Errorf("list posts: %w", err)
	}
	if !q.older {
		if cursor, err = cursors.seal(v.Agent(), at); err != nil {
			return page{}, err
		}
	}
	items, err := describe(ctx, v, posts, q.inline)
	if err != nil {
		return page{}, err
	}
	next := ""
	if more {
		next = q.next("page", cursor+"."+posts[len(posts)-1].Path.Name())
	}
	return newPage(items, cursor, next), nil
}

// changes returns what happened since the cursor, as soon as there is something
// or the time to wait is over.
func changes(ctx context.Context, v *acl.View, cursors *sealer, q feedQuery) (page, error) {
	since, err := cursors.open(v.Agent(), q.cursor)
	if err != nil {
		return page{}, err
	}
	events, at, err := news(ctx, v, since, q)
	if err != nil {
		return page{}, err
	}
	cursor, err := cursors.seal(v.Agent(), at)
	if err != nil {
		return page{}, err
	}
	items, err := describe(ctx, v, events, q.inline)
	if err != nil {
		return page{}, err
	}
	next := ""
	if len(events) == q.limit {
		next = q.next("cursor", cursor)
	}
	return newPage(items, cursor, next), nil
}

// news returns the events after a place and the place behind them. It
// waits for the first one: commits that the agent may not see end nothing.
func news(ctx context.Context, v *acl.View, since acl.Place, q feedQuery) ([]acl.Event, acl.Place, error) {
	timer := time.NewTimer(q.wait)
	defer timer.Stop()
	for {
		changed := v.Changed()
		events, at, err := v.Changes(ctx, since, q.limit)
		if err != nil {
			return nil, at, fmt.Errorf("read changes: %w", err)
		}
		if len(events) > 0 {
			return events, at, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil, at, nil
		case <-ctx.Done():
			return nil, at, fmt.Errorf("wait for changes: %w", ctx.Err())
		}
	}
}
