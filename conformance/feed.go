package conformance

import (
	"context"
	"net/http"
	"net/url"
)

// Door is what a friend is told at social/door.
type Door struct {
	Label string `json:"label"`
	Name  string `json:"name"`
	List  string `json:"device_list"`
	Keys  string `json:"keys"`
	Ways  []Pod  `json:"ways"`
	WebID string `json:"webid"`
	Inbox string `json:"inbox"`
	Feed  string `json:"feed"`
}

// Door asks the pod who its owner is, and checks the lists.
func (a *Agent) Door(ctx context.Context) (Door, error) {
	var d Door
	if err := a.into(ctx, Request{Method: http.MethodGet, Target: "social/door"}, http.StatusOK, &d); err != nil {
		return Door{}, err
	}
	return d, introduced(d.Label, d.List, d.Keys)
}

// Page is one page of a feed.
type Page struct {
	Type   string `json:"type"`
	Items  []Item `json:"orderedItems"`
	Next   string `json:"next"`
	Cursor string `json:"kith:cursor"`
}

// Item is one activity of a feed.
type Item struct {
	Type      string         `json:"type"`
	ID        string         `json:"id"`
	Object    string         `json:"object"`
	State     string         `json:"state"`
	Published string         `json:"published"`
	Post      map[string]any `json:"kith:post"`
}

// Feed asks for a page of the posts; query is "" for the newest, or what the page before named as next.
func (a *Agent) Feed(ctx context.Context, query string) (Page, error) {
	target := "social/feed"
	if query != "" {
		target += "?" + query
	}
	var p Page
	return p, a.into(ctx, Request{Method: http.MethodGet, Target: target}, http.StatusOK, &p)
}

// Since asks what happened after a cursor, and waits for something for up to so many seconds.
func (a *Agent) Since(ctx context.Context, cursor, wait string) (Page, error) {
	return a.Feed(ctx, url.Values{"cursor": {cursor}, "wait": {wait}}.Encode())
}
