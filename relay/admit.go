package relay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	challengeSize = 4 + 8 + 12 // time ‖ random ‖ mac
	inviteHead    = 6 + 2 + 8  // id ‖ queues ‖ expires
	inviteSize    = inviteHead + 16
	maxWorks      = 1 << 16
)

// mac authenticates what this relay has said, for one purpose.
func (k secrets) mac(purpose string, text []byte, size int) []byte {
	h := hmac.New(sha256.New, k.own)
	h.Write([]byte(purpose))
	h.Write(text)
	return h.Sum(nil)[:size]
}

// challenge makes a challenge that nothing has to be remembered of until it is used.
func (s *Server) challenge() []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(s.now().Unix()))
	c = append(c, random(8)...)
	return append(c, s.secrets.mac("work", c, 12)...)
}

// admit decides whether somebody may make a queue, and returns as whose it counts.
func (s *Server) admit(who visitor, want newQueue) (creator, error) {
	by := creator(uint64(who) &^ (1 << 63))
	switch {
	case want.Invite != "":
		return s.invited(who, want.Invite)
	case s.config.Queues == "open":
	case s.config.Queues == "work" && want.Work != nil:
		if !s.worked(*want.Work) {
			return 0, dropNoWork
		}
	case s.config.Queues == "work":
		return 0, dropNoWork
	default:
		return 0, dropNoInvite
	}
	if !s.visitors.allow(who, rateQueues) {
		return 0, dropQueueRate
	}
	return by, s.allowed(by, creatorQueues)
}

// allowed reports whether a creator may have one more queue.
func (s *Server) allowed(by creator, most int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.creators[by]; c != nil && c.queues >= most {
		return dropCreatorFull
	}
	return nil
}

// worked checks the work for a queue; a challenge is good once, for workTime.
func (s *Server) worked(w work) bool {
	challenge, err := unb64u(w.Challenge, challengeSize, challengeSize)
	if err != nil || !hmac.Equal(challenge[12:], s.secrets.mac("work", challenge[:12], 12)) {
		return false
	}
	nonce, err := unb64u(w.Nonce, 8, 8)
	if err != nil || zeros(sha256.Sum256(append(bytes.Clone(challenge), nonce...))) < workBits {
		return false
	}
	made := time.Unix(int64(binary.BigEndian.Uint32(challenge)), 0)
	age := s.now().Sub(made)
	return age >= -time.Second && age <= workTime && s.once(challenge, made)
}

// once reports whether a challenge was not used before.
func (s *Server) once(challenge []byte, made time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := id(challenge[:idSize])
	if _, used := s.works[name]; used || len(s.works) >= maxWorks {
		return false
	}
	s.works[name] = made
	return true
}

// NewInvite returns an invite to make queues at the relay whose folder is dir, up to a number of
// queues and a time. It does not matter whether the relay runs, but its folder has to be there. Nothing is kept of an invite: to take
// one back, remove relay.key, and all of them end, with the key of the outer hop.
func NewInvite(dir string, queues int, expires time.Time) (string, error) {
	if queues < 1 || queues > 1<<16-1 {
		return "", fmt.Errorf("invite: %w: %d queues", ErrConfig, queues)
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("invite: %w: there is no relay in %s; start it once, or name the folder in which it is", ErrConfig, dir)
	}
	k, err := readSecrets(dir)
	if err != nil {
		return "", err
	}
	text := binary.BigEndian.AppendUint16(random(6), uint16(queues))
	text = binary.BigEndian.AppendUint64(text, uint64(expires.Unix()))
	return b64u(append(text, k.mac("invite", text, 16)...)), nil
}

// invited checks an invite, and returns it as the creator of queues.
func (s *Server) invited(who visitor, invite string) (creator, error) {
	text, err := unb64u(invite, inviteSize, inviteSize)
	if err != nil || !hmac.Equal(text[inviteHead:], s.secrets.mac("invite", text[:inviteHead], 16)) {
		return 0, s.guessed(who, dropNoInvite)
	}
	if s.now().Unix() > int64(binary.BigEndian.Uint64(text[8:])) {
		return 0, dropNoInvite
	}
	by := creator(binary.BigEndian.Uint64(append([]byte{0, 0}, text[:6]...)) | 1<<63)
	return by, s.allowed(by, int(binary.BigEndian.Uint16(text[6:])))
}
