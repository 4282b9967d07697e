package fetch

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	minLife     = 5 * time.Second // an answer is kept for at least this
	maxLife     = 60 * time.Second
	failureLife = 30 * time.Second
	maxMemory   = 2 << 20 // bytes of one of the two generations
	entryCost   = 512     // bytes that an entry takes beside its body and key
)

// memory keeps answers and failures for a while. When the newer generation is
// full the older one is forgotten.
type memory struct {
	mu         sync.Mutex
	newer, old map[string]*entry
	size       int // of newer
}

// entry is one answer, or one on its way until ready is closed.
type entry struct {
	ready chan struct{}
	doc   Document
	err   error
	at    time.Time
	until time.Time
	last  *entry // what it is to replace, until it is ready
}

// get returns what is kept under key if it is no older than age, or else what
// load returns; it waits for a load of the same key that is under way.
func (m *memory) get(ctx context.Context, key string, now func() time.Time, age time.Duration, load func() (Document, time.Duration, error)) (Document, error) {
	e, mine := m.claim(key, now(), age)
	if mine {
		doc, life, err := load()
		m.settle(key, e, doc, err, now(), life)
	}
	select {
	case <-e.ready:
		return e.doc, e.err
	case <-ctx.Done():
		return Document{}, ctx.Err()
	}
}

// claim returns the entry of key; mine means that the caller has to fill it.
func (m *memory) claim(key string, now time.Time, age time.Duration) (e *entry, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e = m.newer[key]
	if e == nil {
		e = m.old[key]
	}
	if e != nil && e.usable(now, age) {
		return e, false
	}
	e = &entry{ready: make(chan struct{}), last: e}
	m.keep(key, e, len(key)+entryCost)
	return e, true
}

// usable reports whether e is on its way, or an answer that holds. The clock may
// have been set back.
func (e *entry) usable(now time.Time, age time.Duration) bool {
	select {
	case <-e.ready:
	default:
		return true
	}
	return e.until.After(now) && !e.at.After(now) && now.Sub(e.at) <= age
}

func (m *memory) keep(key string, e *entry, size int) {
	if m.newer == nil || m.size+size > maxMemory {
		m.newer, m.old, m.size = map[string]*entry{}, m.newer, 0
	}
	m.newer[key] = e
	m.size += size
}

// settle fills e and lets those go on who wait for it. A failure does not
// replace an answer that still holds; that one counts as asked for again.
func (m *memory) settle(key string, e *entry, doc Document, err error, now time.Time, life time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case errors.Is(err, errRoom):
		life = 0 // that says nothing about the document
	case err != nil:
		life = failureLife
	}
	e.doc, e.err, e.at, e.until = doc, err, now, now.Add(life)
	close(e.ready)
	last := e.last
	e.last = nil
	if err != nil && last != nil && last.err == nil && last.until.After(now) {
		last.at = now
		e = last
	}
	m.keep(key, e, len(e.doc.Body)+len(e.doc.Type))
}

// lifetime returns how long an answer may be kept: its max-age within bounds.
// (RFC 9111 §5.2.2)
func lifetime(h http.Header) time.Duration {
	life := maxLife
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(h.Values("Cache-Control"), ",")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache", "private":
			return minLife
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				life = time.Duration(seconds) * time.Second
			}
		}
	}
	return min(max(life, minLife), maxLife)
}
