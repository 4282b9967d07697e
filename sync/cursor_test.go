package sync

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

func testSealer(t testing.TB, base string) *sealer {
	t.Helper()
	s, err := newSealer([]byte("sixteen bytes it"), base)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var someone = webid.ContactAgent("https://pod.example/ben/contacts/x/card#me", "x", 3, "did:key:zX")

func TestSealer(t *testing.T) {
	s := testSealer(t, base)
	seal := func(s *sealer, a webid.Agent, at pod.Head) string {
		t.Helper()
		c, err := s.seal(a, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	at := pod.Head{Epoch: "epoch", Seq: 7}

	t.Run("what is sealed comes back", func(t *testing.T) {
		for _, at := range []pod.Head{{}, at, {Seq: 1<<64 - 1, Epoch: strings.Repeat("e", maxEpoch)}, {Epoch: "e\x00"}} {
			if got, err := s.open(someone, seal(s, someone, at)); err != nil || got != at {
				t.Errorf("got %v, %v; want %v", got, err, at)
			}
		}
	})
	t.Run("one position has one cursor, after a restart too", func(t *testing.T) {
		if seal(s, someone, at) != seal(testSealer(t, base), someone, at) {
			t.Error("it has two")
		}
	})
	t.Run("the counter and the floor of the pod do not show", func(t *testing.T) {
		if seal(s, someone, at) != seal(s, someone, pod.Head{Epoch: at.Epoch, Seq: at.Seq, Counter: 9, Floor: 3}) {
			t.Error("they do")
		}
	})
	t.Run("all cursors have one length", func(t *testing.T) {
		for _, at := range []pod.Head{{}, at, {Seq: 1 << 63, Epoch: strings.Repeat("e", maxEpoch)}} {
			if n := len(seal(s, someone, at)); n != base64.RawURLEncoding.EncodedLen(cursorSize) {
				t.Errorf("%v has %d", at, n)
			}
		}
	})
	t.Run("cursors of two positions have nothing in common", func(t *testing.T) {
		a, b := seal(s, someone, at), seal(s, someone, pod.Head{Epoch: at.Epoch, Seq: at.Seq + 1})
		same := 0
		for i := range a {
			if a[i] == b[i] {
				same++
			}
		}
		if same > len(a)/4 { // one in 64 is what chance gives
			t.Errorf("%d of %d characters are the same", same, len(a))
		}
	})
	t.Run("another key or another pod does not open it", func(t *testing.T) {
		other, err := newSealer([]byte("sixteen other by"), base)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []*sealer{other, testSealer(t, "https://pod.example/eve/")} {
			if _, err := o.open(someone, seal(s, someone, at)); !errors.Is(err, ErrCursor) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("an epoch that does not fit is an error", func(t *testing.T) {
		if c, err := s.seal(someone, pod.Head{Epoch: strings.Repeat("e", maxEpoch+1)}); err == nil {
			t.Errorf("got %s", c)
		}
	})
	t.Run("a key that is too short makes no feed", func(t *testing.T) {
		if f, err := NewFeed(FeedConfig{Base: base, Key: make([]byte, minKey-1)}); err == nil {
			t.Errorf("got %v", f)
		}
	})
}

func FuzzCursor(f *testing.F) {
	s := testSealer(f, base)
	good, err := s.seal(someone, pod.Head{Epoch: "epoch", Seq: 7})
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range []string{good, "", good[1:], good + "A", good + "\n", "AAAA", strings.Repeat("A", len(good))} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, c string) {
		at, err := s.open(someone, c)
		if err != nil {
			if !errors.Is(err, ErrCursor) && !errors.Is(err, acl.ErrGone) {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := s.seal(someone, at)
		if err != nil || again != c {
			t.Fatalf("%q opened, and is %q when it is sealed again: %v", c, again, err)
		}
	})
}

func FuzzFeedQuery(f *testing.F) {
	for _, q := range []string{"", "limit=5", "cursor=x&wait=25&inline=1", "page=a.b&limit=100", "limit=0", "wait=26",
		"a=%", "limit=1&limit=2", "cursor=&page=", "wait=+1", "limit=%30%31"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseFeedQuery(raw)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Fatalf("error %v", err)
			}
			return
		}
		most := maxPage
		if q.changes {
			most = maxChanges
		}
		if q.limit < 1 || q.limit > most || q.wait < 0 || q.wait.Seconds() > maxWait || q.changes && q.older {
			t.Fatalf("%q was taken for %+v", raw, q)
		}
		next, err := parseFeedQuery(strings.TrimPrefix(q.next("cursor", "c"), "feed?"))
		if err != nil || next.inline != q.inline || next.limit != q.limit && q.limit <= maxPage {
			t.Fatalf("%+v goes on as %+v, %v", q, next, err)
		}
	})
}
