package webid

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ID is the IRI of an agent: an http or https WebID, or the did:key of a P-256
// key. IDs are compared byte for byte; nothing is normalised.
type ID string

const maxID = 2048 // bytes

// ParseID returns s as an ID. The error is Malformed when s is neither an
// absolute http(s) IRI with a host and without credentials, nor the canonical
// did:key of a P-256 key, or when it is longer than 2048 bytes.
func ParseID(s string) (ID, error) {
	if strings.HasPrefix(s, "did:") {
		if _, err := ParseKey(s); err != nil {
			return "", fmt.Errorf("parse id: %w", err)
		}
		return ID(s), nil
	}
	if len(s) > maxID || !utf8.ValidString(s) || strings.ContainsFunc(s, notInIRI) {
		return "", fmt.Errorf("parse id: %w", Malformed)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", fmt.Errorf("parse id: %w", Malformed)
	}
	return ID(s), nil
}

// notInIRI tells the characters that RFC 3987 §2.2 leaves out of every IRI.
func notInIRI(r rune) bool {
	return r <= ' ' || r >= 0x7f && r < 0xa0 || strings.ContainsRune("<>\"{}|\\^`", r)
}
