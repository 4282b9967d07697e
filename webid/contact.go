package webid

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	maxRecord  = 64 << 10 // bytes of a contact record
	maxAccepts = 16
	maxWays    = 8
	maxPerson  = 256 // bytes of a name
	maxNote    = 8 << 10
)

// Way is one address at which a person can be reached: a pod, a queue at a
// relay, where whoever of the person's devices is awake answers, or a pod's
// onion service.
type Way struct {
	Pod    string `json:"pod,omitempty"`    // URL of a pod, with a trailing slash
	Issuer string `json:"issuer,omitempty"` // its issuer, byte for byte as its tokens name it

	Relay string `json:"relay,omitempty"` // URL of a relay, with a trailing slash
	Send  string `json:"send,omitempty"`  // by which one may leave messages there: base64url of 24 bytes

	Onion string `json:"onion,omitempty"` // URL of a pod as an onion service, for sealed requests: http://<56 characters>.onion/NAME/
}

// Contact is what the owner of a pod keeps about a friend, in
// contacts/<cid>/card. (protocol §1.2)
type Contact struct {
	ID       ID     // contact WebID: the record's URL + "#me"
	CID      string // random name, 20 characters of lower-case base32
	Name     string
	Label    string // of the friend's person key
	Grant    uint64 // a token of an older grant is refused
	Lists           // pinned
	Accepts  []ID   // further identifiers that prove being this contact
	Ways     []Way
	Salt     []byte // 32 bytes shared by the two, or none
	Since    time.Time
	Muted    bool
	Verified bool // the two compared their words
	Blocked  bool // proves nothing until unblocked
	Direct   bool // may see the network addresses of the owner's devices and pod
	Note     string

	extra map[string]json.RawMessage // members with no meaning here, kept
}

var cardPath = regexp.MustCompile(`/contacts/([a-z2-7]{20})/card$`)

// ParseContact reads the contact record found at card, its absolute URL. It
// verifies the lists against each other and the label, and keeps members that
// it does not know. The error is Malformed or a verdict of ParseDeviceList or
// DeviceList.Keys.
func ParseContact(card string, record []byte) (Contact, error) {
	c, err := parseContact(card, record)
	if err != nil {
		return Contact{}, fmt.Errorf("parse contact record: %w", err)
	}
	return c, nil
}

func parseContact(card string, record []byte) (Contact, error) {
	at := cardPath.FindStringSubmatch(card)
	if at == nil || len(record) > maxRecord {
		return Contact{}, Malformed
	}
	m, err := parseMembers(record)
	if err != nil {
		return Contact{}, err
	}
	id, err := ParseID(card + "#me")
	if err != nil {
		return Contact{}, err
	}
	c := Contact{ID: id, CID: at[1]}
	c.read(m)
	if m.err != nil {
		return Contact{}, m.err
	}
	if err := c.readLists(m); err != nil {
		return Contact{}, err
	}
	c.extra = m.raw
	return c, nil
}

// read fills in everything but the lists.
func (c *Contact) read(m *members) {
	if m.text("id", 8) != "#me" || m.text("type", 16) != "Person" {
		m.fail()
	}
	c.Name = m.optional("name", maxPerson)
	c.Label = m.optional("kith:label", 52)
	c.Grant = m.number("kith:grant", 1)
	c.Note = m.optional("kith:note", maxNote)
	c.Muted, c.Verified, c.Blocked = m.flag("kith:muted"), m.flag("kith:verified"), m.flag("kith:blocked")
	c.Direct = m.flag("kith:direct")
	if m.optional("kith:salt", 64) != "" {
		c.Salt = m.bytes("kith:salt", 32, 32)
	}
	if m.has("kith:since") {
		c.Since = m.moment("kith:since")
	}
	c.Accepts, c.Ways = readIDs(m), readWays(m)
}

func readIDs(m *members) []ID {
	var ids []ID
	for _, raw := range m.list("kith:accepts", maxAccepts) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			m.fail()
		}
		id, err := ParseID(s)
		if err != nil {
			m.fail()
		}
		ids = append(ids, id)
	}
	return ids
}

func readWays(m *members) []Way {
	ways, err := ParseWays(m.list("kith:ways", maxWays))
	if err != nil {
		m.fail()
	}
	return ways
}

// ParseWays reads the elements of a JSON array of ways, at most 8, and leaves out
// those of a kind that it does not know. The error is Malformed.
func ParseWays(list []json.RawMessage) ([]Way, error) {
	if len(list) > maxWays {
		return nil, fmt.Errorf("read ways: %w", Malformed)
	}
	var ways []Way
	for _, raw := range list {
		w, known, err := readWay(raw)
		if err != nil {
			return nil, fmt.Errorf("read way: %w", err)
		}
		if known {
			ways = append(ways, w)
		}
	}
	return ways, nil
}

func readWay(raw json.RawMessage) (w Way, known bool, err error) {
	m, err := parseMembers(raw)
	switch {
	case err != nil:
		return Way{}, false, err
	case m.has("pod", "issuer") && m.has("relay", "send"):
		return Way{}, true, Malformed
	case m.has("pod", "issuer"):
		w = Way{Pod: m.text("pod", maxID), Issuer: m.text("issuer", maxID)}
	case m.has("relay", "send"):
		w = Way{Relay: m.text("relay", maxID), Send: m.text("send", maxID)}
	case m.has("onion"):
		w = Way{Onion: m.text("onion", maxID)}
		return w, m.err == nil && w.Valid(), nil // of another form: a kind to come
	default:
		return Way{}, false, nil
	}
	if m.err == nil && !w.Valid() {
		m.fail()
	}
	return w, true, m.err
}

// onionPattern is the form of a pod's address as an onion service. (Tor rend-spec-v3 §6)
var onionPattern = regexp.MustCompile(`^http://[a-z2-7]{56}\.onion/[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?/$`)

// sizeSend is the size of what a way's Send stands for, in bytes.
const sizeSend = 24

// Valid reports whether w is an address that may be called: http(s) URLs
// without credentials, query or fragment, the pod's and the relay's with a
// trailing slash and the issuer's without; and one kind of address alone.
func (w Way) Valid() bool {
	if w.Onion != "" {
		return w == Way{Onion: w.Onion} && onionPattern.MatchString(w.Onion)
	}
	if w.Relay != "" || w.Send != "" {
		send, ok := decode64(w.Send)
		return ok && len(send) == sizeSend && rootURL(w.Relay) && w.Pod == "" && w.Issuer == ""
	}
	return rootURL(w.Pod) && plainURL(w.Issuer) && !strings.HasSuffix(w.Issuer, "/")
}

func rootURL(s string) bool { return plainURL(s) && strings.HasSuffix(s, "/") }

func plainURL(s string) bool {
	if _, err := ParseID(s); err != nil || strings.ContainsAny(s, "?#") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != ""
}

func (c *Contact) readLists(m *members) error {
	devices, keys := m.optional("kith:devices", maxText), m.optional("kith:keys", maxSigned)
	if m.err != nil {
		return m.err
	}
	if devices == "" {
		if keys != "" || c.Label != "" {
			return Malformed
		}
		return nil // a contact known by other identifiers only
	}
	var err error
	if c.Devices, err = c.Devices.read(devices); err != nil {
		return err
	}
	if c.Devices.Label != c.Label {
		return wrongLabel
	}
	if keys != "" {
		c.Keys, err = c.Devices.keys(keys)
	}
	return err
}

// Proves reports whether id, the did:key of a device that may post or another
// identifier, proves being this contact: not when the contact is blocked.
func (c Contact) Proves(id ID) bool {
	return !c.Blocked && c.ID != "" && (c.Devices.Can(string(id), mayPost) || slices.Contains(c.Accepts, id))
}

// MarshalJSON returns the record as it is stored: JSON-LD, with the members
// that ParseContact did not know as they were.
func (c Contact) MarshalJSON() ([]byte, error) {
	record := map[string]any{}
	for name, value := range c.extra {
		record[name] = value
	}
	for name, value := range map[string]any{
		"@context":      []any{"https://www.w3.org/ns/activitystreams", map[string]string{"kith": "https://kith.invalid/ns#"}},
		"id":            "#me",
		"type":          "Person",
		"name":          c.Name,
		"kith:label":    c.Label,
		"kith:grant":    c.Grant,
		"kith:devices":  c.Devices.String(),
		"kith:keys":     c.Keys.String(),
		"kith:accepts":  append([]ID{}, c.Accepts...),
		"kith:ways":     append([]Way{}, c.Ways...),
		"kith:salt":     encode64(c.Salt),
		"kith:since":    c.Since.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano),
		"kith:muted":    c.Muted,
		"kith:verified": c.Verified,
		"kith:blocked":  c.Blocked,
		"kith:direct":   c.Direct,
		"kith:note":     c.Note,
	} {
		record[name] = value
	}
	return json.Marshal(record)
}
