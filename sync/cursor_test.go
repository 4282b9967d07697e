package sync

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"kith/acl"
	"kith/internal/fuzztest"
	"kith/webid"
)

func testSealer(t testing.TB, key, base string) *sealer {
	t.Helper()
	s, err := newSealer([]byte(key), base)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const someKey = "sixteen bytes it"

var (
	someone = webid.ContactAgent(base+"contacts/x/card#me", "x", 3, "did:key:zX")
	// fullest is a place in which no field is zero.
	fullest = func() acl.Place {
		at := acl.Place{Maker: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Day: 1<<32 - 1, Epoch: strings.Repeat("e", epochSize), Seq: 1<<64 - 1}
		for i := range at.Seen {
			at.Seen[i].Device[0], at.Seen[i].Counter = byte(i+1), uint64(i+1)<<40
		}
		return at
	}()
)

func TestSealer(t *testing.T) {
	s := testSealer(t, someKey, base)
	seal := func(s *sealer, a webid.Agent, at acl.Place) string {
		t.Helper()
		c, err := s.seal(a, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	at := acl.Place{Epoch: "epoch", Seq: 7, Day: 20000}

	t.Run("what is sealed comes back", func(t *testing.T) {
		for _, at := range []acl.Place{{}, at, fullest, {Epoch: "e\x00"}} {
			if got, err := s.open(someone, seal(s, someone, at)); err != nil || got != at {
				t.Errorf("got %v, %v; want %v", got, err, at)
			}
		}
	})
	t.Run("one place has one cursor, after a restart too", func(t *testing.T) {
		if seal(s, someone, at) != seal(testSealer(t, someKey, base), someone, at) {
			t.Error("it has two")
		}
	})
	t.Run("and wherever the tree is served", func(t *testing.T) {
		const phone = "https://label.kith.invalid/"
		there := webid.ContactAgent(phone+"contacts/x/card#me", "x", 3, "did:key:zX")
		if seal(s, someone, at) != seal(testSealer(t, someKey, phone), there, at) {
			t.Error("it has two")
		}
	})
	t.Run("all cursors have one length", func(t *testing.T) {
		for _, at := range []acl.Place{{}, at, fullest} {
			if n := len(seal(s, someone, at)); n != base64.RawURLEncoding.EncodedLen(cursorSize) {
				t.Errorf("%v has %d", at, n)
			}
		}
	})
	t.Run("cursors of two places have nothing in common", func(t *testing.T) {
		next := at
		next.Seq++
		a, b := seal(s, someone, at), seal(s, someone, next)
		same := 0
		for i := range a {
			if a[i] == b[i] {
				same++
			}
		}
		if same > len(a)/16 { // one in 64 is what chance gives
			t.Errorf("%d of %d characters are the same", same, len(a))
		}
	})
	t.Run("another key does not open it", func(t *testing.T) {
		if _, err := testSealer(t, "sixteen other by", base).open(someone, seal(s, someone, at)); !errors.Is(err, acl.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an epoch that does not fit is an error", func(t *testing.T) {
		if c, err := s.seal(someone, acl.Place{Epoch: fullest.Epoch + "e"}); err == nil {
			t.Errorf("got %s", c)
		}
	})
	t.Run("a key that is too short seals nothing", func(t *testing.T) {
		if s, err := newSealer(make([]byte, minKey-1), base); err == nil {
			t.Errorf("got %v", s)
		}
	})
}

func FuzzCursor(f *testing.F) {
	s := testSealer(f, someKey, base)
	good, err := s.seal(someone, fullest)
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range []string{good, "", good[1:], good + "A", good + "\n", "AAAA", strings.Repeat("A", len(good))} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, c string) {
		fuzztest.Cheap(t, len(c), func() { s.open(someone, c) })
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
		fuzztest.Cheap(t, len(raw), func() { parseFeedQuery(raw) })
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
