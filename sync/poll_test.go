package sync

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kith/acl"
)

// poll starts a request that may wait. It returns where its answer comes, and
// what makes the client go.
func (h *house) poll(v *acl.View, target string) (answer <-chan said, leave func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	out := make(chan said, 1)
	go func() { out <- h.ask(v, http.MethodGet, target, within(ctx)) }()
	return out, cancel
}

// bubble runs a test in a world whose clock moves only when all are waiting.
func bubble(t *testing.T, name string, fn func(*testing.T, *house)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.audience("mine", ana)
			h.audience("others", carl)
			h.post("2026-11-01-first", "mine", "x")
			fn(t, h)
		})
	})
}

// waiting fails if the answer has come.
func waiting(t *testing.T, answer <-chan said) {
	t.Helper()
	synctest.Wait()
	select {
	case s := <-answer:
		t.Fatalf("it answered too soon: %v", s)
	default:
	}
}

func TestLongPoll(t *testing.T) {
	target := func(h *house, wait string) string {
		return "social/feed?wait=" + wait + "&cursor=" + h.read(h.friend(ana), "feed").Cursor
	}

	bubble(t, "it answers at once when something has happened", func(t *testing.T, h *house) {
		ask := target(h, "25")
		h.post("2026-11-02-second", "mine", "x")
		began := time.Now()
		h.wantKinds("since", h.read(h.friend(ana), ask[len("social/"):]), "Create 2026-11-02-second")
		if took := time.Since(began); took != 0 {
			t.Errorf("after %v", took)
		}
	})
	bubble(t, "it answers when something happens", func(t *testing.T, h *house) {
		began := time.Now()
		answer, leave := h.poll(h.friend(ana), target(h, "25"))
		defer leave()
		waiting(t, answer)
		time.Sleep(7 * time.Second) // of the bubble's clock
		waiting(t, answer)
		h.post("2026-11-02-second", "mine", "x")
		s := <-answer
		if took := time.Since(began); took != 7*time.Second || s.err != nil || s.status != http.StatusOK {
			t.Errorf("after %v: %v", took, s)
		}
	})
	bubble(t, "one contact has a few at a time, and others theirs", func(t *testing.T, h *house) {
		ask := target(h, "25")
		var all []<-chan said
		for range waitsContact {
			answer, leave := h.poll(h.friend(ana), ask)
			defer leave()
			waiting(t, answer)
			all = append(all, answer)
		}
		if s := h.ask(h.friend(ana), http.MethodGet, ask); !errors.Is(s.err, acl.ErrBusy) {
			t.Errorf("one more: %v", s)
		}
		if s := h.ask(h.friend(ana), http.MethodGet, strings.Replace(ask, "wait=25", "wait=0", 1)); s.err != nil {
			t.Errorf("one that does not wait: %v", s)
		}
		other, leave := h.poll(h.friend(carl), "social/feed?wait=25&cursor="+h.read(h.friend(carl), "feed").Cursor)
		defer leave()
		waiting(t, other)
		for _, answer := range append(all, other) {
			if s := <-answer; s.err != nil {
				t.Errorf("one that waits: %v", s)
			}
		}
		if n := len(h.feed.waits.open); n != 0 {
			t.Errorf("%d still count as waiting", n)
		}
	})
	bubble(t, "it answers with nothing when the time is over", func(t *testing.T, h *house) {
		for wait, want := range map[string]time.Duration{"25": 25 * time.Second, "1": time.Second, "0": 0} {
			ask := target(h, wait)
			began := time.Now()
			p := h.read(h.friend(ana), ask[len("social/"):])
			if took := time.Since(began); took != want || len(p.Items) != 0 {
				t.Errorf("wait=%s took %v and told %v", wait, took, p.Items)
			}
			if p.Cursor != h.read(h.friend(ana), "feed").Cursor {
				t.Error("the cursor moved")
			}
		}
	})
	bubble(t, "without a wait it does not wait", func(t *testing.T, h *house) {
		began := time.Now()
		h.since(h.friend(ana), h.read(h.friend(ana), "feed"))
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
	})
	bubble(t, "what is hidden neither ends it nor makes it longer", func(t *testing.T, h *house) {
		h.post("2026-11-01-hidden", "others", "x")
		h.post("2026-11-01-doomed", "others", "x")
		began := time.Now()
		answer, leave := h.poll(h.friend(ana), target(h, "10"))
		defer leave()
		for _, hidden := range []func(){
			func() { h.post("2026-11-02-hidden", "others", "x") },
			func() { h.write("/social/posts/2026-11-01-hidden/post.jsonld", jsonld, note("y")) },
			func() { h.erase("/social/posts/2026-11-01-doomed/") },
			func() { h.audience("others", carl, dora) },
			func() { h.show("2026-11-01-hidden", "") },
			func() { h.write("/notes.txt", "text/plain", "private") },
			func() { h.write("/social/in/"+carl+"/nonce", jsonld, "{}") },
		} {
			time.Sleep(time.Second)
			hidden()
			waiting(t, answer)
		}
		s := <-answer
		if took := time.Since(began); took != 10*time.Second || s.err != nil {
			t.Errorf("after %v: %v", took, s.err)
		}
	})
	bubble(t, "it ends when the client goes", func(t *testing.T, h *house) {
		began := time.Now()
		answer, leave := h.poll(h.friend(ana), target(h, "25"))
		waiting(t, answer)
		leave()
		s := <-answer
		if took := time.Since(began); took != 0 || !errors.Is(s.err, context.Canceled) {
			t.Errorf("after %v: %v", took, s.err)
		}
	})
	bubble(t, "it ends when the friend is removed, and says nothing more", func(t *testing.T, h *house) {
		began := time.Now()
		answer, leave := h.poll(h.friend(ana), target(h, "25"))
		defer leave()
		waiting(t, answer)
		gone := ana
		h.away.Store(&gone)
		h.post("2026-11-02-second", "mine", "x") // the group still names her
		s := <-answer
		h.wantError("poll", s, acl.ErrUnauthenticated)
		if took := time.Since(began); took != 0 {
			t.Errorf("after %v", took)
		}
		h.wantError("listing", h.ask(h.friend(ana), "GET", "social/feed"), acl.ErrUnauthenticated)
	})
	bubble(t, "all who wait hear of it", func(t *testing.T, h *house) {
		ask := target(h, "25")
		var answers []<-chan said
		for range waitsContact {
			answer, leave := h.poll(h.friend(ana), ask)
			defer leave()
			answers = append(answers, answer)
		}
		synctest.Wait()
		h.post("2026-11-02-second", "mine", "x")
		for _, answer := range answers {
			if s := <-answer; s.err != nil || s.status != http.StatusOK {
				t.Error(s)
			}
		}
	})
}

// TestWaitOutlivesDeadlines asks a server whose connections are given less time
// than the request wants to wait.
func TestWaitOutlivesDeadlines(t *testing.T) {
	h := newHouse(t)
	rows := h.rows("")
	for target, view := range map[string]*acl.View{
		"social/feed?wait=1&cursor=" + h.read(h.friend(ana), "feed").Cursor:     h.friend(ana),
		fmt.Sprintf(".replica?wait=1&epoch=%s&after=%d", rows.Epoch, rows.Head): h.owner(),
	} {
		path, _, _ := strings.Cut(target, "?")
		t.Run(path, func(t *testing.T) {
			failed := make(chan error, 1)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if path == ".replica" {
					failed <- h.replica.Serve(w, r, view, "")
				} else {
					failed <- h.feed.Serve(w, r, view)
				}
			}))
			server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
			server.Start()
			defer server.Close()
			response, err := server.Client().Get(server.URL + "/" + target)
			h.must(err)
			h.must(response.Body.Close())
			if err := <-failed; err != nil || response.StatusCode != http.StatusOK {
				t.Errorf("status %d, error %v", response.StatusCode, err)
			}
		})
	}
}
