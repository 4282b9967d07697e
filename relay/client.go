package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrUnknown is returned for a send that leads to no queue here, and for a cancel token of
	// nothing that waits (404).
	ErrUnknown = errors.New("no such send id at this relay")
	// ErrTooLarge is returned for a message beyond what a relay takes (413).
	ErrTooLarge = errors.New("message too large for a relay")
	// ErrBusy is returned when the relay asks for patience (429, 503).
	ErrBusy = errors.New("relay is busy")
	// ErrFull is returned when the queue or the relay has no room (507).
	ErrFull = errors.New("relay is full")
	// ErrRefused is returned when the relay does not accept a token, an invite or an operation.
	ErrRefused = errors.New("relay refuses")
	// ErrTaken is returned by Claim when another device has the message.
	ErrTaken = errors.New("another device has this message")
	// ErrGone is returned for a message that is not in the queue, and by Reply when nobody waits.
	ErrGone = errors.New("nobody waits for this message")
)

// requestTime bounds one request: a wait at two relays, and a large message over a slow line.
const requestTime = 3 * time.Minute

// Client speaks to relays for one person. Its methods may be called at the same time.
type Client struct {
	HTTP *http.Client // nil is http.DefaultClient; a Timeout has to leave room for waits of 25 s
	Via  string       // RELAY that forwards what is posted and cancelled; "" goes straight

	keys  sync.Map     // RELAY -> []byte, the keys of relays behind Via
	known atomic.Int32 // how many were added since all were forgotten
}

// Description is what a relay tells of itself at /.well-known/kith-relay.
type Description struct {
	Relay     int    `json:"relay"`   // version: 1
	Key       []byte `json:"-"`       // HPKE key of the outer hop, a P-256 point of 65 bytes
	Queues    string `json:"queues"`  // "open", "work" or "invite"
	Bits      int    `json:"bits"`    // how much work a queue costs
	Challenge []byte `json:"-"`       // for the work; good for ten minutes, once
	App       bool   `json:"app"`     // the app is served at the same origin
	Message   int    `json:"message"` // bytes that a message may have
	TTL       int    `json:"ttl"`     // seconds that a message waits
}

// Receipt is what became of a message: an answer, or a token that cancels it.
type Receipt struct {
	Answer []byte // not nil: who answers was awake
	Cancel string // else: the message waits at the relay
}

// Describe asks a relay what it is.
func (c *Client) Describe(ctx context.Context, relay string) (Description, error) {
	status, body, err := c.do(ctx, "GET", relay+".well-known/kith-relay", nil, nil, 16<<10)
	if err == nil {
		err = refusal(status)
	}
	if err != nil {
		return Description{}, fmt.Errorf("describe a relay: %w", err)
	}
	var d struct {
		Description
		Key64       string `json:"key"`
		Challenge64 string `json:"challenge"`
	}
	if err := json.Unmarshal(body, &d); err != nil || d.Relay != 1 {
		return Description{}, errors.New("describe a relay: this is none")
	}
	if d.Key, err = unb64u(d.Key64, encSize, encSize); err == nil {
		d.Challenge, err = unb64u(d.Challenge64, 1, 256)
	}
	if err != nil {
		return Description{}, fmt.Errorf("describe a relay: %w", err)
	}
	return d.Description, nil
}

// NewQueue makes a queue that the tokens read, and returns its name. It does the work that the relay
// asks for, or shows the operator's invite. Errors: ErrRefused, ErrBusy, ErrFull.
func (c *Client) NewQueue(ctx context.Context, relay, invite string, tokens ...[]byte) (string, error) {
	body := newQueue{Invite: invite}
	for _, t := range tokens {
		body.Tokens = append(body.Tokens, sha256.Sum256(t))
	}
	d, err := c.Describe(ctx, relay)
	if err != nil {
		return "", err
	}
	if d.Queues == "work" && invite == "" {
		if body.Work, err = solve(ctx, d.Challenge, d.Bits); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("make a queue: %w", err)
	}
	status, answer, err := c.do(ctx, "POST", relay+"q", text, http.Header{"Content-Type": {"application/json"}}, 4<<10)
	if err == nil && status != http.StatusCreated {
		err = refusal(status)
	}
	if err != nil {
		return "", fmt.Errorf("make a queue: %w", err)
	}
	var made struct{ Queue id }
	if err := json.Unmarshal(answer, &made); err != nil {
		return "", fmt.Errorf("make a queue: %w", err)
	}
	return made.Queue.String(), nil
}

// newQueue is the body of POST /q.
type newQueue struct {
	Tokens []hash `json:"tokens"`
	Work   *work  `json:"work,omitempty"`
	Invite string `json:"invite,omitempty"`
}

// work shows that somebody spent time for a queue.
type work struct {
	Challenge string `json:"challenge"`
	Nonce     string `json:"nonce"`
}

// solve finds the nonce for a challenge.
func solve(ctx context.Context, challenge []byte, bits int) (*work, error) {
	if bits > 28 {
		return nil, fmt.Errorf("make a queue: %w: %d bits of work are too many", ErrRefused, bits)
	}
	text := append(append([]byte{}, challenge...), make([]byte, 8)...)
	nonce := text[len(challenge):]
	for n := uint64(0); ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("make a queue: %w", ctx.Err())
		}
		binary.BigEndian.PutUint64(nonce, n)
		if zeros(sha256.Sum256(text)) >= bits {
			return &work{Challenge: b64u(challenge), Nonce: b64u(nonce)}, nil
		}
	}
}

// zeros counts the zero bits at the front of h.
func zeros(h [32]byte) int {
	n := 0
	for _, b := range h {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return n
}

// Post leaves a message by a send id of 24 bytes. It waits, up to 25 s, for the answer of somebody
// who is awake; otherwise the message is on the relay's disk when Post returns, which says nothing
// of when it is read. Errors: ErrUnknown, ErrTooLarge, ErrBusy, ErrFull.
func (c *Client) Post(ctx context.Context, relay string, send, message []byte, wait time.Duration) (Receipt, error) {
	seconds := int(min(max(wait, 0), maxWait) / time.Second)
	status, body, err := c.ask(ctx, relay, hop{send: send, wait: byte(seconds), message: message})
	if err != nil {
		return Receipt{}, fmt.Errorf("post to a relay: %w", err)
	}
	switch status {
	case http.StatusOK:
		return Receipt{Answer: body}, nil
	case http.StatusAccepted:
		var waits struct{ Cancel string }
		if err := json.Unmarshal(body, &waits); err != nil || waits.Cancel == "" || len(waits.Cancel) > maxCancel {
			return Receipt{}, errors.New("post to a relay: the receipt makes no sense")
		}
		return Receipt{Cancel: waits.Cancel}, nil
	}
	return Receipt{}, fmt.Errorf("post to a relay: %w", refusal(status))
}

// Cancel erases a message that waits at a relay. Errors: ErrUnknown, when it does not wait there.
func (c *Client) Cancel(ctx context.Context, relay string, send []byte, cancel string) error {
	status, _, err := c.ask(ctx, relay, hop{send: send, wait: hopCancel, message: []byte(cancel)})
	if err == nil {
		err = refusal(status)
	}
	if err != nil {
		return fmt.Errorf("cancel at a relay: %w", err)
	}
	return nil
}

// ask sends h to relay, straight or through c.Via.
func (c *Client) ask(ctx context.Context, relay string, h hop) (status int, body []byte, err error) {
	switch {
	case len(h.send) != sendSize:
		return 0, nil, ErrUnknown
	case len(h.message) > maxMessage:
		return 0, nil, ErrTooLarge
	case c.Via != "" && c.Via != relay:
		return c.forwarded(ctx, relay, h)
	}
	url := relay + "s/" + b64u(h.send)
	if h.wait == hopCancel {
		return c.do(ctx, "DELETE", url, nil, http.Header{"Kith-Cancel": {string(h.message)}}, maxMessage)
	}
	return c.do(ctx, "POST", url+"?wait="+strconv.Itoa(int(h.wait)), h.message, octets(), maxMessage)
}

// forwarded is ask by the outer hop.
func (c *Client) forwarded(ctx context.Context, relay string, h hop) (int, []byte, error) {
	point, err := c.key(ctx, relay)
	if err != nil {
		return 0, nil, err
	}
	body, key, err := sealHop(point, h)
	if err != nil {
		return 0, nil, err
	}
	header := octets()
	header.Set("Kith-Forward", relay)
	status, sealed, err := c.do(ctx, "POST", c.Via+"f", body, header, maxHopAnswer)
	if err != nil {
		return 0, nil, err
	}
	if status != http.StatusOK {
		c.keys.Delete(relay) // which it may have lost, with its disk
		return status, nil, nil
	}
	return openHopAnswer(key, sealed)
}

// key returns the key of a relay, asked of itself and remembered: a question before each message
// would tell it when its askers are awake.
func (c *Client) key(ctx context.Context, relay string) ([]byte, error) {
	if point, ok := c.keys.Load(relay); ok {
		return point.([]byte), nil
	}
	d, err := c.Describe(ctx, relay)
	if err != nil {
		return nil, err
	}
	if c.known.Add(1) > maxKeys { // friends name as many relays as they like
		c.keys.Clear()
		c.known.Store(1)
	}
	c.keys.Store(relay, d.Key)
	return d.Key, nil
}

func octets() http.Header { return http.Header{"Content-Type": {"application/octet-stream"}} }

// do makes one request and reads at most `most` bytes of its answer.
func (c *Client) do(ctx context.Context, method, url string, body []byte, header http.Header, most int) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if header != nil {
		r.Header = header
	}
	answer, err := c.http().Do(r)
	if err != nil {
		return 0, nil, bare(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, int64(most)+1))
	if err != nil {
		return 0, nil, bare(err)
	}
	if len(text) > most {
		return 0, nil, errors.New("answer too large")
	}
	return answer.StatusCode, text, nil
}

func (c *Client) http() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}

// bare takes the URL out of an error of net/http: it holds a send id.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// refusal returns the error that belongs to a status, nil for success.
func refusal(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusNotFound:
		return ErrUnknown
	case status == http.StatusRequestEntityTooLarge:
		return ErrTooLarge
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return ErrBusy
	case status == http.StatusInsufficientStorage:
		return ErrFull
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return ErrRefused
	}
	return errors.New("status " + strconv.Itoa(status))
}
