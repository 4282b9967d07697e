package relay

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	minToken = 16
	maxToken = 64
)

// hashOf is by what a relay knows a secret.
func hashOf(secret []byte) hash { return sha256.Sum256(secret) }

// poller is access by a token that comes with a request.
type poller struct {
	queue  *queue
	hash   hash
	failed chan struct{} // of one
}

// token implements access.
func (p poller) token(q *queue) (hash, bool) {
	return p.hash, q == p.queue && slices.Contains(q.tokens, p.hash)
}

// holder implements access.
func (p poller) holder() any { return p.hash }

// fail implements access.
func (p poller) fail() { p.failed <- struct{}{} }

// reader returns the queue that a request reads.
func (s *Server) reader(r *http.Request, who visitor, name string) (poller, error) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	secret, err := unb64u(text, minToken, maxToken)
	var queue id
	if err == nil {
		err = queue.UnmarshalText([]byte(name))
	}
	if err != nil {
		return poller{}, s.guessed(who, dropToken)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := poller{s.queues[queue], hashOf(secret), make(chan struct{}, 1)}
	if p.queue == nil || !slices.Contains(p.queue.tokens, p.hash) {
		return poller{}, s.guessed(who, dropToken)
	}
	s.seen(p.queue)
	return p, nil
}

// poll answers GET /q/<queue>.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, who visitor, name string) error {
	wait, err := waitOf(r)
	if err != nil {
		return err
	}
	p, err := s.reader(r, who, name)
	if err != nil {
		return err
	}
	leave, ok := s.visitors.enter(who, placeWaiters)
	if !ok {
		return dropSockets
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	found := s.collect(ctx, p)
	var b body
	if err := s.space(&b, who, placeLarge); err != nil {
		return err
	}
	defer b.free()
	return s.frames(w, found, p)
}

// collect returns what the token has not been given lately, at most a window of it; it waits for the
// first until ctx ends.
func (s *Server) collect(ctx context.Context, p poller) []*message {
	for {
		found, fresh := s.fresh(p)
		if len(found) > 0 {
			return found
		}
		select {
		case <-fresh:
		case <-ctx.Done():
			return nil
		case <-s.ctx.Done():
			return nil
		}
	}
}

func (s *Server) fresh(p poller) (found []*message, fresh <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, size := s.now(), 0
	for _, m := range p.queue.messages {
		if !m.pollable(p.hash, now) {
			continue
		}
		if size += m.size; len(found) >= windowMessages || len(found) > 0 && size > maxMessage {
			break
		}
		found = append(found, m)
		if m.polled == nil {
			m.polled = map[hash]time.Time{}
		}
		m.polled[p.hash] = now
	}
	if p.queue.fresh == nil {
		p.queue.fresh = make(chan struct{})
	}
	return found, p.queue.fresh
}

// pollable reports whether m is for a poll with this token.
func (m *message) pollable(token hash, now time.Time) bool {
	given, was := m.polled[token]
	return m.holder == nil && !slices.Contains(m.declined, token) && (!was || now.Sub(given) >= offerTime)
}

// frames writes what was found, each frame behind its length.
func (s *Server) frames(w http.ResponseWriter, found []*message, p poller) error {
	var all []byte
	for _, m := range found {
		text, err := s.disk.body(m.place)
		if err != nil {
			s.broken(m)
			continue
		}
		s.mu.Lock()
		if !m.erased {
			all = binary.BigEndian.AppendUint32(all, uint32(messageHead+len(text)))
			all = appendMessage(all, m.id, m.mark, m.waiter != nil, m.expires(), text)
		}
		s.mu.Unlock()
	}
	give(w, all)
	return nil
}

// operation answers POST /q/<queue>.
func (s *Server) operation(w http.ResponseWriter, r *http.Request, who visitor, name string) error {
	p, err := s.reader(r, who, name)
	if err != nil {
		return err
	}
	if r.Header.Get("Content-Type") == "application/octet-stream" {
		return s.polledReply(w, r, who, p)
	}
	b, err := s.body(w, r, who, maxText)
	if err != nil {
		return err
	}
	defer b.free()
	var q request
	if json.Unmarshal(b.bytes, &q) != nil {
		return dropMalformed
	}
	said := make(chan response, 1)
	if err := s.operate(q, p, func(r response) { said <- r }); err != nil {
		return err
	}
	select {
	case out := <-said:
		return answer(w, http.StatusOK, out)
	case <-p.failed:
		return dropDisk
	case <-r.Context().Done():
		return dropSlow
	}
}

func (s *Server) polledReply(w http.ResponseWriter, r *http.Request, who visitor, p poller) error {
	b, err := s.body(w, r, who, replyHead+maxMessage)
	if err != nil {
		return err
	}
	i, text, err := readReply(b.bytes)
	if err != nil {
		b.free()
		return dropMalformed
	}
	return answer(w, http.StatusOK, s.handOver(i, parcel{text, b.free}, p))
}
