package relay

import (
	"errors"
	"slices"
)

var (
	errTakenSend   = errors.New("taken")
	errNotFollowed = errors.New("not followed")
)

// access is by what somebody reads queues: a connection, or the token of a poll.
type access interface {
	// token returns the token by which a queue is read, if it is. The caller holds Server.mu.
	token(*queue) (hash, bool)
	// holder is who claims.
	holder() any
	// fail tells that the disk has failed, where no response says so.
	fail()
}

// operate does one operation of a text frame, and calls say with the response: at once, or when it is
// on the disk. It fails for what is no operation.
func (s *Server) operate(r request, by access, say func(response)) error {
	switch {
	case r.Do != nil && r.Queue != nil:
		s.do(r, by, say)
	case r.Ack != nil:
		s.ack(*r.Ack, by, say)
	case r.Claim != nil || r.Decline != nil || r.Release != nil:
		say(s.touch(r, by))
	case r.Ping != nil:
		say(response{Pong: r.Ping})
	default:
		return dropMalformed
	}
	return nil
}

// do changes a queue.
func (s *Server) do(r request, by access, say func(response)) {
	n := r.Do
	err := s.tryDo(r, by, func(err error) {
		if err != nil {
			say(response{Failed: n, Why: dropDisk.reason})
			return
		}
		say(response{Done: n})
	})
	if err != nil {
		say(response{Failed: n, Why: why(err)})
	}
}

func (s *Server) tryDo(r request, by access, then func(error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[*r.Queue]
	if q == nil {
		return errNotFollowed
	}
	if _, ok := by.token(q); !ok {
		return errNotFollowed
	}
	return s.change(q, r, then)
}

func why(err error) string {
	switch {
	case errors.Is(err, dropQueuesFull), errors.Is(err, dropRelayFull):
		return "full"
	case errors.Is(err, errTakenSend), errors.Is(err, errNotFollowed), errors.Is(err, dropMalformed):
		return err.Error()
	}
	return dropDisk.reason
}

// ack erases a message. What is not there, or not theirs, is acknowledged too: it is gone.
func (s *Server) ack(i id, by access, say func(response)) {
	then := func(err error) {
		if err != nil {
			by.fail()
			return
		}
		say(response{Acked: &i})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.mine(i, by); m != nil {
		s.counters.count(countAcked)
		s.erase(m, then)
		return
	}
	s.disk.synced(then)
}

// mine returns a message of a queue that by reads. The caller holds s.mu.
func (s *Server) mine(i id, by access) *message {
	m := s.messages[i]
	if m == nil {
		return nil
	}
	if _, ok := by.token(m.queue); !ok {
		return nil
	}
	return m
}

// touch does what concerns one message and no disk.
func (s *Server) touch(r request, by access) response {
	i := *first(r.Claim, r.Decline, r.Release)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mine(i, by)
	switch {
	case r.Claim != nil && m == nil:
		return response{Gone: &i}
	case r.Claim != nil:
		return s.claim(i, by.holder())
	case r.Decline != nil && m == nil:
		return response{Declined: &i}
	case r.Decline != nil:
		token, _ := by.token(m.queue)
		return s.decline(i, token, by.holder())
	case m == nil:
		return response{Released: &i}
	}
	return s.release(i, by.holder())
}

func first(ids ...*id) *id {
	return ids[slices.IndexFunc(ids, func(i *id) bool { return i != nil })]
}

// handOver gives an answer to who waits. Without one the parcel is freed.
func (s *Server) handOver(i id, p parcel, by access) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.mine(i, by); m == nil || m.holder != nil && m.holder != by.holder() {
		s.counters.count(countLate)
		p.free()
		return response{Gone: &i}
	}
	r, ok := s.reply(i, p)
	if !ok {
		p.free()
	}
	return r
}
