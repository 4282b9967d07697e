package relay

import (
	"encoding/json"
	"slices"
	"sort"
	"time"
)

// load reads what the disk keeps.
func (s *Server) load() error {
	var err error
	if s.secrets, err = readSecrets(s.config.Data); err != nil {
		return err
	}
	var lost []place
	if err := s.disk.load(s.loadNote, func(head []byte, p place) error {
		if !s.loadMessage(head, p) {
			lost = append(lost, p)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, p := range lost {
		s.disk.count(p, s.now())
		s.disk.erase(p, nil)
	}
	for _, q := range s.queues {
		sort.Slice(q.messages, func(a, b int) bool { return q.messages[a].came.Before(q.messages[b].came) })
		for _, m := range q.messages {
			m.seq = q.next()
		}
	}
	if err := s.disk.sweep(); err != nil {
		return err
	}
	return s.disk.rewrite(s.notes())
}

// loadNote applies one record of the list of queues, as change did. What does not open is counted:
// it was never acknowledged, or the disk has lost it.
func (s *Server) loadNote(head []byte, _ place) error {
	var n note
	if json.Unmarshal(head, &n) != nil {
		s.counters.count(countDamaged)
		return nil
	}
	q := s.queues[n.Queue]
	if n.Op == "make" {
		s.enter(&queue{id: n.Queue, creator: creator(n.Creator), tokens: n.Hashes, read: time.Unix(n.Read, 0)})
		return nil
	}
	if q == nil {
		return nil
	}
	switch n.Op {
	case "sends":
		for _, m := range n.Marks {
			s.sends[sendMark(m)] = q
		}
		q.sends += len(n.Marks)
	case "unsends":
		for _, m := range n.Marks {
			delete(s.sends, sendMark(m))
		}
		q.sends -= len(n.Marks)
	case "tokens":
		q.tokens = n.Hashes
	case "push":
		q.push = n.Push
	case "read":
		q.read = time.Unix(n.Read, 0)
	case "delete":
		s.drop(q)
	}
	return nil
}

// loadMessage puts a message into its queue, and reports whether it has one.
func (s *Server) loadMessage(head []byte, p place) bool {
	if head == nil {
		s.counters.count(countDamaged)
		return true // scan erases it
	}
	m, queue, ok := readMeta(head)
	if !ok || s.queues[queue] == nil || s.messages[m.id] != nil {
		return false
	}
	s.disk.count(p, m.came)
	m.queue, m.place, m.size = s.queues[queue], p, p.body-sealExtra
	m.queue.messages = append(m.queue.messages, m)
	s.messages[m.id] = m
	s.reserved(m, +1)
	return true
}

// notes yields the list of queues as it is, as few records as possible. The caller holds s.mu, or is
// alone.
func (s *Server) notes() func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		marks := map[*queue][]id{}
		for mark, q := range s.sends {
			marks[q] = append(marks[q], id(mark))
		}
		for _, q := range s.queues {
			for _, n := range q.notes(marks[q]) {
				text, err := json.Marshal(n)
				if err != nil || !yield(text) {
					return
				}
			}
		}
	}
}

// notes tells one queue with its sends.
func (q *queue) notes(marks []id) []note {
	made := note{Op: "make", Queue: q.id, Hashes: q.tokens, Read: q.read.Unix()}
	if q.creator.invited() {
		made.Creator = uint64(q.creator)
	}
	all := []note{made}
	for part := range slices.Chunk(marks, maxHashes) {
		all = append(all, note{Op: "sends", Queue: q.id, Marks: part})
	}
	if q.push != nil {
		all = append(all, note{Op: "push", Queue: q.id, Push: q.push})
	}
	return all
}
