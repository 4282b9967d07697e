package relay

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

const (
	maxMessages = 1 << 18 // that wait at a relay
	maxAllSends = 1 << 20
)

// queue is a mailbox. Server.mu guards it.
type queue struct {
	id      id
	creator creator
	tokens  []hash
	push    *Subscription
	read    time.Time // when somebody last followed or polled it, to the day

	sends    int // how many of Server.sends are its own
	count    int // messages, and those that are being written
	bytes    int
	seq      uint64
	messages []*message // in order of seq
	deleted  bool

	followers []*follower
	fresh     chan struct{} // closed when there is something for polls; nil when no poll waits
	pushed    time.Time
	due       time.Time // when a push is to be sent, if nothing is claimed by then
}

// creator is who made a queue: an invite, or an address for as long as the relay runs.
type creator uint64

// invited reports whether the creator is an invite.
func (c creator) invited() bool { return c>>63 == 1 }

// made counts what one creator has.
type made struct {
	queues int
	bytes  int
}

// follower is a connection that follows a queue by a token.
type follower struct {
	conn   *conn
	queue  *queue
	token  hash
	number uint64 // its own, of this run
	seen   uint64 // the seq of the last message that was looked at
}

func (q *queue) next() uint64 {
	q.seq++
	return q.seq
}

// usage counts what waits by one send.
func (q *queue) usage(mark sendMark) (count, size int) {
	for _, m := range q.messages {
		if m.mark == mark {
			count++
			size += m.size
		}
	}
	return count, size
}

// note is a record of the list of queues. Which fields it has depends on Op.
type note struct {
	Op      string        `json:"op"`
	Queue   id            `json:"queue"`
	Hashes  []hash        `json:"hashes,omitempty"`
	Marks   []id          `json:"marks,omitempty"`
	Creator uint64        `json:"creator,omitempty"` // of an invite only
	Push    *Subscription `json:"push,omitempty"`
	Read    int64         `json:"read,omitempty"` // seconds since 1970
}

// write notes a change; what fails is told as a drop. The caller holds s.mu.
func (s *Server) write(n note, past int, then func(error)) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("note a change: %w", err)
	}
	if err := s.disk.note(text, past, then); err != nil {
		return s.diskDrop(err)
	}
	return nil
}

// make makes a queue; then is called when it is on the disk.
func (s *Server) make(tokens []hash, by creator, then func(error)) (*queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queues) >= maxQueues {
		return nil, dropQueuesFull
	}
	q := &queue{id: id(random(idSize)), creator: by, tokens: tokens, read: s.now()}
	n := note{Op: "make", Queue: q.id, Hashes: tokens, Read: q.read.Unix()}
	if by.invited() {
		n.Creator = uint64(by)
	}
	if err := s.write(n, 0, then); err != nil {
		return nil, err
	}
	s.enter(q)
	return q, nil
}

// enter counts a queue in; the caller holds s.mu.
func (s *Server) enter(q *queue) {
	s.queues[q.id] = q
	if q.creator == 0 {
		return
	}
	if s.creators[q.creator] == nil {
		s.creators[q.creator] = &made{}
	}
	s.creators[q.creator].queues++
}

// change does one operation on a queue, in memory and in the list; then is called when that is on the
// disk. The caller holds s.mu.
func (s *Server) change(q *queue, r request, then func(error)) error {
	if len(r.Hashes) > maxHashes {
		return dropMalformed
	}
	switch r.Op {
	case "send.add":
		return s.addSends(q, r.Hashes, then)
	case "send.remove":
		return s.removeSends(q, r.Hashes, then)
	case "token.add":
		return s.addTokens(q, r.Hashes, then)
	case "token.remove":
		return s.removeTokens(q, r.Hashes, then)
	case "push":
		return s.setPush(q, r.Push, then)
	case "delete":
		return s.remove(q, then)
	}
	return dropMalformed
}

func mark(h hash) sendMark { return sendMark(h[:16]) }

func (s *Server) addSends(q *queue, hashes []hash, then func(error)) error {
	var fresh []id
	for _, h := range hashes {
		switch other := s.sends[mark(h)]; {
		case other == nil && !slices.Contains(fresh, id(mark(h))):
			fresh = append(fresh, id(mark(h)))
		case other != nil && other != q:
			return errTakenSend
		}
	}
	if q.sends+len(fresh) > maxSends || len(s.sends)+len(fresh) > maxAllSends {
		return dropQueuesFull
	}
	if len(fresh) == 0 {
		s.disk.synced(then) // it may have been added a moment ago
		return nil
	}
	if err := s.write(note{Op: "sends", Queue: q.id, Marks: fresh}, 0, then); err != nil {
		return err
	}
	for _, m := range fresh {
		s.sends[sendMark(m)] = q
	}
	q.sends += len(fresh)
	return nil
}

func (s *Server) removeSends(q *queue, hashes []hash, then func(error)) error {
	var old []id
	for _, h := range hashes {
		if s.sends[mark(h)] == q && !slices.Contains(old, id(mark(h))) {
			old = append(old, id(mark(h)))
		}
	}
	if len(old) == 0 {
		s.disk.synced(then)
		return nil
	}
	if err := s.write(note{Op: "unsends", Queue: q.id, Marks: old}, 2, nil); err != nil {
		return err
	}
	q.sends -= len(old)
	for _, o := range old {
		delete(s.sends, sendMark(o))
	}
	for _, m := range slices.Clone(q.messages) {
		if slices.Contains(old, id(m.mark)) {
			s.counters.count(countRemoved)
			s.erase(m, nil)
		}
	}
	s.disk.synced(then)
	return nil
}

func (s *Server) addTokens(q *queue, hashes []hash, then func(error)) error {
	tokens := slices.Clone(q.tokens)
	for _, h := range hashes {
		if !slices.Contains(tokens, h) {
			tokens = append(tokens, h)
		}
	}
	if len(tokens) > maxTokens {
		return dropQueuesFull
	}
	if err := s.write(note{Op: "tokens", Queue: q.id, Hashes: tokens}, 1, then); err != nil {
		return err
	}
	q.tokens = tokens
	return nil
}

// removeTokens takes the queue from some who read it. The last token stays: a queue that nobody can
// read is to be deleted.
func (s *Server) removeTokens(q *queue, hashes []hash, then func(error)) error {
	tokens := slices.DeleteFunc(slices.Clone(q.tokens), func(t hash) bool { return slices.Contains(hashes, t) })
	if len(tokens) == 0 {
		return dropMalformed
	}
	if err := s.write(note{Op: "tokens", Queue: q.id, Hashes: tokens}, 1, then); err != nil {
		return err
	}
	q.tokens = tokens
	for _, f := range slices.Clone(q.followers) {
		if !slices.Contains(tokens, f.token) {
			f.conn.expel(f)
		}
	}
	for _, m := range slices.Clone(q.messages) {
		s.unwanted(m)
	}
	return nil
}

func (s *Server) setPush(q *queue, p *Subscription, then func(error)) error {
	if p != nil && p.check() != nil {
		return dropMalformed
	}
	if err := s.write(note{Op: "push", Queue: q.id, Push: p}, 1, then); err != nil {
		return err
	}
	q.push = p
	return nil
}

// remove ends a queue with all in it.
func (s *Server) remove(q *queue, then func(error)) error {
	if err := s.write(note{Op: "delete", Queue: q.id}, 2+q.sends, nil); err != nil {
		return err
	}
	q.deleted = true
	for _, f := range slices.Clone(q.followers) {
		f.conn.expel(f)
	}
	for _, m := range slices.Clone(q.messages) {
		s.counters.count(countRemoved)
		s.erase(m, nil)
	}
	s.drop(q)
	s.disk.synced(then)
	return nil
}

// drop counts a queue out; the caller holds s.mu.
func (s *Server) drop(q *queue) {
	delete(s.queues, q.id)
	for mark, of := range s.sends {
		if of == q {
			delete(s.sends, mark)
		}
	}
	if c := s.creators[q.creator]; c != nil {
		if c.queues--; c.queues == 0 {
			delete(s.creators, q.creator)
		}
	}
	q.wake()
}

// wake ends the waiting of polls.
func (q *queue) wake() {
	if q.fresh != nil {
		close(q.fresh)
		q.fresh = nil
	}
}
