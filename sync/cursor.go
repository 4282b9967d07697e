package sync

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

// ErrCursor refuses a cursor or page that this feed did not make for the agent (400).
var ErrCursor = errors.New("not a cursor of this feed")

const (
	minKey     = 16 // bytes of FeedConfig.Key
	nonceSize  = 12
	plainSize  = 96
	whoSize    = 16
	maxEpoch   = plainSize - whoSize - 8 - 1
	cursorSize = nonceSize + plainSize + 16
)

// sealer makes and opens cursors. The nonce is derived from what is sealed, so
// that one position has one cursor; the epoch stands in a field of fixed size, so
// that all have one length.
//
//	cursor = base64url(nonce 12 ‖ AES-256-GCM(key, nonce, plain, agent))
//	nonce  = HMAC-SHA-256(nonce key, agent ‖ plain)[:12]
//	plain  = who 16 ‖ seq 8 ‖ length of epoch 1 ‖ epoch, zeros up to 71
//	agent  = SHA-256(the agent's own WebID)
//	who    = SHA-256(grant ‖ all IDs of the agent)[:16]
//
// What an agent may read can change with its IDs and without a change of the
// pod, as when the owner accepts another WebID for a contact. So a cursor that
// was made for other IDs is one whose place is gone.
type sealer struct {
	aead  cipher.AEAD
	nonce []byte
}

// newSealer returns the sealer of one pod of the server that has the key.
func newSealer(key []byte, base string) (*sealer, error) {
	if len(key) < minKey {
		return nil, fmt.Errorf("make cursors: a key of %d bytes is too short", len(key))
	}
	secret, err := hkdf.Key(sha256.New, key, nil, "kith cursor 1 "+base, 64)
	if err != nil {
		return nil, fmt.Errorf("make cursors: %w", err)
	}
	block, err := aes.NewCipher(secret[:32])
	if err != nil {
		return nil, fmt.Errorf("make cursors: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cursors: %w", err)
	}
	return &sealer{aead: aead, nonce: secret[32:]}, nil
}

// seal returns the cursor of a position for an agent.
func (s *sealer) seal(a webid.Agent, at pod.Head) (string, error) {
	if len(at.Epoch) > maxEpoch {
		return "", fmt.Errorf("seal cursor: the epoch is longer than %d bytes", maxEpoch)
	}
	plain := make([]byte, 0, plainSize)
	plain = append(plain, who(a)...)
	plain = binary.BigEndian.AppendUint64(plain, at.Seq)
	plain = append(plain, byte(len(at.Epoch)))
	plain = append(plain, at.Epoch...)
	plain = plain[:plainSize]

	agent := subject(a)
	mac := hmac.New(sha256.New, s.nonce)
	mac.Write(agent)
	mac.Write(plain)
	nonce := mac.Sum(nil)[:nonceSize]
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, agent)), nil
}

// open returns the position of an agent's cursor: ErrCursor if it is none of
// the agent's, acl.ErrGone if the agent was known otherwise when it was made.
func (s *sealer) open(a webid.Agent, cursor string) (pod.Head, error) {
	sealed, ok := fromBase64(cursor, cursorSize)
	if !ok {
		return pod.Head{}, ErrCursor
	}
	plain, err := s.aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], subject(a))
	if err != nil {
		return pod.Head{}, ErrCursor
	}
	if string(plain[:whoSize]) != string(who(a)) {
		return pod.Head{}, fmt.Errorf("open cursor: %w", acl.ErrGone)
	}
	length := int(plain[whoSize+8])
	if length > maxEpoch {
		return pod.Head{}, ErrCursor
	}
	return pod.Head{
		Seq:   binary.BigEndian.Uint64(plain[whoSize:]),
		Epoch: string(plain[whoSize+9:][:length]),
	}, nil
}

// fromBase64 returns the bytes of which s is the one base64url form, if they are
// size. encoding/base64 skips line ends, which have no place here.
func fromBase64(s string, size int) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == size && len(s) == base64.RawURLEncoding.EncodedLen(size)
}

// subject names whose a cursor is.
func subject(a webid.Agent) []byte {
	sum := sha256.Sum256([]byte(name(a)))
	return sum[:]
}

// who names an agent with all that its rights can depend on.
func who(a webid.Agent) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d %t %q", a.Grant(), a.Owner(), a.IDs())
	return h.Sum(nil)[:whoSize]
}

// name is the agent's own WebID at this pod.
func name(a webid.Agent) webid.ID {
	if ids := a.IDs(); len(ids) > 0 {
		return ids[0]
	}
	return ""
}
