package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
)

// cursorKey returns what tells the key of this pod's cursors. One pod's is of no
// use for another's.
func (h *home) cursorKey(own []byte) func(context.Context) ([]byte, error) {
	mac := hmac.New(sha256.New, own)
	mac.Write([]byte("kith cursor 1\n" + h.url))
	key := mac.Sum(nil)
	return func(context.Context) ([]byte, error) { return key, nil }
}
