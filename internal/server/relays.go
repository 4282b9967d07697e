package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"kith/webid"
)

// relaysPath is the resource that says by which relays a person is reached. The owner's devices write it, through
// replicas, and this server does; nobody else reads it.
//
//	{"secret": b64u(32), "hop": true,
//	 "relays": [{"url": RELAY, "queue": "<id>", "since": "2026-…Z"}],
//	 "old":    [{"url", "queue", "since", "secret": b64u(32), "until": "2026-…Z"}]}
//
// Whatever the pod and the phones must agree on without a word follows from the secret: who else knows a part of
// it knows that part only. What is old is a queue that friends may still know of; it is read until then.
const relaysPath = "/settings/relays"

const (
	maxRelays    = 8
	maxOldRelays = 4 * maxRelays
	maxRelaysDoc = 16 << 10 // bytes of the resource
	maxRelayURL  = 231      // bytes: with a send id it fits a way of an invite's link
	maxQueueName = 200
)

// queue is where messages for a person wait, at one relay.
type queue struct {
	URL   string    `json:"url"` // RELAY, with its last slash
	Queue string    `json:"queue"`
	Since time.Time `json:"since"`
}

// oldQueue is one that friends may still know of.
type oldQueue struct {
	queue
	Secret secret    `json:"secret"`
	Until  time.Time `json:"until"`
}

// relays are a person's settings. The zero relays are those of somebody who is reached directly only.
type relays struct {
	Secret secret     `json:"secret"`
	Hop    bool       `json:"hop"` // what the person's devices send goes by way of a second relay where there is one
	Relays []queue    `json:"relays"`
	Old    []oldQueue `json:"old,omitempty"`
}

// secret is 32 bytes, in JSON base64url.
type secret [32]byte

// newSecret returns a random secret.
func newSecret() (s secret) {
	rand.Read(s[:]) // never fails (crypto/rand)
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (s secret) MarshalText() ([]byte, error) { return []byte(encode(s[:])), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *secret) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(b) != len(s) || strings.ContainsAny(string(text), "\r\n") {
		return webid.Malformed
	}
	copy(s[:], b)
	return nil
}

// derive returns what the secret and the words make, 32 bytes.
func (s secret) derive(words ...string) []byte {
	h := hmac.New(sha256.New, s[:])
	h.Write([]byte(strings.Join(words, "\n")))
	return h.Sum(nil)
}

// send returns the 24 bytes by which one leaves messages at a relay, under a name: who may be told of them.
func (s secret) send(relay, name string) []byte { return s.derive("kith send 1", relay, name)[:24] }

// token returns the 32 bytes by which a device reads the queue at a relay.
func (s secret) token(relay, kid string) []byte { return s.derive("kith read 1", relay, kid) }

// cursorKey returns the 32 bytes by which the person's responders seal cursors.
func (s secret) cursorKey() []byte { return s.derive("kith cursor 1") }

// way returns the way to the queue at a relay, under a name.
func (s secret) way(relay, name string) webid.Way {
	return webid.Way{Relay: relay, Send: encode(s.send(relay, name))}
}

// Names under which sends are derived.
const (
	nameOwn  = "own"  // the owner's devices
	namePair = "pair" // a device that knows nothing yet but a link
)

func nameContact(c webid.Contact) string { return fmt.Sprintf("%s %d", c.CID, c.Grant) }

func nameInvite(id []byte) string { return "invite " + encode(id) }

// parseRelays reads the resource. Members that mean nothing here are left out. The error is webid.Malformed.
func parseRelays(text []byte) (relays, error) {
	var r relays
	if len(text) > maxRelaysDoc || json.Unmarshal(text, &r) != nil {
		return relays{}, fmt.Errorf("read relays: %w", webid.Malformed)
	}
	known := map[string]bool{}
	for _, q := range r.Relays {
		if known[q.URL] || !q.valid() {
			return relays{}, fmt.Errorf("read relays: %w", webid.Malformed)
		}
		known[q.URL] = true
	}
	bad := func(q oldQueue) bool { return !q.valid() || q.Until.IsZero() || q.Secret == secret{} }
	if r.Secret == (secret{}) || len(r.Relays) > maxRelays || len(r.Old) > maxOldRelays || slices.ContainsFunc(r.Old, bad) {
		return relays{}, fmt.Errorf("read relays: %w", webid.Malformed)
	}
	return r, nil
}

func (q queue) valid() bool {
	return relayURL(q.URL) && q.Queue != "" && len(q.Queue) <= maxQueueName && !strings.ContainsFunc(q.Queue, notBase64)
}

func notBase64(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// relayURL reports whether s can be the address of a relay.
func relayURL(s string) bool {
	way := webid.Way{Relay: s, Send: strings.Repeat("A", 32)}
	return len(s) <= maxRelayURL && way.Valid()
}

// canonicalRelay checks an address of a relay as a person writes it, and gives it its last slash.
func canonicalRelay(s string) (string, error) {
	u, err := url.Parse(withScheme(s))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%w: %q is no address of a relay; write for example https://relay.example.org/", ErrConfig, s)
	}
	u.Host = strings.ToLower(u.Host)
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if !relayURL(u.String()) {
		return "", fmt.Errorf("%w: %q is no address of a relay: it may have a path, and nothing after that", ErrConfig, s)
	}
	return u.String(), nil
}

// ways returns how whoever is told a name reaches the person, the best relay first.
func (r relays) ways(name string) []webid.Way {
	var all []webid.Way
	for _, q := range r.Relays {
		all = append(all, r.Secret.way(q.URL, name))
	}
	return all
}

// urls returns the relays.
func (r relays) urls() (all []string) {
	for _, q := range r.Relays {
		all = append(all, q.URL)
	}
	return all
}
