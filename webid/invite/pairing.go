package invite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"kith/webid"
)

const (
	maxSecret = 256 // characters
	maxName   = 160 // bytes of a person's name
	maxCID    = 64  // characters
	maxPaired = 4 << 10
	maxVia    = 8 // relays
)

// Pairing is what a pairing link says: a pod waits for its owner, or, when
// Label is set, a person lets another of their devices in through the pod. The
// secret works once.
type Pairing struct {
	webid.Way
	Secret string // base64url of 16 bytes; of at least 16 for a further device
	Label  string // of the person, for a further device; else ""
	Name   string // of the person, to show before anything is sent; at most 160 bytes

	// Of a pod that a phone may not reach: relays by which it takes sealed requests,
	// at most 8, and the key that they are sealed to. Both or neither.
	Via []webid.Way
	Key webid.Key
}

// URL returns the link that opens the app at base, which ends in a slash. The
// error is ErrLink when ParsePairing would not read it.
func (p Pairing) URL(base string) (string, error) {
	if !p.valid() || p.Label == "" && p.Issuer != issuerOf(p.Pod) {
		return "", fmt.Errorf("make pairing link: %w", ErrLink)
	}
	if p.Label == "" {
		return base + "#pair=" + strict64.EncodeToString(p.bytes()), nil
	}
	content := map[string]any{"v": 1, "pod": p.Pod, "issuer": p.Issuer, "secret": p.Secret, "label": p.Label, "name": p.Name}
	if len(p.Via) > 0 {
		content["via"], content["ik"] = p.Via, p.Key.String()
	}
	text, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("make pairing link: %w: %w", ErrLink, err)
	}
	return base + "#device=" + strict64.EncodeToString(text), nil
}

// bytes returns what the link of a pod without an owner carries, which a terminal
// has to have room for as a QR code; p is valid:
//
//	0x01 | secret 16 | length 1, URL of the pod | count 1 ≤ 8
//	     | where there are relays: key 33 | each: send 24 | length 1, URL of the relay
func (p Pairing) bytes() []byte {
	secret, _ := strict64.DecodeString(p.Secret)
	b := append(append([]byte{1}, secret...), byte(len(p.Pod)))
	b = append(append(b, p.Pod...), byte(len(p.Via)))
	if len(p.Via) > 0 {
		b = append(b, p.Key.Point()...)
	}
	for _, w := range p.Via {
		send, _ := strict64.DecodeString(w.Send)
		b = append(append(append(b, send...), byte(len(w.Relay))), w.Relay...)
	}
	return b
}

// issuerOf returns the issuer of the server that has a pod: BASE/NAME/ without
// /NAME/.
func issuerOf(pod string) string {
	base, _ := strings.CutSuffix(pod, "/")
	return base[:max(strings.LastIndexByte(base, '/'), 0)]
}

// ParsePairing reads a pairing link of either kind. The error is ErrLink.
func ParsePairing(link string) (p Pairing, err error) {
	b, ok := fragment(link, "pair")
	if ok {
		p, ok = readPairing(b)
	} else if b, ok = fragment(link, "device"); ok {
		ok = p.readDevice(b) == nil && p.Label != ""
	}
	if !ok || len(link) > maxPaired || !p.valid() {
		return Pairing{}, fmt.Errorf("read pairing link: %w", ErrLink)
	}
	return p, nil
}

func readPairing(b []byte) (p Pairing, ok bool) {
	r := reader{rest: b, ok: true}
	version := r.number()
	p.Secret = strict64.EncodeToString(r.next(sizeSecret))
	p.Pod = r.text(maxURL)
	p.Issuer = issuerOf(p.Pod)
	count := r.number()
	if count > 0 && p.Key.UnmarshalBinary(r.next(sizePoint)) != nil {
		return p, false
	}
	for range min(count, maxVia) {
		send := strict64.EncodeToString(r.next(sizeSend))
		p.Via = append(p.Via, webid.Way{Relay: r.text(maxURL), Send: send})
	}
	return p, r.ok && len(r.rest) == 0 && version == 1 && count <= maxVia
}

func (p *Pairing) readDevice(text []byte) error {
	var version int
	err := decode(text, map[string]any{"v": &version, "pod": &p.Pod, "issuer": &p.Issuer, "secret": &p.Secret, "label": &p.Label, "name": &p.Name})
	if err == nil && version != 1 {
		err = webid.Malformed
	}
	if err != nil {
		return err
	}
	return p.readVia(text)
}

// readVia reads the two members that need not be there. Ways that lead to no
// relay are left out.
func (p *Pairing) readVia(text []byte) error {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return webid.Malformed
	}
	if members["via"] == nil {
		return nil
	}
	var via []json.RawMessage
	err := decode(text, map[string]any{"via": &via})
	if err != nil {
		return err
	}
	if p.Via, err = webid.ParseWays(via); err != nil {
		return err
	}
	p.Via = slices.DeleteFunc(p.Via, func(w webid.Way) bool { return w.Relay == "" })
	if len(p.Via) == 0 {
		p.Via = nil
		return nil
	}
	var key string
	if err := decode(text, map[string]any{"ik": &key}); err != nil {
		return err
	}
	p.Key, err = webid.ParseKey(key)
	return err
}

func (p Pairing) valid() bool {
	secret, err := strict64.DecodeString(p.Secret)
	if err != nil || strings.ContainsAny(p.Secret, "\r\n") || len(secret) < sizeSecret || len(p.Secret) > maxSecret {
		return false
	}
	if p.Label == "" && len(secret) != sizeSecret || len(p.Via) > maxVia {
		return false
	}
	return p.Pod != "" && p.Way.Valid() && shortWays([]webid.Way{p.Way}) && p.validVia() &&
		(p.Label == "" || validLabel(p.Label)) && len(p.Name) <= maxName
}

// validVia reports whether each way is a relay, and there is a key for them.
func (p Pairing) validVia() bool {
	return shortWays(p.Via) && (len(p.Via) == 0 || !p.Key.IsZero()) &&
		!slices.ContainsFunc(p.Via, func(w webid.Way) bool { return w.Relay == "" || !w.Valid() })
}

// shortWays reports whether the addresses are of a length that fits a link.
func shortWays(ways []webid.Way) bool {
	return !slices.ContainsFunc(ways, func(w webid.Way) bool {
		return len(w.Pod) > maxURL || len(w.Issuer) > maxURL || len(w.Relay) > maxURL-sizeSend
	})
}

// validLabel reports whether s is the one text of 32 bytes in base32.
func validLabel(s string) bool {
	b, err := label32.DecodeString(s)
	return err == nil && len(b) == 32 && label32.EncodeToString(b) == s
}
