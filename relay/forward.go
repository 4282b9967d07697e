package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// forwardTime is how long the far relay may take: the longest wait, and the way.
const forwardTime = maxWait + 20*time.Second

// forward answers POST /f: it carries a hop to the relay that Kith-Forward names, and its answer back.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, who visitor) error {
	to, err := s.target(r.Header.Get("Kith-Forward"))
	if err != nil {
		return err
	}
	leave, ok := s.visitors.enter(who, placeWaiters)
	if !ok {
		return dropSockets
	}
	defer leave()
	b, err := s.body(w, r, who, maxHop)
	if err != nil {
		return err
	}
	defer b.free()
	ctx, cancel := context.WithTimeout(r.Context(), forwardTime)
	defer cancel()
	stop := context.AfterFunc(s.ctx, cancel)
	defer stop()
	sealed, err := s.carry(ctx, who, to, b.bytes)
	if err != nil {
		return err
	}
	defer sealed.free()
	s.counters.count(countForwards)
	give(w, sealed.bytes)
	return nil
}

// target reads the address of another relay.
func (s *Server) target(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, len(text) > maxURL, u.Host == "", u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "",
		u.Scheme != "https" && u.Scheme != "http", !strings.HasSuffix(u.Path, "/"):
		return "", dropMalformed
	case s.config.Out == nil:
		return "", dropForward
	}
	return u.String(), nil
}

// carry makes one request to the far relay. Whoever names an address is not told why it could not be
// reached.
func (s *Server) carry(ctx context.Context, who visitor, to string, hop []byte) (body, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"h", bytes.NewReader(hop))
	if err != nil {
		return body{}, dropMalformed
	}
	r.Header = octets()
	answer, err := s.config.Out.RoundTrip(r)
	if err != nil {
		return body{}, dropForwarding
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusTooManyRequests {
		return body{}, dropRate
	}
	if answer.StatusCode != http.StatusOK {
		return body{}, dropForwarding
	}
	b, err := s.read(answer.Body, who, maxHopAnswer, &pace{set: func(time.Time) {}}) // ctx ends it
	if err != nil {
		return body{}, dropForwarding
	}
	return b, nil
}

// hop answers POST /h: what it holds is done as if the asker had come here, and answered sealed.
func (s *Server) hop(w http.ResponseWriter, r *http.Request, who visitor) error {
	b, err := s.body(w, r, who, maxHop)
	if err != nil {
		return err
	}
	h, key, err := openHop(s.secrets.hop, b.bytes)
	if err != nil {
		b.free()
		return dropMalformed
	}
	b.bytes = h.message
	status, text, free, err := s.hopped(r.Context(), who, h, &b)
	defer free()
	if err != nil {
		return err
	}
	give(w, sealHopAnswer(key, status, text))
	return nil
}

// hopped does what a hop asks for, and returns what POST or DELETE /s would answer.
func (s *Server) hopped(ctx context.Context, who visitor, h hop, b *body) (status int, text []byte, free func(), err error) {
	defer func() {
		if free == nil {
			free = func() {}
		}
	}()
	var out outcome
	if h.wait == hopCancel {
		cancel := string(b.bytes)
		b.free()
		err = s.withdraw(ctx, who, h.send, cancel)
		status = http.StatusNoContent
	} else {
		out, err = s.deliver(ctx, who, h.send, min(time.Duration(h.wait)*time.Second, maxWait), b)
		b.free()
		status, free = http.StatusOK, out.free
	}
	var d *drop
	switch {
	case errors.As(err, &d):
		s.counters.count(d.reason)
		text, err = json.Marshal(refused{d.reason})
		return d.status, text, free, err
	case err != nil || out.answer != nil || h.wait == hopCancel:
		return status, out.answer, free, err
	}
	text, err = json.Marshal(accepted{out.cancel})
	return http.StatusAccepted, text, free, err
}
