package relay

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// describe answers GET /.well-known/kith-relay.
func (s *Server) describe(w http.ResponseWriter) error {
	return answer(w, http.StatusOK, struct {
		Relay     int    `json:"relay"`
		Key       string `json:"key"`
		Queues    string `json:"queues"`
		Bits      int    `json:"bits"`
		Challenge string `json:"challenge"`
		App       bool   `json:"app"`
		Message   int    `json:"message"`
		TTL       int    `json:"ttl"`
	}{1, b64u(s.secrets.point), s.config.Queues, workBits, b64u(s.challenge()), s.config.App, maxMessage, int(timeToLive / time.Second)})
}

// post answers POST /s/<send>.
func (s *Server) post(w http.ResponseWriter, r *http.Request, who visitor, text string) error {
	wait, err := waitOf(r)
	if err != nil {
		return err
	}
	send, err := unb64u(text, sendSize, sendSize)
	if err != nil {
		return s.guessed(who, dropSend)
	}
	if !s.known(send) {
		return s.guessed(who, dropSend) // before its body is read
	}
	b, err := s.body(w, r, who, maxMessage)
	if err != nil {
		return err
	}
	defer b.free()
	out, err := s.deliver(r.Context(), who, send, wait, &b)
	if err != nil {
		return err
	}
	defer out.free()
	if out.answer == nil {
		return answer(w, http.StatusAccepted, accepted{out.cancel})
	}
	give(w, out.answer)
	return nil
}

// accepted is the body of a 202.
type accepted struct {
	Cancel string `json:"cancel"`
}

// outcome is what became of a message: an answer, or the token that cancels it.
type outcome struct {
	answer []byte
	cancel string
	free   func()
}

func (s *Server) known(send []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sends[mark(sha256.Sum256(send))] != nil
}

// guessed slows down who tries secrets.
func (s *Server) guessed(who visitor, d *drop) error {
	if !s.visitors.allow(who, rateGuesses) {
		return dropGuesses
	}
	return d
}

// waitOf reads ?wait=0..25.
func waitOf(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, dropMalformed
	}
	return min(time.Duration(n)*time.Second, maxWait), nil
}

// deliver puts a message into the queue that send leads to, and waits for an answer. It frees b once
// the disk has it.
func (s *Server) deliver(ctx context.Context, who visitor, send []byte, wait time.Duration, b *body) (outcome, error) {
	if len(b.bytes) == 0 {
		return outcome{}, dropMalformed
	}
	var waiter chan parcel
	if wait > 0 {
		if leave, ok := s.visitors.enter(who, placeWaiters); ok {
			defer leave()
			waiter = make(chan parcel, 1)
		} else {
			s.counters.count(countWaiters)
		}
	}
	m, token, err := s.put(mark(sha256.Sum256(send)), b.bytes, waiter)
	b.bytes = nil
	b.free()
	if err != nil {
		return outcome{}, err
	}
	if waiter != nil {
		if p, ok := s.await(ctx, m, waiter, wait); ok {
			s.counters.count(countAnswered)
			return outcome{answer: p.answer, free: p.free}, nil
		}
	}
	if err := s.synced(ctx); err != nil {
		return outcome{}, err
	}
	return outcome{cancel: b64u(token), free: func() {}}, nil
}

// await waits for the answer to m. When time is up nobody hands one over any more.
func (s *Server) await(ctx context.Context, m *message, waiter chan parcel, wait time.Duration) (parcel, bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case p := <-waiter:
		return p, true
	case <-timer.C:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	m.waiter = nil
	s.mu.Unlock()
	select {
	case p := <-waiter: // it came at the last moment
		return p, true
	default:
		return parcel{}, false
	}
}

// synced waits until all that was put and erased is on the disk.
func (s *Server) synced(ctx context.Context) error {
	came := make(chan error, 1)
	s.disk.synced(func(err error) { came <- err })
	return s.onDisk(ctx, came)
}

func (s *Server) onDisk(ctx context.Context, came <-chan error) error {
	select {
	case err := <-came:
		if err != nil {
			return dropDisk
		}
		return nil
	case <-ctx.Done():
		return dropSlow
	}
}

// delete answers DELETE /s/<send>.
func (s *Server) delete(w http.ResponseWriter, r *http.Request, who visitor, text string) error {
	send, err := unb64u(text, sendSize, sendSize)
	if err != nil {
		return s.guessed(who, dropSend)
	}
	if err := s.withdraw(r.Context(), who, send, r.Header.Get("Kith-Cancel")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// withdraw cancels a message.
func (s *Server) withdraw(ctx context.Context, who visitor, send []byte, cancel string) error {
	token, err := unb64u(cancel, idSize+cancelSize, idSize+cancelSize)
	if err != nil {
		return s.guessed(who, dropNotThere)
	}
	came := make(chan error, 1)
	if !s.cancel(mark(sha256.Sum256(send)), token, func(err error) { came <- err }) {
		return s.guessed(who, dropNotThere)
	}
	return s.onDisk(ctx, came)
}

// newQueue answers POST /q.
func (s *Server) newQueue(w http.ResponseWriter, r *http.Request, who visitor) error {
	b, err := s.body(w, r, who, freeBody)
	if err != nil {
		return err
	}
	defer b.free()
	var want newQueue
	if json.Unmarshal(b.bytes, &want) != nil || len(want.Tokens) == 0 || len(want.Tokens) > maxTokens {
		return dropMalformed
	}
	by, err := s.admit(who, want)
	if err != nil {
		return err
	}
	came := make(chan error, 1)
	q, err := s.make(want.Tokens, by, func(err error) { came <- err })
	if err != nil {
		return err
	}
	if err := s.onDisk(r.Context(), came); err != nil {
		return err
	}
	return answer(w, http.StatusCreated, struct {
		Queue id `json:"queue"`
	}{q.id})
}
