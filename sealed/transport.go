package sealed

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"kith/sealed/bhttp"
	"kith/webid"
)

const (
	maxContent  = 256 << 10 // bytes of the content of a request
	maxOwn      = 1 << 20   // the same for the owner's devices
	headerNonce = "Kith-Nonce"
)

// Carrier brings an envelope to where it is answered.
type Carrier interface {
	// Carry returns the answer to message, at most 1 MiB and 64 KiB. ErrQueued when
	// it was left for later, ErrDeclined when nobody there will answer it.
	Carry(ctx context.Context, message []byte) (answer []byte, err error)
}

// Transport asks one person, by sealed requests to their devices. It is an
// http.RoundTripper for the host <Label>.kith.invalid. Its fields are set before
// its first use.
type Transport struct {
	To      []webid.AgreementKey // of the devices that may answer, 1 to 8
	Label   string               // of the person
	From    *Sender              // nil: anonymous
	Reply   string               // where late answers go, RELAYs/<b64u send>; "": nowhere
	Carrier Carrier
	Now     func() time.Time
}

// RoundTrip asks r. Of its header only the fields that a sealed request may have
// go along, and Kith-Nonce and Kith-Expires where they are set (RFC 3339; else 14
// days ahead). A large representation is asked for in pieces as the body is read.
// The error wraps that of the Carrier, ErrAnswer, or ErrChanged. (protocol §5)
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	send := t.once
	if r.ContentLength > maxOwn {
		send = t.inParts
	}
	answer, err := send(r)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.URL.Path, err)
	}
	return t.whole(r, answer)
}

func (t *Transport) once(r *http.Request) (*http.Response, error) {
	message, pending, err := t.Seal(r)
	if err != nil {
		return nil, err
	}
	answer, err := t.Carrier.Carry(r.Context(), message)
	if err != nil {
		return nil, err
	}
	response, err := pending.Open(answer)
	if err == nil {
		response.Request = r
	}
	return response, err
}

// Pending is what an asker keeps until the answer comes: the secrets that open
// it. Its JSON is for the asker's own storage. The zero Pending opens nothing.
type Pending struct {
	id    replyID
	slots []slot
}

type pendingJSON struct {
	ID    b64    `json:"id"`
	Slots []slot `json:"slots"`
}

// MarshalJSON returns p as {"id", "slots": [{"device", "enc", "secret"}]}.
func (p Pending) MarshalJSON() ([]byte, error) {
	return json.Marshal(pendingJSON{p.id[:], p.slots})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Pending) UnmarshalJSON(text []byte) error {
	var j pendingJSON
	if err := json.Unmarshal(text, &j); err != nil || len(j.ID) != sizeID {
		return fmt.Errorf("read what is pending: %w", webid.Malformed)
	}
	*p = Pending{replyID(j.ID), j.Slots}
	return nil
}

// Seal returns r as an envelope, and what opens its answer.
// The body of r is closed.
func (t *Transport) Seal(r *http.Request) (message []byte, p Pending, err error) {
	q := bhttp.Request{Method: r.Method, Scheme: "https", Authority: t.Label + domain, Path: r.URL.RequestURI()}
	if q.Content, err = content(r); err != nil {
		return nil, Pending{}, fmt.Errorf("seal request: %w", err)
	}
	if r.URL.Host != q.Authority {
		return nil, Pending{}, fmt.Errorf("seal request for %s: %w", r.URL.Host, misdirected)
	}
	s, err := t.stamp(r.Header)
	if err != nil {
		return nil, Pending{}, fmt.Errorf("seal request: %w", err)
	}
	q.Header = append(s.fields(), linesOf(r.Header, isTaken)...)
	message, p.slots, err = seal(q.Append(nil), t.To, t.From)
	if err != nil {
		return nil, Pending{}, fmt.Errorf("seal request: %w", err)
	}
	p.id = s.id
	return message, p, nil
}

func (t *Transport) stamp(h http.Header) (stamp, error) {
	now := t.Now().UTC().Truncate(time.Second)
	s := stamp{created: now, expires: now.Add(maxLife), reply: t.Reply}
	if t.From != nil {
		s.label, s.kid = t.From.Label, t.From.KID
	}
	rand.Read(s.nonce[:]) // never fails (crypto/rand)
	if t.Reply != "" {
		rand.Read(s.id[:])
	}
	if text := h.Get(headerNonce); text != "" && !into(s.nonce[:], text) {
		return stamp{}, fmt.Errorf("%s: %w", headerNonce, webid.Malformed)
	}
	if text := h.Get("Kith-Expires"); text != "" {
		var err error
		if s.expires, err = moment(text); err != nil {
			return stamp{}, fmt.Errorf("Kith-Expires: %w", webid.Malformed)
		}
	}
	return s, nil
}

// content reads the body of a request, which is closed then.
func content(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxOwn+1))
	if closed := r.Body.Close(); err == nil {
		err = closed
	}
	if err == nil && len(body) > maxOwn {
		err = oversize
	}
	return body, err
}

// Open returns the response in an answer. The device that gave it is in the
// header Kith-By. The error is ErrAnswer.
func (p Pending) Open(answer []byte) (*http.Response, error) {
	inner, device, err := openAnswer(p.id, p.slots, answer)
	if err != nil {
		return nil, fmt.Errorf("open answer: %w", err)
	}
	a, err := bhttp.ParseResponse(inner)
	if err != nil {
		return nil, fmt.Errorf("open answer: %w: %w", ErrAnswer, err)
	}
	h := headerOf(a.Header, isSent)
	if device != "" && !slices.Equal(h["Kith-By"], []string{device}) {
		return nil, fmt.Errorf("open answer of %s: %w", device, ErrAnswer)
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(bytes.NewReader(a.Content)), ContentLength: int64(len(a.Content)),
	}, nil
}
