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
)

// Pairing is what a pairing link says: a pod waits for its owner, or, when
// Label is set, a person lets another of their devices in through the pod. The
// secret works once.
type Pairing struct {
	webid.Way
	Secret string // base64url of at least 16 bytes
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
	content := map[string]any{"v": 1, "pod": p.Pod, "issuer": p.Issuer, "secret": p.Secret}
	mark := "#pair="
	if p.Label != "" {
		mark = "#device="
		content["label"], content["name"] = p.Label, p.Name
	}
	if len(p.Via) > 0 {
		content["via"], content["ik"] = p.Via, p.Key.String()
	}
	text, err := json.Marshal(content)
	if err != nil || !p.valid() {
		return "", fmt.Errorf("make pairing link: %w", ErrLink)
	}
	return base + mark + strict64.EncodeToString(text), nil
}

// ParsePairing reads a pairing link of either kind. The error is ErrLink.
func ParsePairing(link string) (Pairing, error) {
	if len(link) > maxPaired {
		return Pairing{}, fmt.Errorf("read pairing link: %w", ErrLink)
	}
	var p Pairing
	var version int
	wanted := map[string]any{"v": &version, "pod": &p.Pod, "issuer": &p.Issuer, "secret": &p.Secret}
	text, ok := fragment(link, "pair")
	if !ok {
		text, ok = fragment(link, "device")
		wanted["label"], wanted["name"] = &p.Label, &p.Name
	}
	if !ok || decode(text, wanted) != nil || version != 1 || p.readVia(text) != nil || !p.valid() || (len(wanted) > 4) != (p.Label != "") {
		return Pairing{}, fmt.Errorf("read pairing link: %w", ErrLink)
	}
	return p, nil
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
