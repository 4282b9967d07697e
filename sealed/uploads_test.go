package sealed

import (
	"testing"
	"time"
)

// TestAPartHoldsNoMessage: of a large message with one byte of a write in it, that byte is held.
func TestAPartHoldsNoMessage(t *testing.T) {
	var u uploads
	message := []byte("content and padding")
	u.add("key", part{0, 2}, message[:1], time.Now())
	message[0] = 'x'
	if held := u.open["key"].parts[0]; string(held) != "c" {
		t.Errorf("%q is part of the message", held)
	}
}
