package webid

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"
	"time"
)

// replayShare is how many agents can use up their whole memory at once before
// others are refused.
const replayShare = 64

// memory is a Replay that a restart forgets. No goroutine owns it; each call
// clears what has ended.
type memory struct {
	max int
	now func() time.Time

	mu    sync.Mutex
	size  int // keys in all of seen
	seen  map[string]*used
	sweep time.Time // when seen is next searched for agents that left nothing
}

// used is what one agent has used.
type used struct {
	until map[[16]byte]time.Time
	first time.Time // no key ends before
	last  time.Time // every key has ended by then
}

// NewReplay returns a Replay in memory that holds at most max keys for each
// agent, and at most 64 times as many in all.
func NewReplay(max int, now func() time.Time) Replay {
	return &memory{max: max, now: now, seen: map[string]*used{}}
}

// Use implements Replay.
func (m *memory) Use(_ context.Context, key string, until time.Time) error {
	sum := sha256.Sum256([]byte(key))
	short := [16]byte(sum[:])
	whose := key[:strings.LastIndexByte(key, ' ')+1]

	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.forget(now)
	u := m.seen[whose]
	if u == nil {
		u = &used{until: map[[16]byte]time.Time{}}
	}
	if end, ok := u.until[short]; ok && end.After(now) {
		return ErrReplayed
	}
	m.size -= u.clear(now, m.max)
	if len(u.until) >= m.max || m.size >= m.max*replayShare {
		return ErrReplayFull
	}
	before := len(u.until)
	u.add(short, until)
	m.size += len(u.until) - before
	m.seen[whose] = u
	return nil
}

// forget drops, once a minute, the agents all of whose keys have ended.
func (m *memory) forget(now time.Time) {
	if now.Before(m.sweep) && m.sweep.Sub(now) <= time.Minute {
		return
	}
	m.sweep = now.Add(time.Minute)
	for whose, u := range m.seen {
		if !u.last.After(now) {
			m.size -= len(u.until)
			delete(m.seen, whose)
		}
	}
}

// clear drops the keys that have ended, if there is no room otherwise and any
// can have ended, and returns how many.
func (u *used) clear(now time.Time, max int) int {
	if len(u.until) < max || u.first.After(now) {
		return 0
	}
	before := len(u.until)
	u.first = u.last
	for key, end := range u.until {
		if !end.After(now) {
			delete(u.until, key)
		} else if end.Before(u.first) {
			u.first = end
		}
	}
	return before - len(u.until)
}

func (u *used) add(key [16]byte, until time.Time) {
	if len(u.until) == 0 || until.Before(u.first) {
		u.first = until
	}
	if until.After(u.last) {
		u.last = until
	}
	u.until[key] = until
}
