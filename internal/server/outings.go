package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	outingsMost = 8                // that run side by side
	outingsSlow = outingsMost / 2  // of them for friends whose last one failed
	outingTime  = 20 * time.Second // of one, whatever it has to do
)

// outings are what is done at relays that friends have chosen. There is one at a time for each friend, some side by
// side, and each ends soon: a friend whose relays are dead, or lie in wait, has nobody else wait. The zero outings are
// ready.
type outings struct {
	mu     sync.Mutex
	out    map[string]bool      // friends for whom one is under way; true: the last one failed
	failed map[string]time.Time // when the last one of a friend did
	ended  chan struct{}        // told when one has ended; made by end
}

// start runs do for a friend in a goroutine of wg. It is false, and do is not run, when that friend has one under way,
// when one failed less than a minute ago, or when there is no room.
func (o *outings) start(ctx context.Context, wg *sync.WaitGroup, whose string, now func() time.Time, do func(context.Context) error) bool {
	if !o.leave(whose, now()) {
		return false
	}
	wg.Go(func() {
		short, cancel := context.WithTimeout(ctx, outingTime)
		defer cancel()
		err := do(short)
		if err != nil && ctx.Err() == nil {
			slog.Debug("a friend's relay is asked again later", "err", err)
		}
		o.back(whose, now(), err)
	})
	return true
}

// leave takes a friend's turn, if there is one.
func (o *outings) leave(whose string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.out == nil {
		o.out, o.failed = map[string]bool{}, map[string]time.Time{}
	}
	last, slow := o.failed[whose]
	_, under := o.out[whose]
	if under || len(o.out) >= outingsMost || slow && (now.Sub(last) < sulkTime || o.slow() >= outingsSlow) {
		return false
	}
	o.out[whose] = slow
	return true
}

func (o *outings) slow() (n int) {
	for _, slow := range o.out {
		if slow {
			n++
		}
	}
	return n
}

// back gives the turn back.
func (o *outings) back(whose string, now time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.out, whose)
	delete(o.failed, whose)
	if err != nil {
		if len(o.failed) >= 1024 {
			clear(o.failed)
		}
		o.failed[whose] = now
	}
	select {
	case o.told() <- struct{}{}:
	default:
	}
}

// end returns what is told when one has ended.
func (o *outings) end() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.told()
}

func (o *outings) told() chan struct{} {
	if o.ended == nil {
		o.ended = make(chan struct{}, 1)
	}
	return o.ended
}
