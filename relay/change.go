package relay

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
)

// AddSends lets who knows one of the sends, of 24 bytes each, leave messages in a queue. Adding again
// changes nothing. Errors: ErrRefused, when there are too many, or one belongs to another queue.
func (m *Mailbox) AddSends(ctx context.Context, queue string, sends ...[]byte) error {
	return m.change(ctx, queue, "send.add", sends)
}

// RemoveSends ends what AddSends began, and erases what waits by those sends.
func (m *Mailbox) RemoveSends(ctx context.Context, queue string, sends ...[]byte) error {
	return m.change(ctx, queue, "send.remove", sends)
}

// AddTokens lets more devices read a queue.
func (m *Mailbox) AddTokens(ctx context.Context, queue string, tokens ...[]byte) error {
	return m.change(ctx, queue, "token.add", tokens)
}

// RemoveTokens takes a queue from devices, at once.
func (m *Mailbox) RemoveTokens(ctx context.Context, queue string, tokens ...[]byte) error {
	return m.change(ctx, queue, "token.remove", tokens)
}

// change sends secrets as hashes, as many at a time as a relay takes.
func (m *Mailbox) change(ctx context.Context, queue, op string, secrets [][]byte) error {
	for part := range slices.Chunk(secrets, maxHashes) {
		q := request{Op: op}
		for _, s := range part {
			q.Hashes = append(q.Hashes, sha256.Sum256(s))
		}
		if err := m.do(ctx, queue, q); err != nil {
			return err
		}
	}
	return nil
}

// do makes one change to a queue.
func (m *Mailbox) do(ctx context.Context, queue string, q request) error {
	var name id
	if err := name.UnmarshalText([]byte(queue)); err != nil {
		return fmt.Errorf("queue %q: %w", queue, err)
	}
	q.Queue, q.Do = &name, new(uint64)
	r, err := m.call(ctx, q.Op, q)
	switch {
	case err != nil:
		return err
	case r.Done == nil:
		return fmt.Errorf("%s: %w: %s", q.Op, ErrRefused, r.Why)
	}
	return nil
}
