//go:build webrtc

package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/fuzztest"
	"kith/sealed"

	"github.com/pion/webrtc/v4"
)

// channel is a friend's end of a direct connection, as a sealed.Carrier.
type channel struct {
	t     testing.TB
	peer  *webrtc.PeerConnection
	data  *webrtc.DataChannel
	open  chan struct{}
	ended chan struct{}

	mu     sync.Mutex
	number uint32
	asked  map[uint32]chan spoken
	coming gathering
}

var errDeclinedHere = errors.New("no answer over the channel")

// offer makes a friend's end of a connection, and its description.
func offer(t testing.TB) (*channel, string) {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	peer, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c := &channel{t: t, peer: peer, open: make(chan struct{}), ended: make(chan struct{}), asked: map[uint32]chan spoken{}}
	t.Cleanup(func() { peer.GracefulClose() })
	if c.data, err = peer.CreateDataChannel("kith", nil); err != nil {
		t.Fatal(err)
	}
	c.data.OnOpen(func() { close(c.open) })
	c.data.OnClose(sync.OnceFunc(func() { close(c.ended) }))
	c.data.OnMessage(c.heard)
	description, err := peer.CreateOffer(nil)
	if err == nil {
		found := webrtc.GatheringCompletePromise(peer)
		err = peer.SetLocalDescription(description)
		<-found
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, peer.LocalDescription().SDP
}

// accept takes the other side's description and waits until the channel is open.
func (c *channel) accept(answer string) {
	c.t.Helper()
	if err := c.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatal(err)
	}
	c.within("the channel opens", c.open)
}

// over waits until the other side has ended the connection.
func (c *channel) over() {
	c.t.Helper()
	c.within("the connection ends", c.ended)
}

func (c *channel) within(what string, done <-chan struct{}) {
	c.t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		c.t.Fatalf("not within a minute: %s", what)
	}
}

func (c *channel) heard(m webrtc.DataChannelMessage) {
	s, whole, err := c.coming.add(m.Data)
	if err != nil {
		c.t.Errorf("heard %x: %v", m.Data[:min(len(m.Data), frameHead)], err)
	}
	if !whole {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if to := c.asked[s.number]; to != nil {
		to <- s
	}
}

// put sends a message in its pieces and returns where its answer will be.
func (c *channel) put(kind byte, message []byte) <-chan spoken {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	c.asked[c.number] = make(chan spoken, 1)
	for frame := range (spoken{kind, c.number, message}).frames() {
		if err := c.data.Send(frame); err != nil {
			c.t.Error(err)
		}
	}
	return c.asked[c.number]
}

// Carry asks over the channel.
func (c *channel) Carry(ctx context.Context, message []byte) ([]byte, error) {
	select {
	case s := <-c.put(frameAsks, message):
		if s.kind == frameDeclines {
			return nil, errDeclinedHere
		}
		return s.body, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect makes a connection to the pod, by an offer through the relay.
func (b *befriended) connect() (*channel, *line) {
	b.t.Helper()
	c, text := offer(b.t)
	a := b.ana.must(http.StatusOK, "POST", offerPath, text, "Content-Type", offerType)
	if a.header.Get("Content-Type") != offerType || a.header.Get("Kith-By") != b.me().sealed.Device {
		b.t.Errorf("answered with %v", a.header)
	}
	c.accept(a.body)
	near := *b.ana.line
	near.Carrier = c
	return c, &near
}

// newDirect makes friends who may connect, and a post between them.
func newDirect(t *testing.T, c *clock, posts ...*post) *befriended {
	t.Helper()
	b := newFriends(t, c, posts...)
	b.share("2026-11-22-a", `{"type":"Note","content":"over the fence"}`, true)
	b.direct(true)
	return b
}

func TestAFriendAsksThePodDirectly(t *testing.T) {
	c := newClock()
	post := newPost(t, c)
	b := newDirect(t, c, post)
	channel, near := b.connect()
	far := b.ana.must(http.StatusOK, "GET", "/social/posts/2026-11-22-a/post.jsonld", "")
	post.stop()
	for range 3 {
		a := near.must(http.StatusOK, "GET", "/social/posts/2026-11-22-a/post.jsonld", "")
		if a.body != far.body || a.header.Get("ETag") != far.header.Get("ETag") {
			t.Errorf("%q, through the relay %q", a.body, far.body)
		}
	}
	near.must(http.StatusForbidden, "GET", "/contacts/", "")
	near.must(http.StatusCreated, "PUT", "/social/in/"+b.ana.CID+"/abcdefghijklmnopqrst", `{"type":"Like"}`, "If-None-Match", "*", "Content-Type", "application/ld+json")
	// What nobody of the pod's friends has sealed gets no answer, and nothing ends.
	if s := <-channel.put(frameAsks, bytes.Repeat([]byte{9}, 1024)); s.kind != frameDeclines {
		t.Errorf("nonsense is answered by %d", s.kind)
	}
	near.must(http.StatusOK, "GET", "/social/door", "")
}

func TestALargeFileComesDirectlyInPieces(t *testing.T) {
	c := newClock()
	b := newDirect(t, c, newPost(t, c))
	film := filled(3<<20 + 17)
	h := b.me()
	if err := h.write(t.Context(), "/social/posts/2026-11-22-a/film.mp4", "video/mp4", string(film), absent); err != nil {
		t.Fatal(err)
	}
	_, near := b.connect()
	if a := near.must(http.StatusOK, "GET", "/social/posts/2026-11-22-a/film.mp4", ""); !bytes.Equal([]byte(a.body), film) {
		t.Errorf("%d bytes, not those of the film", len(a.body))
	}
}

func filled(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((i*31 + 7) % 251)
	}
	return b
}

func TestADirectConnectionEndsWithThePermission(t *testing.T) {
	for name, end := range map[string]func(*befriended){
		"taken back":            func(b *befriended) { b.direct(false) },
		"the friend is blocked": func(b *befriended) { b.forget(true) },
		"the friend is removed": func(b *befriended) { b.forget(false) },
		"the pod ends":          func(b *befriended) { b.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			b := newDirect(t, c, newPost(t, c))
			channel, near := b.connect()
			near.must(http.StatusOK, "GET", "/social/door", "")
			end(b)
			channel.over()
		})
	}
}

// TestTheDescriptionTellsNoOtherAddress: not those of bridges and tunnels, and no names.
func TestTheDescriptionTellsNoOtherAddress(t *testing.T) {
	c := newClock()
	b := newDirect(t, c, newPost(t, c))
	_, text := offer(t)
	a := b.ana.must(http.StatusOK, "POST", offerPath, text)
	var told []string
	for line := range strings.Lines(a.body) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "a=candidate:") {
			told = append(told, fields[4])
			if fields[2] != "udp" || fields[7] != "host" {
				t.Errorf("a candidate of another kind: %s", line)
			}
		}
	}
	var own []string
	for _, at := range outward() {
		own = append(own, at.String())
	}
	slices.Sort(told)
	slices.Sort(own)
	if told = slices.Compact(told); !slices.Equal(told, own) {
		t.Errorf("tells %v of %v", told, own)
	}
}

func TestTooManyConnectionsOfAFriend(t *testing.T) {
	c := newClock()
	b := newDirect(t, c, newPost(t, c))
	var all []*channel
	for range directsFriend {
		channel, _ := b.connect()
		all = append(all, channel)
	}
	_, text := offer(t)
	if a, err := b.ana.unanswered("POST", offerPath, text); !errors.Is(err, sealed.ErrQueued) {
		t.Fatalf("one more is answered %d, %v", a.status, err)
	}
	if err := all[0].peer.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	polled(t, "there is room again", 100*time.Millisecond, func() bool {
		d := b.me().direct
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.all) < directsFriend
	})
	b.connect()
}

func TestAnOfferThatIsNoneOpensNothing(t *testing.T) {
	c := newClock()
	b := newDirect(t, c, newPost(t, c))
	for name, text := range map[string]string{
		"no description": "hello", "without a fingerprint": aDescription,
		"two channels": aDescription + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
	} {
		if a, err := b.ana.unanswered("POST", offerPath, text); !errors.Is(err, sealed.ErrQueued) {
			t.Errorf("%s: %d, %v", name, a.status, err)
		}
	}
	b.alone()
}

// alone waits until the pod has no connection.
func (b *befriended) alone() {
	b.t.Helper()
	d := b.me().direct
	polled(b.t, "nothing is left", 10*time.Millisecond, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.all) == 0
	})
}

func TestAFrameThatBreaksTheRulesEndsTheConnection(t *testing.T) {
	c := newClock()
	b := newDirect(t, c, newPost(t, c))
	for name, frame := range map[string][]byte{
		"of no kind":        {9, 0, 0, 0, 1, 0, 0, 0, 0},
		"cut off":           {1, 0, 0, 0, 1},
		"too long":          {1, 0, 0, 0, 1, 0xff, 0, 0, 0, 1},
		"with more in it":   {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2},
		"an empty piece":    {1, 0, 0, 0, 1, 0, 0, 0, 1},
		"a piece too large": append([]byte{1, 0, 0, 0, 1, 0, 1, 0, 0}, make([]byte, framePiece+1)...),
	} {
		t.Run(name, func(t *testing.T) {
			channel, _ := b.connect()
			if err := channel.data.Send(frame); err != nil {
				t.Fatal(err)
			}
			channel.over()
			b.alone()
		})
	}
}

// silent is a channel on which nobody reads: a Write waits until the deadline.
type silent struct {
	in   chan []byte
	mu   sync.Mutex
	late chan struct{}
}

func (s *silent) ReadDataChannel(p []byte) (int, bool, error) {
	select {
	case frame := <-s.in:
		return copy(p, frame), false, nil
	case <-s.late:
		return 0, false, errors.New("too late")
	}
}

func (s *silent) Write([]byte) (int, error) {
	<-s.late
	return 0, errors.New("too late")
}

func (s *silent) SetReadDeadline(time.Time) error { return nil }

func (s *silent) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.Before(time.Now()) && s.late != nil {
		select {
		case <-s.late:
		default:
			close(s.late)
		}
	}
	return nil
}

// TestAFriendWhoReadsNothing: what is answered for them is bounded, and ends with the pod.
func TestAFriendWhoReadsNothing(t *testing.T) {
	s := &silent{in: make(chan []byte), late: make(chan struct{})}
	var mu sync.Mutex
	served := 0
	talk := newTalk(s, func(context.Context, []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		served++
		return []byte("answer")
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- talk.run(ctx, func() {}) }()
	asked := 0
	for more := true; more; {
		frame := binary.BigEndian.AppendUint32(append([]byte{frameAsks}, 0, 0, 0, byte(asked)), 1)
		select {
		case s.in <- append(frame, 'q'):
			asked++
		case <-time.After(time.Second): // it reads no further while nothing leaves
			more = false
		}
	}
	mu.Lock()
	if served > talkAnswers+1 || asked > talkAnswers+3 {
		t.Errorf("served %d of %d", served, asked)
	}
	mu.Unlock()
	cancel()
	<-ended
}

func FuzzGathering(f *testing.F) {
	for s := range (spoken{frameAsks, 7, filled(framePiece + 3)}).frames() {
		f.Add(s, s)
	}
	f.Add([]byte{frameDeclines, 0, 0, 0, 1, 0, 0, 0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, one, other []byte) {
		fuzztest.Cheap(t, len(one)+len(other), func() {
			var g gathering
			if _, _, err := g.add(one); err == nil {
				g.add(other)
			}
		})
		var g gathering
		for _, frame := range [][]byte{one, other} {
			s, whole, err := g.add(frame)
			if err != nil {
				return
			}
			if len(g.body) > frameMost || whole && len(s.body) > 2*framePiece {
				t.Errorf("%d bytes of two frames", len(s.body))
			}
			if whole && !slices.ContainsFunc(slices.Collect(s.frames()), func(f []byte) bool { return bytes.Equal(f, frame) }) && len(s.body)%framePiece == 0 {
				t.Errorf("%x does not come out as it went in", frame)
			}
		}
	})
}

// TestOneFriendLeavesPlacesForOthers: whose requests take long, over however many connections, keeps no other friend from answers.
func TestOneFriendLeavesPlacesForOthers(t *testing.T) {
	c := newClock()
	b := newDirect(t, c, newPost(t, c))
	_, near := b.connect()
	d := b.me().direct
	fill := func(label string) (empty func()) {
		t.Helper()
		var all []func()
		for leave, ok := d.busy.enter(label); ok; leave, ok = d.busy.enter(label) {
			all = append(all, leave)
		}
		return func() {
			for _, leave := range all {
				leave()
			}
		}
	}
	empty := fill("another friend")
	near.must(http.StatusOK, "GET", "/social/door", "")
	empty()
	d.mu.Lock()
	own := slices.Collect(maps.Values(d.all))[0]
	d.mu.Unlock()
	empty = fill(own)
	if a, err := near.ask("GET", "/social/door", ""); !errors.Is(err, errDeclinedHere) {
		t.Errorf("beyond the places of one friend: %d, %v", a.status, err)
	}
	empty()
	near.must(http.StatusOK, "GET", "/social/door", "")
}
