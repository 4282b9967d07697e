package sealed

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// HTTPS carries envelopes to the address of a pod that can be reached.
type HTTPS struct {
	URL    string // <pod>.sealed
	Client *http.Client
}

// Carry posts message. ErrDeclined is the pod's 404.
func (c HTTPS) Carry(ctx context.Context, message []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(message))
	if err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	response, err := c.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("carry: %w", ErrDeclined)
	default:
		return nil, fmt.Errorf("carry: answered %d", response.StatusCode)
	}
	answer := bytes.NewBuffer(make([]byte, 0, min(max(response.ContentLength, 0), maxMessage)+bytes.MinRead))
	if _, err := answer.ReadFrom(io.LimitReader(response.Body, maxMessage+1)); err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	return answer.Bytes(), nil
}
