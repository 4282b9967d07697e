package relay

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	kindMessage = 0x01
	kindReply   = 0x02
	messageHead = 1 + idSize + 16 + 1 + 8
	replyHead   = 1 + idSize
	flagWaits   = 1
)

var errFrame = errors.New("not a frame")

// id names a message, or a queue.
type id [idSize]byte

func (i id) String() string { return b64u(i[:]) }

// MarshalText implements encoding.TextMarshaler.
func (i id) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *id) UnmarshalText(text []byte) error {
	b, err := unb64u(string(text), idSize, idSize)
	if err != nil {
		return err
	}
	copy(i[:], b)
	return nil
}

// hash is SHA-256 of a token or of a send.
type hash [32]byte

// MarshalText implements encoding.TextMarshaler.
func (h hash) MarshalText() ([]byte, error) { return []byte(b64u(h[:])), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *hash) UnmarshalText(text []byte) error {
	b, err := unb64u(string(text), len(h), len(h))
	if err != nil {
		return err
	}
	copy(h[:], b)
	return nil
}

func b64u(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// unb64u reads base64url of least to most bytes, in its one spelling.
func unb64u(s string, least, most int) ([]byte, error) {
	if len(s) > base64.RawURLEncoding.EncodedLen(most) {
		return nil, fmt.Errorf("%w: too long", errFrame)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < least || b64u(b) != s {
		return nil, fmt.Errorf("%w: not base64url of %d to %d bytes", errFrame, least, most)
	}
	return b, nil
}

// sendMark is how a MSG frame names the send by which a message came.
type sendMark = [16]byte

// appendMessage appends a MSG frame.
func appendMessage(to []byte, i id, mark sendMark, waits bool, expires time.Time, body []byte) []byte {
	to = append(append(append(to, kindMessage), i[:]...), mark[:]...)
	var flags byte
	if waits {
		flags = flagWaits
	}
	to = binary.BigEndian.AppendUint64(append(to, flags), uint64(expires.Unix()))
	return append(to, body...)
}

// readMessage reads a MSG frame, whose body it shares.
func readMessage(frame []byte) (Message, error) {
	if len(frame) <= messageHead || len(frame) > messageHead+maxMessage || frame[0] != kindMessage {
		return Message{}, fmt.Errorf("read a message: %w", errFrame)
	}
	m := Message{Body: frame[messageHead:], ID: b64u(frame[1 : 1+idSize])}
	copy(m.Send[:], frame[1+idSize:])
	m.Waits = frame[messageHead-9]&flagWaits != 0
	seconds := binary.BigEndian.Uint64(frame[messageHead-8:])
	if seconds > 1<<40 {
		return Message{}, fmt.Errorf("read a message: %w: expires after all time", errFrame)
	}
	m.Expires = time.Unix(int64(seconds), 0)
	return m, nil
}

func appendReply(to []byte, i id, answer []byte) []byte {
	return append(append(append(to, kindReply), i[:]...), answer...)
}

// readReply reads a REPLY frame, whose answer it shares.
func readReply(frame []byte) (i id, answer []byte, err error) {
	if len(frame) <= replyHead || len(frame) > replyHead+maxMessage || frame[0] != kindReply {
		return id{}, nil, fmt.Errorf("read a reply: %w", errFrame)
	}
	copy(i[:], frame[1:])
	return i, frame[replyHead:], nil
}

// request is a text frame to the relay: exactly one of the operations is set.
type request struct {
	Sub     *id     `json:"sub,omitempty"`
	Token   string  `json:"token,omitempty"`
	Claim   *id     `json:"claim,omitempty"`
	Ack     *id     `json:"ack,omitempty"`
	Decline *id     `json:"decline,omitempty"`
	Release *id     `json:"release,omitempty"`
	Ping    *uint64 `json:"ping,omitempty"`

	Do     *uint64       `json:"do,omitempty"`
	Queue  *id           `json:"queue,omitempty"`
	Op     string        `json:"op,omitempty"`
	Hashes []hash        `json:"hashes,omitempty"`
	Push   *Subscription `json:"push,omitempty"`
}

// response is a text frame from the relay.
type response struct {
	Sub      *id     `json:"sub,omitempty"`
	Waiting  *int    `json:"waiting,omitempty"`
	Refused  *id     `json:"refused,omitempty"`
	Claimed  *id     `json:"claimed,omitempty"`
	Taken    *id     `json:"taken,omitempty"`
	Gone     *id     `json:"gone,omitempty"`
	Acked    *id     `json:"acked,omitempty"`
	Declined *id     `json:"declined,omitempty"`
	Released *id     `json:"released,omitempty"`
	Replied  *id     `json:"replied,omitempty"`
	Pong     *uint64 `json:"pong,omitempty"`
	Done     *uint64 `json:"done,omitempty"`
	Failed   *uint64 `json:"failed,omitempty"`
	Why      string  `json:"why,omitempty"`
}
