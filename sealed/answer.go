package sealed

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"kith/webid"
)

const (
	sizeID     = 16
	sizeRandom = 32
)

// replyID says which request an answer belongs to.
type replyID [sizeID]byte

// b64 is bytes that are written as base64url without padding.
type b64 []byte

func (b b64) MarshalText() ([]byte, error) { return []byte(encode64(b)), nil }

func (b *b64) UnmarshalText(text []byte) error {
	raw, ok := decode64(string(text))
	if !ok {
		return webid.Malformed
	}
	*b = raw
	return nil
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode64 reads what encode64 wrote and nothing else.
func decode64(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return b, err == nil && encode64(b) == s
}

// answer seals a response for who made the message.
func (e envelope) answer(id replyID, inner []byte) ([]byte, error) {
	head := make([]byte, sizeID+sizeRandom)
	rand.Read(head[copy(head, id[:]):]) // never fails (crypto/rand)
	c, err := answerChunker(e.enc, e.secret, head)
	if err != nil {
		return nil, err
	}
	return c.seal(head, inner)
}

// answerChunker returns the chunker under the secret that a slot exported.
// (RFC 9458 §4.4)
func answerChunker(enc, secret, head []byte) (chunker, error) {
	salt := append(append([]byte{}, enc...), head[sizeID:]...)
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		return chunker{}, err
	}
	key, err := hkdf.Expand(sha256.New, prk, "key", sizeKey)
	if err != nil {
		return chunker{}, err
	}
	base, err := hkdf.Expand(sha256.New, prk, "nonce", sizeNonce)
	if err != nil {
		return chunker{}, err
	}
	aad := sha256.Sum256(head)
	return newChunker(key, base, aad[:])
}

// openAnswer returns the response that one of the slots can open, and the
// did:key of the device whose slot it is.
func openAnswer(id replyID, slots []slot, answer []byte) (inner []byte, device string, err error) {
	const head = sizeID + sizeRandom
	if len(answer) > maxMessage || !isPadded(len(answer)) || replyID(answer[:sizeID]) != id {
		return nil, "", ErrAnswer
	}
	for _, s := range slots {
		c, err := answerChunker(s.Enc, s.Secret, answer[:head])
		if err != nil {
			return nil, "", err
		}
		inner, err = c.open(answer[head:])
		if err == damaged {
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		return inner, s.Device, nil
	}
	return nil, "", ErrAnswer
}
