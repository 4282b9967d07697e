package webid

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	maxDevices = 16
	maxName    = 64 // bytes of a device's name
)

// Device is one of a person's devices as a device list names it.
type Device struct {
	Kid  string   `json:"kid"`  // did:key of its signing key
	Name string   `json:"name"` // as its owner calls it, at most 64 bytes
	May  []string `json:"may"`  // of answer, accept, post, admin
}

// DeviceList says which devices speak for a person, and carries the chain of
// lists that shows why. It is written by ParseDeviceList or Sign only as a whole;
// the zero DeviceList names nobody. (protocol §1.1)
type DeviceList struct {
	Label   string   `json:"label"`  // permanent name of the person: the label of Person
	Gen     uint64   `json:"gen"`    // raised by the person key only
	Epoch   uint64   `json:"epoch"`  // raised by an admin device
	Prev    string   `json:"prev"`   // base64url SHA-256 of the list before, "" for the first
	Person  string   `json:"person"` // did:key of the person key
	Devices []Device `json:"devices"`

	text   string // the chain, this list first
	signer string // did:key of who signed this list
}

const typeDevices = "kith-devices+jwt"

// ParseDeviceList reads a device list from its chain: the list and all those
// before it, each a JWS, joined by "~", down to the one by which the person key
// opened the generation. It verifies every signature and that each list was
// signed by an admin device of the one before. The verdict is one of malformed,
// wrong header, bad signature, wrong label, not signed by an admin, no chain,
// broken chain.
func ParseDeviceList(chain string) (DeviceList, error) {
	l, err := DeviceList{}.read(chain)
	if err != nil {
		return DeviceList{}, fmt.Errorf("parse device list: %w", err)
	}
	return l, nil
}

func readDeviceList(m *members) DeviceList {
	l := DeviceList{
		Label:  m.text("label", 52),
		Gen:    m.number("gen", 1),
		Epoch:  m.number("epoch", 1),
		Prev:   m.text("prev", 43),
		Person: m.text("person", 64),
	}
	for _, raw := range m.list("devices", maxDevices) {
		d, err := readDevice(raw)
		if err != nil || l.Has(d.Kid) {
			m.fail()
			break
		}
		l.Devices = append(l.Devices, d)
	}
	return l
}

// ordered reports whether the place of l in the order of lists is well formed:
// only a list that opens a generation may be without a predecessor, and the
// very first must be.
func (l DeviceList) ordered() bool {
	if l.Prev == "" {
		return l.Epoch == 1
	}
	b, ok := decode64(l.Prev)
	return ok && len(b) == 32 && (l.Gen > 1 || l.Epoch > 1)
}

func readDevice(raw json.RawMessage) (Device, error) {
	m, err := parseMembers(raw)
	if err != nil {
		return Device{}, err
	}
	d := Device{Kid: m.text("kid", 64), Name: m.text("name", maxName), May: []string{}}
	if _, err := ParseKey(d.Kid); err != nil || strings.ContainsFunc(d.Name, unicode.IsControl) {
		return Device{}, Malformed
	}
	for _, r := range m.list("may", 4) {
		var right string
		if json.Unmarshal(r, &right) != nil || !slices.Contains(rights, right) || slices.Contains(d.May, right) {
			return Device{}, Malformed
		}
		d.May = append(d.May, right)
	}
	return d, m.err
}

// rights are what a device may do for its person (protocol §1.1).
var rights = []string{"answer", "accept", "post", "admin"}

// Accept returns the list that holds after next, a chain as ParseDeviceList
// reads it, was shown to somebody who has pinned l: next when it is newer, or l
// when both are the same list. A newer list is one that follows l in its chain,
// or one of a higher generation. The zero DeviceList accepts any list of anybody:
// that is the first sight.
//
// Besides the verdicts of ParseDeviceList it gives wrong label, stale, and same
// epoch, different list when the chain passes by l.
func (l DeviceList) Accept(next string) (DeviceList, error) {
	n, err := l.read(next)
	if err == nil {
		n, err = l.accept(n)
	}
	if err != nil {
		return DeviceList{}, fmt.Errorf("accept device list: %w", err)
	}
	return n, nil
}

func (l DeviceList) accept(n DeviceList) (DeviceList, error) {
	switch {
	case l.IsZero():
		return n, nil
	case n.Label != l.Label:
		return DeviceList{}, wrongLabel
	case n.Gen > l.Gen:
		return n, nil
	case n.Gen < l.Gen:
		return DeviceList{}, stale
	case n.Epoch == l.Epoch && n.reaches(l):
		return l, nil
	case n.reaches(l):
		return n, nil
	case l.reaches(n):
		return DeviceList{}, stale
	}
	return DeviceList{}, forked
}

// IsZero reports whether l names nobody.
func (l DeviceList) IsZero() bool { return l.text == "" }

// String returns the chain as it was read or signed, "" for the zero DeviceList.
func (l DeviceList) String() string { return l.text }

// Hash returns what the Prev of the next list is: base64url SHA-256 of the
// newest JWS.
func (l DeviceList) Hash() string { return hash64([]byte(l.newest())) }

// Has reports whether kid, a did:key, is one of the devices.
func (l DeviceList) Has(kid string) bool {
	return slices.ContainsFunc(l.Devices, func(d Device) bool { return d.Kid == kid })
}

// Can reports whether the device kid has the right named, for example "admin".
func (l DeviceList) Can(kid, right string) bool {
	return slices.ContainsFunc(l.Devices, func(d Device) bool {
		return d.Kid == kid && slices.Contains(d.May, right)
	})
}

// Sign returns l signed by k to follow before, with the Prev that this asks for;
// before is the zero DeviceList where l is a person's first. The error is a
// verdict of ParseDeviceList when the fields do not make a list that k may sign.
func (l DeviceList) Sign(before DeviceList, k PrivateKey) (DeviceList, error) {
	if !before.IsZero() {
		l.Prev = before.Hash()
	}
	l.Devices = append([]Device{}, l.Devices...)
	for i, d := range l.Devices {
		l.Devices[i].May = append([]string{}, d.May...) // arrays, never null
	}
	text, err := k.sign(typeDevices, "kid", k.Public().String(), l)
	if err != nil {
		return DeviceList{}, fmt.Errorf("sign device list: %w", err)
	}
	if l.Gen > before.Gen { // a generation begins its own chain
		return ParseDeviceList(text)
	}
	return before.Accept(text + separator + before.text)
}
