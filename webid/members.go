package webid

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// members are the members of a JSON object, by exact name: encoding/json would
// also take "Label" for "label", and other languages do not. Each accessor
// returns the zero value and sets err when a member is not what is asked for.
type members struct {
	raw map[string]json.RawMessage
	err error
}

func parseMembers(text []byte) (*members, error) {
	m := &members{}
	if !utf8.Valid(text) || !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return m, Malformed
	}
	if json.Unmarshal(text, &m.raw) != nil {
		return m, Malformed
	}
	return m, nil
}

func (m *members) fail() { m.err = Malformed }

func (m *members) has(names ...string) bool {
	for _, n := range names {
		if _, ok := m.raw[n]; ok {
			return true
		}
	}
	return false
}

// get decodes the member into v. JSON null is no value.
func (m *members) get(name string, v any) bool {
	raw := m.raw[name]
	if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, v) != nil {
		m.fail()
		return false
	}
	return true
}

// text returns a string of at most size bytes.
func (m *members) text(name string, size int) string {
	var s string
	if m.get(name, &s) && len(s) > size {
		m.fail()
		return ""
	}
	return s
}

// optional returns a string of at most size bytes, "" when absent.
func (m *members) optional(name string, size int) string {
	if !m.has(name) {
		return ""
	}
	return m.text(name, size)
}

// flag returns a boolean, false when absent.
func (m *members) flag(name string) bool {
	var b bool
	if m.has(name) {
		m.get(name, &b)
	}
	return b
}

// maxNumber is the largest integer that every JSON reader keeps (RFC 8259 §6).
const maxNumber = 1<<53 - 1

// maxLeap bounds how far numbers may rise by which lists and keys documents are told from older ones: whoever could
// sign the largest that there is, for once, would be outranked by nobody. (protocol §Keys and lists)
const maxLeap = 1 << 32

// number returns an integer of at least low.
func (m *members) number(name string, low uint64) uint64 {
	var n uint64
	if m.get(name, &n) && (n < low || n > maxNumber) {
		m.fail()
		return 0
	}
	return n
}

// seconds returns a NumericDate, which may have a fraction. (RFC 7519 §2)
func (m *members) seconds(name string) time.Time {
	var n float64
	if m.get(name, &n) && (n < 0 || n > maxNumber) {
		m.fail()
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}

// texts returns the strings of a member that is one string or an array of at
// most size strings.
func (m *members) texts(name string, size int) []string {
	var one string
	if json.Unmarshal(m.raw[name], &one) == nil {
		return []string{one}
	}
	var all []string
	if m.get(name, &all) && len(all) > size {
		m.fail()
		return nil
	}
	return all
}

// bytes returns base64url of low to high bytes.
func (m *members) bytes(name string, low, high int) []byte {
	s := m.text(name, base64.RawURLEncoding.EncodedLen(high))
	b, ok := decode64(s)
	if !ok || len(b) < low {
		m.fail()
		return nil
	}
	return b
}

// moment returns a time in RFC 3339.
func (m *members) moment(name string) time.Time {
	var t time.Time
	if t.UnmarshalText([]byte(m.text(name, 40))) != nil { // stricter than time.Parse
		m.fail()
		return time.Time{}
	}
	return t.UTC()
}

// list returns the elements of an array of at most size elements, none when it
// is absent.
func (m *members) list(name string, size int) []json.RawMessage {
	var l []json.RawMessage
	if m.has(name) && m.get(name, &l) && len(l) > size {
		m.fail()
		return nil
	}
	return l
}

var strict64 = base64.RawURLEncoding.Strict()

func encode64(b []byte) string { return strict64.EncodeToString(b) }

// decode64 reads base64url without padding, without line breaks, and with
// zeros in the bits that are left over: one text for each value (RFC 4648 §3.5).
func decode64(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := strict64.DecodeString(s)
	return b, err == nil
}

// hash64 returns SHA-256 in base64url, 43 characters.
func hash64(b []byte) string {
	sum := sha256.Sum256(b)
	return encode64(sum[:])
}
