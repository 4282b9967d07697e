package relay

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

const (
	cancelSize  = 16
	messageMeta = idSize + idSize + 16 + 16 + 8
)

// message is one that waits. Server.mu guards what changes.
type message struct {
	id     id
	queue  *queue
	mark   sendMark
	cancel [16]byte // the first half of SHA-256 of the cancel token
	came   time.Time
	size   int // bytes of the body

	place    place
	seq      uint64      // place in the queue; rises when the message is offered anew
	waiter   chan parcel // of one; nil when nobody waits
	holder   any         // who claimed it: a *conn or a hash; nil when nobody did
	until    time.Time   // when the claim lapses
	declined []hash      // tokens
	passed   []uint64    // followers that released it
	polled   map[hash]time.Time
	erased   bool
}

// parcel is an answer on its way to who waits, with the place in memory that it takes.
type parcel struct {
	answer []byte
	free   func()
}

func (m *message) expires() time.Time { return m.came.Add(timeToLive) }

// meta writes what the disk keeps of m beside its body.
func (m *message) meta() []byte {
	b := make([]byte, 0, messageMeta)
	b = append(append(append(append(b, m.id[:]...), m.queue.id[:]...), m.mark[:]...), m.cancel[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(m.came.Unix()))
}

// readMeta reads what meta wrote.
func readMeta(b []byte) (m *message, queue id, ok bool) {
	if len(b) != messageMeta {
		return nil, id{}, false
	}
	m = &message{came: time.Unix(int64(binary.BigEndian.Uint64(b[64:])), 0)}
	copy(m.id[:], b)
	copy(queue[:], b[16:])
	copy(m.mark[:], b[32:])
	copy(m.cancel[:], b[48:])
	return m, queue, true
}

// cancelHash is what is kept of a cancel token.
func cancelHash(token []byte) (h [16]byte) {
	full := sha256.Sum256(token)
	return [16]byte(full[:16])
}

// put keeps a message that came by mark. It is offered to who follows the queue at once, and safe
// once the disk has synced. With a waiter an answer can be handed over.
func (s *Server) put(mark sendMark, body []byte, waiter chan parcel) (m *message, token []byte, err error) {
	token = random(idSize + cancelSize)
	m = &message{mark: mark, came: s.now(), size: len(body), waiter: waiter, cancel: cancelHash(token)}
	copy(m.id[:], token) // so that a cancel token finds its message
	if err := s.reserve(m); err != nil {
		return nil, nil, err
	}
	p, err := s.disk.put(m.meta(), body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.unreserve(m)
		return nil, nil, s.diskDrop(err)
	}
	m.place = p
	if m.queue.deleted || s.sends[mark] != m.queue {
		s.unreserve(m)
		s.disk.erase(p, nil)
		return nil, nil, dropSend
	}
	m.seq = m.queue.next()
	m.queue.messages = append(m.queue.messages, m)
	s.messages[m.id] = m
	s.counters.count(countTaken)
	s.expect(m.queue)
	s.offer(m.queue)
	return m, token, nil
}

// expect has a device pushed if nobody claims what has just come. The caller holds s.mu.
func (s *Server) expect(q *queue) {
	if q.push != nil && !s.waking[q] && s.config.Out != nil {
		s.waking[q] = true
		q.due = s.now().Add(pushDelay)
	}
}

// reserve finds the queue of a message and room for it there.
func (s *Server) reserve(m *message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.sends[m.mark]
	if q == nil {
		return dropSend
	}
	m.queue = q
	if q.count >= queueMessages || q.bytes+m.size > queueBytes {
		return dropQueueFull
	}
	count, size := q.usage(m.mark)
	if count >= sendMessages || size+m.size > sendBytes {
		return dropSendFull
	}
	if c := s.creators[q.creator]; c != nil && c.bytes+m.size > creatorBytes {
		return dropCreatorFull
	}
	if s.count >= maxMessages {
		return dropRelayFull
	}
	s.reserved(m, +1)
	return nil
}

func (s *Server) unreserve(m *message) { s.reserved(m, -1) }

// reserved counts m in, or out, of all that bounds messages.
func (s *Server) reserved(m *message, by int) {
	m.queue.count += by
	m.queue.bytes += by * m.size
	s.count += by
	if c := s.creators[m.queue.creator]; c != nil {
		c.bytes += by * m.size
	}
}

// diskDrop turns an error of the disk into what is told.
func (s *Server) diskDrop(err error) error {
	if errors.Is(err, errSpace) {
		return dropRelayFull
	}
	return dropDisk
}

// offer tells who follows a queue, or polls it, of what is new there. The caller holds s.mu.
func (s *Server) offer(q *queue) {
	for _, f := range q.followers {
		s.fill(f.conn)
	}
	q.wake()
}

// fill puts messages into the window of a connection while there is room. The caller holds s.mu.
func (s *Server) fill(c *conn) {
	for _, f := range c.subs {
		first, _ := slices.BinarySearchFunc(f.queue.messages, f.seen+1, bySeq)
		for _, m := range f.queue.messages[first:] {
			if !c.room(m.size) {
				return
			}
			f.seen = m.seq
			if m.holder == nil && !slices.Contains(m.declined, f.token) && !slices.Contains(m.passed, f.number) {
				c.offered(m)
			}
		}
	}
}

// erase ends a message for everybody, and calls then when nothing of it is on the disk. The caller
// holds s.mu.
func (s *Server) erase(m *message, then func(error)) {
	m.erased = true
	s.unhold(m)
	q := m.queue
	if i, ok := slices.BinarySearchFunc(q.messages, m.seq, bySeq); ok {
		q.messages = slices.Delete(q.messages, i, i+1)
	}
	delete(s.messages, m.id)
	s.reserved(m, -1)
	for _, f := range q.followers {
		f.conn.done(m)
	}
	s.disk.erase(m.place, then)
	s.offer(q)
}

func bySeq(m *message, seq uint64) int {
	switch {
	case m.seq < seq:
		return -1
	case m.seq > seq:
		return 1
	}
	return 0
}

// claim gives a message to holder for claimTime. The caller holds s.mu.
func (s *Server) claim(i id, holder any) response {
	m := s.messages[i]
	switch {
	case m == nil:
		return response{Gone: &i}
	case m.holder != nil && m.holder != holder:
		return response{Taken: &i}
	}
	m.holder, m.until = holder, s.now().Add(claimTime)
	s.held[m] = true
	for _, f := range m.queue.followers {
		if any(f.conn) != holder {
			f.conn.done(m)
			s.fill(f.conn)
		}
	}
	return response{Claimed: &i}
}

// unhold ends a claim; the caller holds s.mu.
func (s *Server) unhold(m *message) {
	m.holder = nil
	delete(s.held, m)
}

// again offers a message anew, last in its queue: to everybody but those who declined it. The
// caller holds s.mu.
func (s *Server) again(m *message) {
	s.unhold(m)
	q := m.queue
	if i, ok := slices.BinarySearchFunc(q.messages, m.seq, bySeq); ok {
		q.messages = slices.Delete(q.messages, i, i+1)
	}
	m.seq, m.polled = q.next(), nil
	q.messages = append(q.messages, m)
	for _, f := range q.followers {
		f.conn.done(m)
	}
	s.offer(q)
}

// decline notes that a token will not answer a message. The caller holds s.mu.
func (s *Server) decline(i id, token hash, holder any) response {
	if m := s.messages[i]; m != nil {
		if !slices.Contains(m.declined, token) {
			m.declined = append(m.declined, token)
		}
		s.putBack(m, holder)
		s.unwanted(m)
	}
	return response{Declined: &i}
}

// unwanted erases a message that every token of its queue has declined. The caller holds s.mu.
func (s *Server) unwanted(m *message) {
	for _, t := range m.queue.tokens {
		if !slices.Contains(m.declined, t) {
			return
		}
	}
	s.counters.count(countDeclined)
	s.erase(m, nil)
}

// release notes that a follower will not answer a message now. The caller holds s.mu.
func (s *Server) release(i id, holder any) response {
	if m := s.messages[i]; m != nil {
		for _, f := range m.queue.followers {
			if any(f.conn) == holder {
				m.passed = append(m.passed, f.number)
			}
		}
		s.putBack(m, holder)
	}
	return response{Released: &i}
}

// putBack ends what holder had of a message, and offers it to others if it was claimed.
func (s *Server) putBack(m *message, holder any) {
	if c, ok := holder.(*conn); ok {
		c.done(m)
		s.fill(c)
	}
	if m.holder == holder {
		s.again(m)
	}
}

// reply hands an answer to who waits for it. It reports whether somebody did: then the parcel is
// that somebody's to free. The caller holds s.mu.
func (s *Server) reply(i id, p parcel) (response, bool) {
	m := s.messages[i]
	if m == nil || m.waiter == nil {
		s.counters.count(countLate)
		return response{Gone: &i}, false
	}
	m.waiter <- p
	m.waiter = nil
	return response{Replied: &i}, true
}

// cancel erases the message that a cancel token belongs to.
func (s *Server) cancel(mark sendMark, token []byte, then func(error)) bool {
	if len(token) != idSize+cancelSize {
		return false
	}
	hash := cancelHash(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[id(token[:idSize])]
	if m == nil || m.mark != mark || subtle.ConstantTimeCompare(m.cancel[:], hash[:]) == 0 {
		return false
	}
	s.counters.count(countCancelled)
	s.erase(m, then)
	return true
}
