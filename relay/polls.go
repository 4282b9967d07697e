package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// pollBytes bounds what one poll brings: a window, and a frame's head for each message of it.
const pollBytes = windowBytes + maxMessage + windowMessages*(4+messageHead)

// polls is a link by plain requests, for networks that let no WebSocket pass.
type polls struct {
	m *Mailbox

	mu   sync.Mutex
	from map[id]Box // where messages came from that have not been acknowledged
}

func newPolls(m *Mailbox) *polls { return &polls{m: m, from: map[id]Box{}} }

// try reports whether the relay answers, by one poll of each box that does not wait.
func (p *polls) try(ctx context.Context) error {
	for _, b := range p.m.boxes {
		if err := p.poll(ctx, b, 0); err != nil && !errors.Is(err, ErrRefused) {
			return err
		}
	}
	return nil
}

// follow polls every box until one fails, or until it is time to try a WebSocket again.
func (p *polls) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollingTime)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	failed := make(chan error, len(p.m.boxes))
	for _, b := range p.m.boxes {
		all.Go(func() { failed <- p.keep(ctx, b) })
	}
	refused := 0
	for err := range failed {
		if !errors.Is(err, ErrRefused) {
			return err
		}
		if refused++; refused == len(p.m.boxes) {
			return err
		}
	}
	return nil
}

// keep polls one box until that fails. A relay that answers at once with nothing is not asked at once again.
func (p *polls) keep(ctx context.Context, b Box) error {
	for {
		began := time.Now()
		if err := p.poll(ctx, b, maxWait); err != nil {
			return err
		}
		if time.Since(began) < time.Second {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (p *polls) poll(ctx context.Context, b Box, wait time.Duration) error {
	url := p.m.relay + "q/" + b.Queue + "?wait=" + strconv.Itoa(int(wait/time.Second))
	status, body, err := p.m.client.do(ctx, "GET", url, nil, bearer(b), pollBytes)
	if err != nil {
		return err
	}
	if err := refusal(status); err != nil {
		if errors.Is(err, ErrRefused) {
			p.refuse(b)
		}
		return err
	}
	return p.read(b, body)
}

func (p *polls) refuse(b Box) {
	var queue id
	if queue.UnmarshalText([]byte(b.Queue)) == nil {
		p.m.refuse(queue)
	}
}

// read takes the frames of one poll.
func (p *polls) read(b Box, body []byte) error {
	r := bytes.NewReader(body)
	for {
		frame, err := readSized(r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		message, err := readMessage(frame)
		if err != nil {
			return err
		}
		p.remember(message, b)
		if err := p.m.put(message); err != nil {
			return err
		}
	}
}

// readSized reads one frame behind its length; io.EOF at the end.
func readSized(r *bytes.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if uint64(size) > uint64(r.Len()) {
		return nil, fmt.Errorf("read a poll: %w", errFrame)
	}
	frame := make([]byte, size)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func (p *polls) remember(message Message, b Box) {
	i, err := readID(message.ID)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.from) >= queueMessages {
		clear(p.from)
	}
	p.from[i] = b
}

// where returns the box that an operation goes to: that of its message, or of its queue.
func (p *polls) where(q request) (Box, bool) {
	for _, b := range p.m.boxes {
		if q.Queue != nil && q.Queue.String() == b.Queue {
			return b, true
		}
	}
	for _, i := range []*id{q.Claim, q.Ack, q.Decline, q.Release} {
		if i != nil {
			return p.whence(*i)
		}
	}
	return Box{}, false
}

func (p *polls) whence(i id) (Box, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.from[i]
	if !ok && len(p.m.boxes) == 1 {
		return p.m.boxes[0], true
	}
	return b, ok
}

func (p *polls) call(ctx context.Context, q request) (response, error) {
	b, ok := p.where(q)
	if !ok {
		return response{}, ErrGone
	}
	text, err := json.Marshal(q)
	if err != nil {
		return response{}, err
	}
	header := bearer(b)
	header.Set("Content-Type", "application/json")
	return p.post(ctx, b, text, header)
}

func (p *polls) reply(ctx context.Context, i id, answer []byte) (response, error) {
	b, ok := p.whence(i)
	if !ok {
		return response{}, ErrGone
	}
	header := bearer(b)
	header.Set("Content-Type", "application/octet-stream")
	return p.post(ctx, b, appendReply(nil, i, answer), header)
}

func (p *polls) post(ctx context.Context, b Box, body []byte, header http.Header) (response, error) {
	status, text, err := p.m.client.do(ctx, "POST", p.m.relay+"q/"+b.Queue, body, header, maxText)
	if err == nil {
		err = refusal(status)
	}
	if err != nil {
		return response{}, err
	}
	var r response
	if err := json.Unmarshal(text, &r); err != nil {
		return response{}, fmt.Errorf("read a response: %w", err)
	}
	return r, nil
}

func bearer(b Box) http.Header { return http.Header{"Authorization": {"Bearer " + b64u(b.Token)}} }
