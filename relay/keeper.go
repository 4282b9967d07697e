package relay

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	keepTime   = time.Second      // between looks at what is short-lived
	sweepTime  = time.Minute      // and at the rest
	readingDay = 24 * time.Hour   // how exactly is known when a queue was read
	pushTime   = 20 * time.Second // for one push
	pushers    = 4
)

// keeper does what comes with time, until Close.
func (s *Server) keeper() {
	tick := time.NewTicker(keepTime)
	defer tick.Stop()
	swept, seconds := s.now(), 0
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		s.lapse()
		s.disk.retry()
		s.wakeUp()
		if seconds++; seconds%10 == 0 {
			s.pings()
		}
		if now := s.now(); now.Sub(swept) >= sweepTime || now.Before(swept) {
			swept = now
			s.sweep()
		}
	}
}

// lapse offers again what was claimed too long ago.
func (s *Server) lapse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for m := range s.held {
		if !now.Before(m.until) {
			s.again(m)
		}
	}
}

// sweep ends what is too old, and tidies the disk.
func (s *Server) sweep() {
	s.expire()
	s.forsake()
	s.mu.Lock()
	for name, made := range s.works {
		if s.now().Sub(made) > 2*workTime {
			delete(s.works, name)
		}
	}
	s.mu.Unlock()
	s.move()
	// What fails here fails again in a minute, and what needs the disk fails by itself.
	if s.disk.sweep() != nil || s.rewrite() != nil {
		s.counters.count(dropDisk.reason)
	}
}

// expire erases messages that have waited for timeToLive.
func (s *Server) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, m := range s.messages {
		if !now.Before(m.expires()) {
			s.counters.count(countExpired)
			s.erase(m, nil)
		}
	}
}

// seen notes that a queue is read. The caller holds s.mu.
func (s *Server) seen(q *queue) {
	now := s.now()
	if now.Sub(q.read) < readingDay {
		return
	}
	q.read = now
	if s.write(note{Op: "read", Queue: q.id, Read: now.Unix()}, 1, nil) != nil {
		s.counters.count(dropDisk.reason)
	}
}

// forsake ends queues that nobody has read for unreadTime.
func (s *Server) forsake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, q := range s.queues {
		if len(q.followers) > 0 {
			s.seen(q)
		} else if now.Sub(q.read) >= unreadTime {
			s.counters.count(countUnread)
			if s.remove(q, nil) != nil {
				return
			}
		}
	}
}

// move writes what is left of a nearly empty journal to the current one, so that the space is free.
func (s *Server) move() {
	sparse := s.disk.sparse()
	if sparse == nil {
		return
	}
	s.mu.Lock()
	var all []*message
	for _, m := range s.messages {
		if m.place.in == sparse {
			all = append(all, m)
		}
	}
	s.mu.Unlock()
	for _, m := range all {
		if !s.moveOne(m) {
			return
		}
	}
}

func (s *Server) moveOne(m *message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.erased {
		return true
	}
	text, err := s.disk.body(m.place)
	if err != nil {
		s.counters.count(countDamaged)
		s.erase(m, nil)
		return true
	}
	p, err := s.disk.put(m.meta(), text)
	if err != nil {
		return false
	}
	// The copy is synced no later than the original is erased: one sync does both, but the disk may
	// finish them in any order, so the original waits for a sync of its own.
	old := m.place
	m.place = p
	s.disk.synced(func(err error) {
		if err == nil {
			s.disk.erase(old, nil)
		}
	})
	return true
}

// rewrite drops what is past from the list of queues, when that is much of it or old.
func (s *Server) rewrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.disk.wasteful() {
		return nil
	}
	return s.disk.rewrite(s.notes())
}

// pushing is one push that is due.
type pushing struct {
	queue *queue
	to    Subscription
}

// wakeUp sends pushes for queues in which something waits that nobody claims.
func (s *Server) wakeUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for q := range s.waking {
		if q.push == nil || q.deleted || !q.unclaimed() {
			delete(s.waking, q)
			continue
		}
		if now.Before(q.due) || now.Sub(q.pushed) < pushPause {
			continue
		}
		select {
		case s.pushes <- pushing{q, *q.push}:
			q.pushed = now
			delete(s.waking, q)
		default: // in the next second
		}
	}
}

func (q *queue) unclaimed() bool {
	for _, m := range q.messages {
		if m.holder == nil {
			return true
		}
	}
	return false
}

// pusher sends one push after another, until Close.
func (s *Server) pusher() {
	client := &http.Client{Transport: s.config.Out, Timeout: pushTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for {
		select {
		case p := <-s.pushes:
			s.push(client, p)
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Server) push(client *http.Client, p pushing) {
	ctx, cancel := context.WithTimeout(s.ctx, pushTime)
	defer cancel()
	switch err := Push(ctx, client, p.to, s.config.URL, s.now()); {
	case err == nil:
		s.counters.count(countPushed)
	case errors.Is(err, ErrGone):
		s.counters.count(countPushOld)
		s.unsubscribe(p)
	default:
		s.counters.count(countPushFailed)
	}
}

// unsubscribe forgets a subscription that its push service knows no more.
func (s *Server) unsubscribe(p pushing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.queue.deleted || p.queue.push == nil || *p.queue.push != p.to {
		return
	}
	if s.setPush(p.queue, nil, nil) != nil {
		s.counters.count(dropDisk.reason)
	}
}
