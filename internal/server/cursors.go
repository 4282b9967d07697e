package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
)

// cursorKey returns what tells the key of this pod's cursors: the one that the
// owner's other responders derive too, or, where there are none, one of this
// server's. One pod's is of no use for another's.
func (h *home) cursorKey(own []byte) func(context.Context) ([]byte, error) {
	mac := hmac.New(sha256.New, own)
	mac.Write([]byte("kith cursor 1\n" + h.url))
	key := mac.Sum(nil)
	return func(ctx context.Context) ([]byte, error) {
		set, err := h.relays(ctx)
		if err != nil || set.Secret == (secret{}) {
			return key, err
		}
		return set.Secret.cursorKey(), nil
	}
}
