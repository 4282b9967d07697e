package sync

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"testing"

	"kith/acl"
	"kith/webid"
)

func TestDoor(t *testing.T) {
	h := newHouse(t)

	t.Run("a contact learns who the owner is, and where to leave messages and to read", func(t *testing.T) {
		s := h.ask(h.friend(ana), http.MethodGet, "social/door")
		var got map[string]any
		if err := json.Unmarshal([]byte(s.body), &got); err != nil || s.err != nil {
			t.Fatal(s.err, err)
		}
		want := map[string]any{
			"label": "label", "name": "Ben", "device_list": "devices.jws.x", "keys": "keys.jws.x",
			"ways":  []any{map[string]any{"pod": base, "issuer": "https://pod.example"}},
			"webid": "../contacts/" + ana + "/card#me", "inbox": "in/" + ana + "/", "feed": "feed",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		if typ := s.header.Get("Content-Type"); typ != "application/json" {
			t.Errorf("media type %q", typ)
		}
	})

	t.Run("the owner has no inbox of their own", func(t *testing.T) {
		s := h.ask(h.owner(), http.MethodGet, "social/door")
		var got map[string]any
		if err := json.Unmarshal([]byte(s.body), &got); err != nil || s.err != nil {
			t.Fatal(s.err, err)
		}
		if _, ok := got["inbox"]; ok || got["webid"] != "../profile/card#me" {
			t.Errorf("got %v", got)
		}
	})

	t.Run("what the greeting cannot say is an error, not an answer", func(t *testing.T) {
		broken := errors.New("no lists")
		defer func(whole *Feed) { h.feed = whole }(h.feed)
		h.feed = NewFeed(FeedConfig{Base: base, Greeting: func(context.Context, webid.Agent) (Greeting, error) { return Greeting{}, broken }})
		h.wantError("door", h.ask(h.friend(ana), http.MethodGet, "social/door"), broken)
	})
}

// TestWhoMayAsk holds for the door and the feed alike.
func TestWhoMayAsk(t *testing.T) {
	h := newHouse(t)
	elsewhere := h.guard.As(webid.StrangerAgent("https://else.example/card#me"))
	for _, target := range []string{"social/door", "social/feed", "social/feed?cursor=x", "social/feed?limit=x"} {
		t.Run("a stranger is asked for credentials whatever the request is: "+target, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"} {
				h.wantError(method, h.ask(h.stranger(), method, target), acl.ErrUnauthenticated)
			}
		})
		t.Run("who is signed in and no contact is forbidden: "+target, func(t *testing.T) {
			h.wantError("GET", h.ask(elsewhere, "GET", target), acl.ErrForbidden)
		})
		t.Run("a contact may only read: "+target, func(t *testing.T) {
			for _, method := range []string{"PUT", "POST", "DELETE", "PATCH", "OPTIONS"} {
				s := h.ask(h.friend(ana), method, target)
				h.wantError(method, s, ErrMethod)
				if got := s.header.Get("Allow"); got != "GET, HEAD" {
					t.Errorf("%s: Allow is %q", method, got)
				}
			}
		})
	}
}

// TestAnswers holds for the door and for both kinds of pages of the feed.
func TestAnswers(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	h.post("2026-11-22-one", "a", "hello")
	cursor := h.read(h.friend(ana), "feed").Cursor
	for _, target := range []string{"social/door", "social/feed", "social/feed?cursor=" + cursor} {
		get := h.ask(h.friend(ana), http.MethodGet, target)
		tag := get.header.Get("ETag")

		t.Run("no cache keeps it, and it depends on who asks: "+target, func(t *testing.T) {
			if got := get.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control is %q", got)
			}
			if got := get.header.Get("Vary"); got != "Accept, Authorization, Origin" {
				t.Errorf("Vary is %q", got)
			}
			if got := get.header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options is %q", got)
			}
		})
		t.Run("HEAD is GET without the body: "+target, func(t *testing.T) {
			head := h.ask(h.friend(ana), http.MethodHead, target)
			if head.err != nil || head.body != "" || head.status != 200 || !reflect.DeepEqual(head.header, get.header) {
				t.Errorf("got %v, want the headers %v", head, get.header)
			}
		})
		t.Run("who has it is told so: "+target, func(t *testing.T) {
			s := h.ask(h.friend(ana), http.MethodGet, target, header("If-None-Match", tag))
			if s.status != http.StatusNotModified || s.body != "" || s.header.Get("ETag") != tag || tag == "" {
				t.Errorf("got %v with the tag %q", s, tag)
			}
		})
		t.Run("who has another gets it: "+target, func(t *testing.T) {
			s := h.ask(h.friend(ana), http.MethodGet, target, header("If-None-Match", `"other"`))
			if s.status != http.StatusOK || s.body != get.body {
				t.Errorf("got %v", s)
			}
		})
	}
	t.Run("the tag of a listing changes with what it tells", func(t *testing.T) {
		tag := h.ask(h.friend(ana), http.MethodGet, "social/feed").header.Get("ETag")
		h.post("2026-11-22-two", "a", "more")
		if s := h.ask(h.friend(ana), http.MethodGet, "social/feed", header("If-None-Match", tag)); s.status != 200 {
			t.Errorf("status %d", s.status)
		}
	})
}
