package sealed

import (
	"context"
	"fmt"
	"time"

	"kith/relay"
)

// Mailbox carries envelopes to a queue of a relay.
type Mailbox struct {
	Client *relay.Client
	Relay  string        // its address, with a last slash
	Send   []byte        // send id, 24 bytes
	Wait   time.Duration // for an answer, at most 25 s; 0: not at all
}

// Carry leaves message in the queue. ErrQueued when nobody answered while it
// waited; other errors are those of relay.Client.Post.
func (c Mailbox) Carry(ctx context.Context, message []byte) ([]byte, error) {
	receipt, err := c.Client.Post(ctx, c.Relay, c.Send, message, c.Wait)
	if err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	if receipt.Answer == nil {
		return nil, fmt.Errorf("carry: %w", ErrQueued)
	}
	return receipt.Answer, nil
}
