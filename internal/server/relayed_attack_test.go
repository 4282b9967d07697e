package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/pod"
	"kith/sealed"
	"kith/webid"
)

// hole is a relay that never says anything.
type hole struct {
	*httptest.Server
	here, most atomic.Int64 // requests that are kept waiting, and how many ever were at once
	ending     chan struct{}
}

// openHole opens a hole; the caller closes it.
func openHole() *hole {
	h := &hole{ending: make(chan struct{})}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := h.here.Add(1)
		defer h.here.Add(-1)
		for old := h.most.Load(); n > old && !h.most.CompareAndSwap(old, n); old = h.most.Load() {
		}
		select {
		case <-h.ending:
		case <-r.Context().Done():
		}
	}))
	return h
}

func (h *hole) close() {
	close(h.ending)
	h.Close()
}

// TestStrangersHoldNobodyUp: whoever knows a send id has the pod leave answers at relays that never say anything,
// as many as they like, and a friend is answered meanwhile.
func TestStrangersHoldNobodyUp(t *testing.T) {
	hole := openHole()
	defer hole.close()
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
	if n := hole.most.Load(); n == 0 || n > strangersMost {
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
	if err := h.reach.errand.condemn(ctx); err != nil {
		t.Fatal(err)
	}
	h.reach.errand.withdraw(ctx)
	h.reach.wg.Wait()
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

// TestDeadRelaysHoldNoHintUp: the relays of seven friends take requests and never answer, eight relays each, and
// another friend is told of what is new meanwhile.
func TestDeadRelaysHoldNoHintUp(t *testing.T) {
	var holding, given atomic.Int64
	ending := make(chan struct{})
	hole := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch {
		case r.URL.Path == "/good/.well-known/kith-relay": // asked by the outer hop
			w.WriteHeader(http.StatusInternalServerError)
			return
		case strings.HasPrefix(r.URL.Path, "/good/"):
			given.Add(1)
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, `{"cancel":"token"}`)
			return
		}
		holding.Add(1)
		select {
		case <-ending:
		case <-r.Context().Done():
		}
	}))
	defer hole.Close()
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	b.stop()
	b.also = append(b.also, strings.TrimPrefix(hole.URL, "http://"))
	send := strings.Repeat("A", 32)
	for i := range outingsMost {
		var ways []webid.Way
		for n := range 8 {
			ways = append(ways, webid.Way{Relay: fmt.Sprintf("%s/hole/%d/%d/", hole.URL, i, n), Send: send})
		}
		if i == outingsMost-1 {
			ways = []webid.Way{{Relay: hole.URL + "/good/", Send: send}}
		}
		b.acquaint(i, ways)
	}
	b.start()
	b.nudge()
	h := b.me()
	defer h.reach.close()
	defer close(ending)
	contacts, err := h.realm.all(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, known := range contacts {
		if strings.HasPrefix(known.Name, "Relayed") {
			named++
			h.reach.errand.hints.expect(nameContact(known), c.now(), 0)
		}
	}
	if named != outingsMost {
		t.Fatalf("%d friends are known, want %d", named, outingsMost)
	}
	eventually(t, "the hint to who has a relay that answers", func() bool { b.nudge(); return given.Load() == 1 })
	eventually(t, "what the others' relays hold", func() bool { return holding.Load() > 0 })
	if n := len(h.reach.errand.out.held()); n > outingsMost-1 {
		t.Errorf("%d friends are being told", n)
	}
}

// held returns the friends for whom something is under way.
func (o *outings) held() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.out))
}

// acquaint makes a friend by hand; the pod is stopped.
func (b *befriended) acquaint(i int, ways []webid.Way) {
	b.t.Helper()
	f := newHuman(b.t, b.clock, fmt.Sprintf("Relayed %d", i))
	c := webid.Contact{CID: fmt.Sprintf("%s%c", strings.Repeat("r", 19), 'a'+rune(i)), Name: f.name, Label: f.label(), Grant: 1,
		Lists: f.lists, Ways: ways, Salt: bytes.Repeat([]byte{byte(i)}, 32), Since: b.clock.now()}
	text, err := json.Marshal(c)
	dir := filepath.Join(b.dir, "pods", DefaultName, "contacts", c.CID)
	if err = errors.Join(err, os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "card"), text, 0o600)); err != nil {
		b.t.Fatal(err)
	}
}

// TestOutingsAreShared: a friend has one at a time, those whose relays failed have half of the room, and a minute
// passes until they are tried again.
func TestOutingsAreShared(t *testing.T) {
	c := newClock()
	var o outings
	var wg sync.WaitGroup
	going := func(whose string, ended chan error) bool {
		return o.start(t.Context(), &wg, whose, c.now, func(context.Context) error { return <-ended })
	}
	failing := make(chan error)
	for i := range outingsMost {
		if !going(fmt.Sprint("dead ", i), failing) {
			t.Fatalf("no room for the friend %d", i)
		}
	}
	if going("dead 0", failing) || going("good", failing) {
		t.Error("one more is under way")
	}
	for range outingsMost {
		failing <- errFailed
	}
	wg.Wait()
	if going("dead 0", failing) {
		t.Error("who failed a moment ago is tried again")
	}
	c.pass(sulkTime)
	slow := 0
	for i := range outingsMost {
		if going(fmt.Sprint("dead ", i), failing) {
			slow++
		}
	}
	if slow != outingsSlow {
		t.Errorf("%d of those who failed are under way, want %d", slow, outingsSlow)
	}
	fine := make(chan error)
	if !going("good", fine) || going("good", fine) {
		t.Error("a friend has not one at a time")
	}
	fine <- nil
	for range slow {
		failing <- errFailed
	}
	wg.Wait()
}

// TestAFriendsSlowRequestsLeaveRoom: the answers that a friend asks for go to a relay that never says anything, and
// there are more of them than messages are answered at once; another friend is answered meanwhile.
func TestAFriendsSlowRequestsLeaveRoom(t *testing.T) {
	hole := openHole()
	defer hole.close()
	c := newClock()
	p := newPost(t, c)
	b := newShared(t, c, p)
	b.stop()
	b.also = append(b.also, strings.TrimPrefix(hole.URL, "http://"))
	other := b.crowd(1)[0]
	const sent = 2 * boxAnswers
	for i := range sent {
		b.ana.leave(&mailbag{addr: fmt.Sprintf("%s/%d/s/%s", hole.URL, i, strings.Repeat("A", 32))}, "GET", postOne, "")
	}
	b.start()
	eventually(t, "the slow relay is asked", func() bool { return hole.here.Load() > 0 })
	eventually(t, "another friend is answered", func() bool {
		a, err := other.ask("GET", "/social/door", "")
		return err == nil && a.status == http.StatusOK
	})
	eventually(t, "what the friend left is given back", func() bool { return b.me().reach.released.Load() >= sent-turnsEach })
	if n := hole.most.Load(); n == 0 || n > 4 {
		t.Errorf("%d answers to one friend are on their way", n)
	}
}

// TestTurns: who has all turns of theirs waits, without a place; others do not; what was given back is asked for again
// once nobody has a turn, and not often.
func TestTurns(t *testing.T) {
	var all turns
	busy := make(chan struct{}, boxAnswers)
	enter := func(label string) *placed {
		busy <- struct{}{}
		return &placed{turns: &all, busy: busy}
	}
	contact := func(label string) sealed.Peer { return sealed.Peer{Label: label} }
	var had []*placed
	for range turnsEach {
		p := enter("ben")
		if !p.turn(t.Context(), contact("ben")) {
			t.Fatal("no turn")
		}
		had = append(had, p)
	}
	waits := make(chan bool)
	last := enter("ben")
	go func() { waits <- last.turn(t.Context(), contact("ben")) }()
	eventually(t, "who waits has no place", func() bool { return len(busy) == turnsEach })
	if p := enter("cleo"); !p.turn(t.Context(), contact("cleo")) {
		t.Error("another has no turn")
	} else {
		p.leave()
	}
	had[0].leave()
	if !<-waits {
		t.Error("no turn when one has ended")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if p := enter("ben"); p.turn(gone, contact("ben")) {
		t.Error("one turn more")
	}
	now := time.Now()
	if all.owes(now) {
		t.Error("asked for while somebody has a turn")
	}
	for _, p := range append(had[1:], last) {
		p.leave()
	}
	if !all.owes(now) || all.owes(now) {
		t.Error("not asked for again once")
	}
	all.given = true
	if all.owes(now.Add(lookAgain/2)) || !all.owes(now.Add(lookAgain)) {
		t.Error("asked for too often, or never")
	}
}
