package webid

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
)

// Key is a public P-256 key. The zero Key is no key and verifies nothing. Keys
// are comparable. In JSON a Key is a JWK of four members: kty, crv, x, y.
type Key struct {
	point [65]byte // 0x04 ‖ x ‖ y (SEC 1 §2.3.3); all zero for the zero Key
}

const (
	didKey     = "did:key:z"
	multicodec = "\x80\x24" // varint of 0x1200, p256-pub
)

// ParseKey returns the key that a did:key names, for example
// did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169. The error is
// Malformed for any codec but P-256, for a point that is not on the curve, and
// for a text that is not the only one of its key.
// (W3C did:key; multicodec p256-pub)
func ParseKey(did string) (Key, error) {
	text, ok := strings.CutPrefix(did, didKey)
	if !ok {
		return Key{}, fmt.Errorf("parse did:key: %w", Malformed)
	}
	raw, ok := decode58(text)
	if !ok || !bytes.HasPrefix(raw, []byte(multicodec)) {
		return Key{}, fmt.Errorf("parse did:key: %w", Malformed)
	}
	k, err := parsePoint(raw[len(multicodec):])
	if err != nil {
		return Key{}, fmt.Errorf("parse did:key: %w", err)
	}
	return k, nil
}

// UnmarshalBinary reads a compressed point of 33 bytes (SEC 1 §2.3.4). The error
// is Malformed.
func (k *Key) UnmarshalBinary(point []byte) error {
	key, err := parsePoint(point)
	if err != nil {
		return fmt.Errorf("parse point: %w", err)
	}
	*k = key
	return nil
}

// parsePoint reads a compressed point of 33 bytes (SEC 1 §2.3.4).
func parsePoint(compressed []byte) (Key, error) {
	if len(compressed) != 33 {
		return Key{}, Malformed
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), compressed)
	if x == nil {
		return Key{}, Malformed
	}
	var k Key
	k.point[0] = 4
	x.FillBytes(k.point[1:33])
	y.FillBytes(k.point[33:])
	return k, nil
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k == Key{} }

// Point returns the compressed point, 33 bytes (SEC 1 §2.3.3).
func (k Key) Point() []byte {
	return append([]byte{2 + k.point[64]&1}, k.point[1:33]...)
}

// String returns the did:key of k, 57 characters, or "" for the zero Key.
func (k Key) String() string {
	if k.IsZero() {
		return ""
	}
	return didKey + encode58(append([]byte(multicodec), k.Point()...))
}

// Label returns the name of the person whose person key is k: 52 characters of
// lower-case base32 (protocol §1.1).
func (k Key) Label() string {
	sum := sha256.Sum256(k.Point())
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

// Thumbprint returns the SHA-256 thumbprint of the JWK in base64url without
// padding, 43 characters (RFC 7638 §3).
func (k Key) Thumbprint() string {
	x, y := k.Coordinates()
	return hash64([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
}

// Coordinates returns x and y as they stand in a JWK: base64url of 32 bytes
// each (RFC 7518 §6.2.1).
func (k Key) Coordinates() (x, y string) {
	return encode64(k.point[1:33]), encode64(k.point[33:])
}

// MarshalJSON returns k as a JWK (RFC 7517, RFC 7518 §6.2.1).
func (k Key) MarshalJSON() ([]byte, error) {
	if k.IsZero() {
		return nil, fmt.Errorf("encode JWK: %w", Malformed)
	}
	x, y := k.Coordinates()
	return json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": x, "y": y})
}

// UnmarshalJSON reads a JWK. The error is Malformed for anything but the
// public half of a P-256 key: other types and curves, points not on the curve,
// coordinates that are not exactly 32 bytes, and any private member. Public
// members with another meaning (kid, use, alg, key_ops, ext) are ignored.
func (k *Key) UnmarshalJSON(text []byte) error {
	m, err := parseMembers(text)
	if err != nil {
		return fmt.Errorf("parse JWK: %w", err)
	}
	x, y := m.bytes("x", 32, 32), m.bytes("y", 32, 32)
	if m.text("kty", 8) != "EC" || m.text("crv", 8) != "P-256" || m.has(privateMembers...) || m.err != nil {
		return fmt.Errorf("parse JWK: %w", Malformed)
	}
	var key Key
	key.point[0] = 4
	copy(key.point[1:33], x)
	copy(key.point[33:], y)
	if _, err := key.ecdsa(); err != nil {
		return fmt.Errorf("parse JWK: %w", Malformed)
	}
	*k = key
	return nil
}

// privateMembers are the secret members of every key type (RFC 7518 §6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

func (k Key) ecdsa() (*ecdsa.PublicKey, error) {
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), k.point[:])
}

// ECDH returns k for key agreement. The error is Malformed for the zero Key.
func (k Key) ECDH() (*ecdh.PublicKey, error) {
	p, err := ecdh.P256().NewPublicKey(k.point[:])
	if err != nil {
		return nil, fmt.Errorf("use key for agreement: %w", Malformed)
	}
	return p, nil
}
