package server

import (
	"context"
	"sync"
	"time"

	"kith/sealed"
)

const (
	turnsEach    = boxAnswers / 4 // messages of one person that are being answered at once
	turnsWaiting = boxAnswers / 2 // messages that wait for a turn of their sender's
	turnTime     = 2 * time.Second
)

// turns are those of the people whose messages a box answers, by label; who has none shares that of the nameless. So
// who has many messages that take long, or relays at which answers cannot be left, leaves room for the others.
type turns struct {
	mu      sync.Mutex
	held    map[string]int
	waiting int
	given   bool          // a message was given back for want of a turn
	owed    time.Time     // when such messages were last asked for again
	free    chan struct{} // closed when a turn ends
}

// take takes a turn, if there is one; else what is closed when there may be.
func (t *turns) take(label string) (ok bool, free <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[label] < turnsEach {
		if t.held == nil {
			t.held = map[string]int{}
		}
		t.held[label]++
		return true, nil
	}
	if t.free == nil {
		t.free = make(chan struct{})
	}
	return false, t.free
}

// end gives a turn back.
func (t *turns) end(label string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[label]--; t.held[label] == 0 {
		delete(t.held, label)
	}
	if t.free != nil {
		close(t.free)
		t.free = nil
	}
}

// queue reports whether one more message may wait for a turn; unqueue has to be called then.
func (t *turns) queue() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting >= turnsWaiting {
		t.given = true
		return false
	}
	t.waiting++
	return true
}

func (t *turns) unqueue(served bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting--
	t.given = t.given || !served
}

// owes reports whether messages that were given back for want of a turn are to be asked for again: when nobody has a
// turn, and not often.
func (t *turns) owes(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.given || t.waiting > 0 || len(t.held) > 0 || now.Sub(t.owed) < lookAgain {
		return false
	}
	t.given, t.owed = false, now
	return true
}

// placed is a message that has one of a box's places, and the key under which the context of its request holds it.
type placed struct {
	turns *turns
	busy  chan struct{}
	claim *claim
	label string
	took  bool // a turn of the label's
}

// turn waits for a turn of who asks: a moment, and without the place. The owner's devices need none.
func (p *placed) turn(ctx context.Context, who sealed.Peer) bool {
	if who.Agent.Device() {
		return true
	}
	p.label = who.Label
	var free <-chan struct{}
	if p.took, free = p.turns.take(p.label); p.took || !p.turns.queue() {
		return p.took
	}
	<-p.busy
	defer func() { p.busy <- struct{}{} }()
	defer func() { p.turns.unqueue(p.took) }()
	late := time.NewTimer(turnTime)
	defer late.Stop()
	for !p.took {
		select {
		case <-free:
			p.took, free = p.turns.take(p.label)
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// leave gives the turn back.
func (p *placed) leave() {
	if p.took {
		p.turns.end(p.label)
	}
}
