package webid

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestTheTokenCacheIsBounded: the cache holds two generations, and the newest
// tokens are always among them.
func TestTheTokenCacheIsBounded(t *testing.T) {
	var c recent[access]
	sum := func(i int) [32]byte { return sha256.Sum256(fmt.Append(nil, i)) }
	for i := range 3 * maxTokens {
		c.put(sum(i), access{grant: uint64(i)}, maxTokens)
		if a, ok := c.get(sum(max(0, i-maxTokens+1))); !ok || a.grant != uint64(max(0, i-maxTokens+1)) {
			t.Fatalf("after %d tokens, that of %d before is %+v", i, maxTokens-1, a)
		}
	}
	if n := len(c.newer) + len(c.old); n > 2*maxTokens {
		t.Errorf("%d tokens are held", n)
	}
	if _, ok := c.get(sum(0)); ok {
		t.Error("the first token is still held")
	}
}

func TestReplay(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	now := start
	use := func(r Replay, key string, life time.Duration) error {
		return r.Use(context.Background(), key, now.Add(life))
	}
	ask := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	r := NewReplay(2, func() time.Time { return now })
	ask(use(r, "ana 1", time.Minute), nil)
	ask(use(r, "ana 1", time.Minute), ErrReplayed)
	ask(use(r, "ben 1", time.Minute), nil)
	ask(use(r, "ana 2", 3*time.Minute), nil)
	ask(use(r, "ana 3", time.Minute), ErrReplayFull)
	ask(use(r, "ana 2", time.Minute), ErrReplayed)
	ask(use(r, "ben 2", time.Minute), nil)

	now = start.Add(time.Minute - time.Nanosecond)
	ask(use(r, "ana 1", time.Minute), ErrReplayed)
	ask(use(r, "ana 3", time.Minute), ErrReplayFull)
	now = start.Add(time.Minute)
	ask(use(r, "ana 3", time.Minute), nil)
	ask(use(r, "ana 2", time.Minute), ErrReplayed)
	ask(use(r, "ana 4", time.Minute), ErrReplayFull)
}

// TestReplayKeepsToItsSize lets many agents come and go.
func TestReplayKeepsToItsSize(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r := NewReplay(4, func() time.Time { return now })
	m := r.(*memory)
	full := 0
	for round := range 3 {
		for agent := range 100 {
			for i := range 4 {
				err := r.Use(t.Context(), fmt.Sprintf("%d.%d %d", round, agent, i), now.Add(30*time.Second))
				if errors.Is(err, ErrReplayFull) {
					full++
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		held := 0
		for _, u := range m.seen {
			held += len(u.until)
		}
		if held != 4*replayShare || m.size != held {
			t.Errorf("round %d: %d keys held, %d counted, want %d", round, held, m.size, 4*replayShare)
		}
		now = now.Add(2 * time.Minute)
	}
	if want := 3 * (400 - 4*replayShare); full != want {
		t.Errorf("%d refused, want %d", full, want)
	}
}

func TestReplayCountsWhatItHolds(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r := NewReplay(8, func() time.Time { return now })
	m := r.(*memory)
	for i := range 2000 {
		now = now.Add(time.Duration(i%7) * time.Second)
		key := fmt.Sprintf("%d %d", i%5, i%31)
		err := r.Use(t.Context(), key, now.Add(time.Duration(i%90)*time.Second))
		if err != nil && !errors.Is(err, ErrReplayed) && !errors.Is(err, ErrReplayFull) {
			t.Fatal(err)
		}
		held := 0
		for _, u := range m.seen {
			held += len(u.until)
		}
		if held != m.size {
			t.Fatalf("after %d uses: %d held, %d counted", i+1, held, m.size)
		}
	}
}

func TestNonces(t *testing.T) {
	var a, b nonces
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	nonce := a.make(now)
	for _, c := range []struct {
		name  string
		by    *nonces
		nonce string
		now   time.Time
		holds bool
	}{
		{"at once", &a, nonce, now, true},
		{"after 299 seconds", &a, nonce, now.Add(299 * time.Second), true},
		{"after 300 seconds", &a, nonce, now.Add(300 * time.Second), false},
		{"before it was made", &a, nonce, now.Add(-time.Second), false},
		{"at another server", &b, nonce, now, false},
		{"cut off", &a, nonce[:31], now, false},
		{"with a longer life", &a, "AAAAAP" + nonce[6:], now, false},
		{"none", &a, "", now, false},
	} {
		if end := c.by.end(c.nonce, c.now); end.IsZero() == c.holds {
			t.Errorf("%s: ends %v", c.name, end)
		}
	}
}
