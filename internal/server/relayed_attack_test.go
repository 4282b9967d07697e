package server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kith/pod"
	"kith/sealed"
)

// TestStrangersHoldNobodyUp: whoever knows a send id has the pod leave answers at relays that never say anything,
// as many as they like, and a friend is answered meanwhile.
func TestStrangersHoldNobodyUp(t *testing.T) {
	var here, most atomic.Int64
	ending := make(chan struct{})
	hole := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := here.Add(1)
		defer here.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select {
		case <-ending:
		case <-r.Context().Done():
		}
	}))
	defer hole.Close()
	defer close(ending)
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	b.stop()
	b.also = append(b.also, strings.TrimPrefix(hole.URL, "http://"))
	b.start()
	eve := newHuman(t, c, "Eve")
	l := eve.to(b.owner.label(), b.ana.Ways[0], nil, sealed.Recipients(b.ana.Lists)...)
	const sent = 3 * boxAnswers
	for i := range sent {
		l.leave(&mailbag{addr: fmt.Sprintf("%s/%d/s/%s", hole.URL, i, strings.Repeat("A", 32))}, "GET", postOne, "")
	}
	eventually(t, "what strangers left is given back", func() bool { return b.me().reach.released.Load() >= sent-strangersMost })
	if n := most.Load(); n == 0 || n > strangersMost {
		t.Errorf("%d answers to strangers are on their way", n)
	}
	b.ana.must(http.StatusOK, "GET", postOne, "")
}

// TestADeadRelayKeepsNoAnswerFromBeingTakenBack: a friend has answers left at many relays that fail, and what
// waits elsewhere is taken back at once.
func TestADeadRelayKeepsNoAnswerFromBeingTakenBack(t *testing.T) {
	var asked, erased atomic.Int64
	dead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch good := strings.HasPrefix(r.URL.Path, "/good/"); {
		case r.Method != http.MethodDelete: // what it is, for the outer hop
			w.WriteHeader(http.StatusInternalServerError)
		case good:
			erased.Add(1)
			w.WriteHeader(http.StatusNoContent)
		default:
			asked.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer dead.Close()
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	b.stop()
	b.also = append(b.also, strings.TrimPrefix(dead.URL, "http://"))
	b.start()
	h, ctx := b.me(), context.Background()
	h.reach.close() // nobody else looks
	add := func(relay, contact string, expires time.Duration) {
		t.Helper()
		a := queuedAnswer{relay: dead.URL + relay, cancel: relay, send: bytes.Repeat([]byte{1}, 24), contact: contact, path: "/social/feed", expires: c.now().Add(expires)}
		if err := h.state.addQueued(ctx, h.name, a); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		add(fmt.Sprintf("/%d/", i), "evil 1", time.Hour)
	}
	add("/good/", "other 1", 2*time.Hour)
	if err := h.reach.errand.withdraw(ctx, true); err == nil {
		t.Error("nothing failed")
	}
	if n := asked.Load(); n != deadMost || erased.Load() != 1 {
		t.Errorf("%d requests to relays that fail, %d answers taken back", n, erased.Load())
	}
}

// TestOneFriendsAnswersDisplaceNoOthers: a friend who has many answers waiting makes the pod forget their own.
func TestOneFriendsAnswersDisplaceNoOthers(t *testing.T) {
	c := newClock()
	s := newState(t, t.TempDir(), c)
	for i := range queuedEach + 40 {
		a := queuedAnswer{relay: "http://r/", cancel: fmt.Sprint(i), send: []byte{1}, contact: "evil 1", path: pod.Root.String(), expires: s.now().Add(2 * time.Hour)}
		if err := s.addQueued(context.Background(), "me", a); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.queued(context.Background(), "me")
	if err != nil || len(all) != queuedEach {
		t.Fatalf("%d answers of one friend are kept, %v", len(all), err)
	}
}
