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
	"strings"

	"kith/acl"
	"kith/webid"
)

// ErrCursor refuses what cannot be a cursor or page of any responder (400).
var ErrCursor = errors.New("not a cursor of this feed")

const (
	minKey     = 16 // bytes of FeedConfig.Key
	nonceSize  = 12
	whoSize    = 16
	makerSize  = 8
	seenSize   = 16 * (8 + 8)
	epochSize  = 55
	plainSize  = whoSize + makerSize + 4 + seenSize + 8 + 1 + epochSize
	cursorSize = nonceSize + plainSize + 16
)

// sealer makes and opens cursors under a key that all responders of the owner
// have. The nonce is derived from what is sealed, so that one place has one
// cursor; the epoch stands in a field of fixed size, so that all have one length.
//
//	cursor = base64url(nonce 12 ‖ AES-256-GCM(keys 0–31, nonce, plain, agent))
//	keys   = HKDF-SHA-256(key, info "kith cursor 2", 64 bytes)
//	nonce  = HMAC-SHA-256(keys 32–63, agent ‖ plain)[:12]
//	plain  = who 16 ‖ maker 8 ‖ day 4 ‖ seen 16 × (device 8 ‖ counter 8) ‖ seq 8 ‖ length of epoch 1 ‖ epoch, zeros up to 55
//	agent  = SHA-256(the agent's own WebID, without the base)
//	who    = SHA-256(grant ‖ LF ‖ the IDs of the agent, the first without the base, with LF between)[:16]
//
// What an agent may read can change with its IDs and without a change of the
// pod, as when the owner accepts another WebID for a contact. So a cursor that
// was made for other IDs is one whose place is gone; and so is one under another
// key, since the key changes when the owner takes a device away.
type sealer struct {
	base  string
	aead  cipher.AEAD
	nonce []byte
}

// newSealer returns the sealer of the pod at base.
func newSealer(key []byte, base string) (*sealer, error) {
	if len(key) < minKey {
		return nil, fmt.Errorf("make cursors: a key of %d bytes is too short", len(key))
	}
	keys, err := hkdf.Key(sha256.New, key, nil, "kith cursor 2", 64)
	if err != nil {
		return nil, fmt.Errorf("make cursors: %w", err)
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, fmt.Errorf("make cursors: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cursors: %w", err)
	}
	return &sealer{base: base, aead: aead, nonce: keys[32:]}, nil
}

// seal returns the cursor of a place for an agent.
func (s *sealer) seal(a webid.Agent, at acl.Place) (string, error) {
	if len(at.Epoch) > epochSize {
		return "", fmt.Errorf("seal cursor: the epoch is longer than %d bytes", epochSize)
	}
	plain := make([]byte, 0, plainSize)
	plain = append(plain, who(a, s.base)...)
	plain = append(plain, at.Maker[:]...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(at.Day))
	for _, one := range at.Seen {
		plain = append(plain, one.Device[:]...)
		plain = binary.BigEndian.AppendUint64(plain, one.Counter)
	}
	plain = binary.BigEndian.AppendUint64(plain, at.Seq)
	plain = append(plain, byte(len(at.Epoch)))
	plain = append(plain, at.Epoch...)
	plain = plain[:plainSize]

	agent := s.subject(a)
	mac := hmac.New(sha256.New, s.nonce)
	mac.Write(agent)
	mac.Write(plain)
	nonce := mac.Sum(nil)[:nonceSize]
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, agent)), nil
}

// open returns the place of an agent's cursor: ErrCursor if it can be none,
// acl.ErrGone if it does not open, or the agent was known otherwise when it was made.
func (s *sealer) open(a webid.Agent, cursor string) (at acl.Place, err error) {
	sealed, ok := decode(cursor)
	if !ok {
		return at, ErrCursor
	}
	if len(sealed) != cursorSize {
		return at, fmt.Errorf("open cursor: %w", acl.ErrGone)
	}
	plain, err := s.aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], s.subject(a))
	if err != nil || !hmac.Equal(plain[:whoSize], who(a, s.base)) {
		return at, fmt.Errorf("open cursor: %w", acl.ErrGone)
	}
	return place(plain[whoSize:])
}

// place reads what stands behind who.
func place(plain []byte) (at acl.Place, err error) {
	plain = plain[copy(at.Maker[:], plain):]
	at.Day = int64(binary.BigEndian.Uint32(plain))
	plain = plain[4:]
	for i := range at.Seen {
		plain = plain[copy(at.Seen[i].Device[:], plain):]
		at.Seen[i].Counter = binary.BigEndian.Uint64(plain)
		plain = plain[8:]
	}
	at.Seq = binary.BigEndian.Uint64(plain)
	length := int(plain[8])
	if length > epochSize {
		return acl.Place{}, fmt.Errorf("open cursor: %w", acl.ErrGone)
	}
	at.Epoch = string(plain[9:][:length])
	return at, nil
}

// decode returns the bytes of which s is the one base64url form. encoding/base64
// skips line ends, which have no place here.
func decode(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && s != "" && len(s) == base64.RawURLEncoding.EncodedLen(len(b))
}

// fromBase64 is decode of so many bytes.
func fromBase64(s string, size int) ([]byte, bool) {
	b, ok := decode(s)
	return b, ok && len(b) == size
}

// subject names whose a cursor is.
func (s *sealer) subject(a webid.Agent) []byte {
	sum := sha256.Sum256([]byte(name(a, s.base)))
	return sum[:]
}

// who names an agent with all that its rights can depend on.
func who(a webid.Agent, base string) []byte {
	text := fmt.Sprint(a.Grant())
	for i, id := range a.IDs() {
		if i == 0 {
			id = webid.ID(name(a, base))
		}
		text += "\n" + string(id)
	}
	sum := sha256.Sum256([]byte(text))
	return sum[:whoSize]
}

// name is the agent's own WebID without the base: the same wherever the owner's
// tree is served.
func name(a webid.Agent, base string) string {
	ids := a.IDs()
	if len(ids) == 0 {
		return ""
	}
	return strings.TrimPrefix(string(ids[0]), base)
}
