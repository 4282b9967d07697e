package sealed

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/sealed/bhttp"
)

func effectOf(device string, n int) effect {
	e := effect{device: device}
	binary.BigEndian.PutUint32(e.nonce[:], uint32(n))
	return e
}

// count returns a request's effect that counts how often it is done.
func count(n *int, r bhttp.Response) func() (bhttp.Response, error) {
	return func() (bhttp.Response, error) { *n++; return r, nil }
}

// TestWhatWasDoneIsRememberedWithinBounds: a device that sends much pushes out
// what it did itself, never what others did; all devices together are bounded too.
func TestWhatWasDoneIsRememberedWithinBounds(t *testing.T) {
	var e effects
	now := time.Unix(1795348800, 0)
	until := now.Add(time.Hour)
	done := 0
	do := func(device string, n int) {
		t.Helper()
		if _, err := e.once(t.Context(), effectOf(device, n), until, now, count(&done, bhttp.Response{Status: 201})); err != nil {
			t.Fatal(err)
		}
	}
	do("ben", 0)
	for n := range 10 * maxDoneOne {
		do("eve", n)
	}
	if len(e.done) != maxDoneOne+1 || len(e.ages) != len(e.done) || done != 10*maxDoneOne+1 {
		t.Fatalf("%d effects are remembered, %d in order; %d were done", len(e.done), len(e.ages), done)
	}
	do("ben", 0)
	do("eve", 10*maxDoneOne-1)
	do("eve", 9*maxDoneOne)
	if done != 10*maxDoneOne+1 {
		t.Error("something that is remembered was done again")
	}
	do("eve", 9*maxDoneOne-1)
	if done != 10*maxDoneOne+2 {
		t.Error("something that was forgotten was not done")
	}
	for n := range 3 * maxDone {
		do(string(rune('a'+n%20)), n)
		if len(e.done) > maxDone || len(e.ages) != len(e.done) {
			t.Fatalf("%d effects are remembered, %d in order", len(e.done), len(e.ages))
		}
	}
	if len(e.done) != maxDone {
		t.Errorf("%d effects are remembered", len(e.done))
	}
	now = until
	do("ben", 0)
	if len(e.done) != 1 || len(e.ages) != 1 {
		t.Errorf("%d effects are remembered after all have expired", len(e.done))
	}
}

func TestALargeAnswerIsNotRemembered(t *testing.T) {
	var e effects
	now := time.Unix(1795348800, 0)
	for _, c := range []struct {
		name string
		r    bhttp.Response
		want int
	}{
		{"4 KiB", bhttp.Response{Status: 200, Content: make([]byte, maxDoneFor)}, 1},
		{"more", bhttp.Response{Status: 200, Content: make([]byte, maxDoneFor+1)}, 3},
		{"a failure", bhttp.Response{Status: 503}, 3},
		{"a refusal", bhttp.Response{Status: 412}, 1},
	} {
		done := 0
		for range 3 {
			r, err := e.once(t.Context(), effectOf(c.name, 0), now.Add(time.Hour), now, count(&done, c.r))
			if err != nil || r.Status != c.r.Status || len(r.Content) != len(c.r.Content) {
				t.Errorf("%s: %+v, %v", c.name, r, err)
			}
		}
		if done != c.want {
			t.Errorf("%s: done %d times, want %d", c.name, done, c.want)
		}
	}
}

// TestWhoWaitsForAnotherCanGiveUp: and when the first fails, one of those who wait
// does it.
func TestWhoWaitsForAnotherCanGiveUp(t *testing.T) {
	var e effects
	now := time.Unix(1795348800, 0)
	begun, fail := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		e.once(t.Context(), effectOf("ben", 0), now.Add(time.Hour), now, func() (bhttp.Response, error) {
			close(begun)
			<-fail
			return bhttp.Response{}, errors.New("broken off")
		})
	})
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := func() (bhttp.Response, error) { t.Error("done beside the first"); return bhttp.Response{}, nil }
	if _, err := e.once(ctx, effectOf("ben", 0), now.Add(time.Hour), now, never); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up is told %v", err)
	}
	var done atomic.Int32
	for range 8 {
		wg.Go(func() {
			r, err := e.once(t.Context(), effectOf("ben", 0), now.Add(time.Hour), now, func() (bhttp.Response, error) {
				done.Add(1)
				return bhttp.Response{Status: 201}, nil
			})
			if err != nil || r.Status != 201 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	close(fail)
	wg.Wait()
	if done.Load() != 1 {
		t.Errorf("done %d times", done.Load())
	}
}

// TestReadsAreAnsweredSoOften: a request that changes nothing is answered some times, and again an hour later; others
// are not touched by that, and what is counted is bounded.
func TestReadsAreAnsweredSoOften(t *testing.T) {
	var r reads
	now := time.Unix(1795348800, 0)
	allowed := 0
	for range 1000 {
		if r.allow(effectOf("ben", 1), now) {
			allowed++
		}
	}
	if allowed != maxReads || !r.allow(effectOf("ben", 2), now) || !r.allow(effectOf("cleo", 1), now) {
		t.Errorf("%d answers to one request", allowed)
	}
	if !r.allow(effectOf("ben", 1), now.Add(readsTime)) {
		t.Error("never again")
	}
	for n := range 2 * maxReadsOf {
		r.allow(effectOf("eve", n), now.Add(readsTime))
		if len(r.times) > maxReadsOf {
			t.Fatalf("%d requests are counted", len(r.times))
		}
	}
}
