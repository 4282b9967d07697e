package webid

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// nonceLife is how long a DPoP nonce holds. A device with a wrong clock fetches
// a new one, by being refused once, each time it has ended.
const nonceLife = 5 * time.Minute

// nonces makes DPoP nonces that need no memory: the time of their end, 8 bytes,
// and a MAC over it of 16 bytes, in base64url. The secret ends with the process.
// (RFC 9449 §8)
type nonces struct {
	drawn  sync.Once
	secret [32]byte
}

func (n *nonces) make(now time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(now.Add(nonceLife).Unix()))
	return encode64(append(b, n.mac(b)...))
}

// end returns until when the nonce holds; it is zero for a nonce that was not
// made here or has ended.
func (n *nonces) end(nonce string, now time.Time) time.Time {
	b, ok := decode64(nonce)
	if !ok || len(b) != 24 || !hmac.Equal(b[8:], n.mac(b[:8])) {
		return time.Time{}
	}
	end := time.Unix(int64(binary.BigEndian.Uint64(b)), 0)
	if !end.After(now) || end.After(now.Add(nonceLife)) {
		return time.Time{}
	}
	return end
}

func (n *nonces) mac(b []byte) []byte {
	n.drawn.Do(func() { rand.Read(n.secret[:]) }) // never fails (crypto/rand)
	h := hmac.New(sha256.New, n.secret[:])
	h.Write(b)
	return h.Sum(nil)[:16]
}
