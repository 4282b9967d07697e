package invite

import (
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"kith/webid"
)

// ErrLink is returned for a link that is none, damaged, or of a newer version.
var ErrLink = errors.New("not a link of this kind")

const (
	maxLink    = 400 // characters of an invite link
	maxLinked  = 24  // bytes of the inviter's name in it
	maxWays    = 3
	maxURL     = 255 // bytes
	sizeSecret = 16
	sizeID     = 16
	sizePoint  = 33
	sizeSend   = 24
	wayPod     = 1
	wayRelay   = 2
)

// Link is what an invite link says. Who has it can accept the invite.
type Link struct {
	Label  string    // of the inviter
	Key    webid.Key // one-use key that the acceptance is sealed to
	Secret []byte    // 16 bytes
	ID     []byte    // 16 bytes; names the invite at its acceptor
	Name   string    // of the inviter, at most 24 bytes

	// Where the acceptance may be sent, at most 3 in all.
	Pods   []string    // URLs of pods
	Relays []webid.Way // queues at relays
}

var (
	strict64 = base64.RawURLEncoding.Strict()
	label32  = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// URL returns the link that opens the app at base, which ends in a slash. The
// error is ErrLink when a part has the wrong size or the link would have more
// than 400 characters.
func (l Link) URL(base string) (string, error) {
	label, err := label32.DecodeString(l.Label)
	if err != nil || len(label) != 32 || l.Key.IsZero() || len(l.Secret) != sizeSecret || len(l.ID) != sizeID ||
		len(l.Name) > maxLinked || !utf8.ValidString(l.Name) || len(l.Pods)+len(l.Relays) > maxWays {
		return "", fmt.Errorf("make invite link: %w: a part has the wrong size", ErrLink)
	}
	b := append([]byte{1}, label...)
	b = append(append(append(b, l.Key.Point()...), l.Secret...), l.ID...)
	b = append(append(b, byte(len(l.Name))), l.Name...)
	ways, err := l.ways()
	if err != nil {
		return "", fmt.Errorf("make invite link: %w", err)
	}
	b = append(append(b, byte(len(l.Pods)+len(l.Relays))), ways...)
	link := base + "#i=" + strict64.EncodeToString(b)
	if len(link) > maxLink {
		return "", fmt.Errorf("make invite link: %w: %d characters, at most %d", ErrLink, len(link), maxLink)
	}
	return link, nil
}

// ways returns the bytes of the ways, the pods first.
func (l Link) ways() (b []byte, err error) {
	for _, pod := range l.Pods {
		if !podURL(pod) {
			return nil, fmt.Errorf("%w: %q is no URL of a pod", ErrLink, pod)
		}
		b = append(append(b, wayPod, byte(len(pod))), pod...)
	}
	for _, w := range l.Relays {
		send, err := strict64.DecodeString(w.Send)
		if err != nil || w.Relay == "" || !w.Valid() || sizeSend+len(w.Relay) > maxURL {
			return nil, fmt.Errorf("%w: %q is no way to a relay", ErrLink, w.Relay)
		}
		b = append(append(append(b, wayRelay, byte(sizeSend+len(w.Relay))), send...), w.Relay...)
	}
	return b, nil
}

// podURL reports whether s can be a pod's URL.
func podURL(s string) bool {
	return len(s) <= maxURL && webid.Way{Pod: s, Issuer: "https://host.invalid"}.Valid()
}

// ParseLink reads an invite link, with or without space around it. Ways of
// kinds that came later are left out. The error is ErrLink.
func ParseLink(link string) (Link, error) {
	b, ok := fragment(link, "i")
	r := reader{rest: b, ok: ok && len(strings.TrimSpace(link)) <= maxLink}
	version := r.number()
	l := Link{Label: label32.EncodeToString(r.next(32))}
	point := r.next(sizePoint)
	l.Secret, l.ID = r.next(sizeSecret), r.next(sizeID)
	l.Name = r.text(maxLinked)
	count := r.number()
	for range min(count, maxWays) {
		kind, way := r.number(), r.next(r.number())
		switch kind {
		case wayPod:
			l.Pods = append(l.Pods, string(way))
			r.ok = r.ok && podURL(string(way))
		case wayRelay:
			w, ok := relayWay(way)
			l.Relays = append(l.Relays, w)
			r.ok = r.ok && ok
		}
	}
	if !r.ok || len(r.rest) > 0 || version != 1 || count > maxWays {
		return Link{}, fmt.Errorf("read invite link: %w", ErrLink)
	}
	if err := l.Key.UnmarshalBinary(point); err != nil {
		return Link{}, fmt.Errorf("read invite link: %w: %w", ErrLink, err)
	}
	return l, nil
}

// relayWay reads a way of the second kind: a send id and the relay's URL.
func relayWay(b []byte) (webid.Way, bool) {
	if len(b) <= sizeSend {
		return webid.Way{}, false
	}
	w := webid.Way{Relay: string(b[sizeSend:]), Send: strict64.EncodeToString(b[:sizeSend])}
	return w, utf8.Valid(b[sizeSend:]) && w.Valid()
}

// fragment returns the bytes that a link carries under mark.
func fragment(link, mark string) ([]byte, bool) {
	_, text, ok := strings.Cut(strings.TrimSpace(link), "#"+mark+"=")
	if !ok || strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	b, err := strict64.DecodeString(text)
	return b, err == nil
}

// reader takes bytes from the front of rest. It is not ok once they ran out;
// what it returns after that has the size asked for and no meaning.
type reader struct {
	rest []byte
	ok   bool
}

func (r *reader) next(size int) []byte {
	if len(r.rest) < size {
		r.ok, r.rest = false, nil
		return make([]byte, size)
	}
	b := r.rest[:size:size]
	r.rest = r.rest[size:]
	return b
}

func (r *reader) number() int { return int(r.next(1)[0]) }

// text returns a counted text of at most most bytes.
func (r *reader) text(most int) string {
	size := r.number()
	if size > most {
		r.ok = false
		return ""
	}
	b := r.next(size)
	if !utf8.Valid(b) {
		r.ok = false
	}
	return string(b)
}
