package webid

import (
	"encoding/json"
	"fmt"
	"time"
)

const (
	maxAgree      = 64 // agreement keys in a keys document
	maxKid        = 64 // bytes of an agreement key's name
	typeAgreement = "kith-keys+jwt"
)

// AgreementKey is a key by which a device can be sent sealed messages.
type AgreementKey struct {
	Kid    string    `json:"kid"`    // name, unique in its document
	Device string    `json:"device"` // did:key of the device that holds the secret half
	Key    Key       `json:"jwk"`
	Until  time.Time `json:"until"` // last moment at which somebody may seal to it
}

// KeysDocument is a person's agreement keys, signed by an admin device. The zero
// KeysDocument has none. (protocol §1.1)
type KeysDocument struct {
	Label  string         `json:"label"`
	Serial uint64         `json:"serial"` // rises with each document
	Agree  []AgreementKey `json:"agree"`

	text string
}

// Keys reads a keys document from its JWS. The verdict is malformed, wrong
// header, bad signature, wrong label when it is of another person than l, or
// not signed by an admin when l does not know the signer as an admin. Keys of
// devices that l does not name are left out: l is what revokes.
func (l DeviceList) Keys(jws string) (KeysDocument, error) {
	d, err := l.keys(jws)
	if err != nil {
		return KeysDocument{}, fmt.Errorf("parse keys document: %w", err)
	}
	return d, nil
}

func (l DeviceList) keys(jws string) (KeysDocument, error) {
	c, signer, err := openSigned(jws, typeAgreement, maxSigned)
	if err != nil {
		return KeysDocument{}, err
	}
	d := KeysDocument{Label: c.payload.text("label", 52), Serial: c.payload.number("serial", 1), text: jws}
	seen := map[string]bool{}
	for _, raw := range c.payload.list("agree", maxAgree) {
		a, err := readAgreementKey(raw)
		if err != nil || seen[a.Kid] {
			return KeysDocument{}, Malformed
		}
		seen[a.Kid] = true
		if l.Has(a.Device) {
			d.Agree = append(d.Agree, a)
		}
	}
	switch {
	case c.payload.err != nil:
		return KeysDocument{}, Malformed
	case d.Label != l.Label:
		return KeysDocument{}, wrongLabel
	case !l.Can(signer.String(), "admin"):
		return KeysDocument{}, notAdmin
	}
	return d, nil
}

func readAgreementKey(raw json.RawMessage) (AgreementKey, error) {
	m, err := parseMembers(raw)
	if err != nil {
		return AgreementKey{}, err
	}
	a := AgreementKey{Kid: m.text("kid", maxKid), Device: m.text("device", 64), Until: m.moment("until")}
	m.get("jwk", &a.Key)
	if _, err := ParseKey(a.Device); err != nil || a.Kid == "" {
		m.fail()
	}
	return a, m.err
}

// isFar reports whether nobody can have counted to the serial of d by now: it is more than 2^32 above the clock, in
// milliseconds since 1970. Honest ones are far below, and whoever signs the highest of a moment is outranked in the next.
func (d KeysDocument) isFar(now time.Time) bool {
	return d.Serial > uint64(max(now.UnixMilli(), 0))+maxLeap
}

// IsZero reports whether d has nothing.
func (d KeysDocument) IsZero() bool { return d.text == "" }

// String returns the JWS as it was read or signed, "" for the zero KeysDocument.
func (d KeysDocument) String() string { return d.text }

// Find returns the agreement key named kid.
func (d KeysDocument) Find(kid string) (AgreementKey, bool) {
	for _, a := range d.Agree {
		if a.Kid == kid {
			return a, true
		}
	}
	return AgreementKey{}, false
}

// Sign returns d signed by k, an admin device of l.
func (d KeysDocument) Sign(l DeviceList, k PrivateKey) (KeysDocument, error) {
	d.Agree = append([]AgreementKey{}, d.Agree...) // an array, never null
	text, err := k.sign(typeAgreement, "kid", k.Public().String(), d)
	if err != nil {
		return KeysDocument{}, fmt.Errorf("sign keys document: %w", err)
	}
	return l.Keys(text)
}
