package webid

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// PrivateKey is a P-256 key pair: a device's or the server's. The zero
// PrivateKey signs nothing. Its text form is the 32-byte scalar in base64url.
type PrivateKey struct {
	key *ecdsa.PrivateKey
}

var errNoKey = errors.New("no key")

// GenerateKey returns a new random key pair.
func GenerateKey() (PrivateKey, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("generate key: %w", err)
	}
	return PrivateKey{k}, nil
}

// Public returns the public half, or the zero Key.
func (k PrivateKey) Public() Key {
	var p Key
	if k.key == nil {
		return p
	}
	if point, err := k.key.PublicKey.Bytes(); err == nil {
		copy(p.point[:], point)
	}
	return p
}

// MarshalText returns the secret scalar in base64url, 43 characters.
func (k PrivateKey) MarshalText() ([]byte, error) {
	if k.key == nil {
		return nil, fmt.Errorf("encode private key: %w", errNoKey)
	}
	scalar, err := k.key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return []byte(encode64(scalar)), nil
}

// UnmarshalText reads what MarshalText wrote. The error is Malformed when it
// is not a scalar of the curve.
func (k *PrivateKey) UnmarshalText(text []byte) error {
	scalar, ok := decode64(string(text))
	if !ok {
		return fmt.Errorf("parse private key: %w", Malformed)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return fmt.Errorf("parse private key: %w", Malformed)
	}
	k.key = key
	return nil
}

// ECDH returns k for key agreement.
func (k PrivateKey) ECDH() (*ecdh.PrivateKey, error) {
	if k.key == nil {
		return nil, fmt.Errorf("use key for agreement: %w", errNoKey)
	}
	return k.key.ECDH()
}

// Assertion returns a self-issued JWT by which the device with key k asks the
// issuer for an access token. It holds for 120 seconds from now, once.
// (protocol §1.3; W3C LWS 1.0 did:key suite)
func (k PrivateKey) Assertion(issuer string, now time.Time) (string, error) {
	me := k.Public().String()
	return k.sign("JWT", "kid", me, map[string]any{
		"iss": me, "sub": me, "client_id": me, "aud": issuer,
		"iat": now.Unix(), "exp": now.Add(maxAssertion).Unix(), "jti": nonce(),
	})
}

// Proof returns a DPoP proof by k for one request: method and url as they are
// sent. token is the access token that the request carries, "" at the token
// endpoint; nonce is the last DPoP-Nonce that the server gave, or "".
// (RFC 9449 §4.2)
func (k PrivateKey) Proof(method, url, token, dpopNonce string, now time.Time) (string, error) {
	claims := map[string]any{"htm": method, "htu": url, "iat": now.Unix(), "jti": nonce()}
	if token != "" {
		claims["ath"] = hash64([]byte(token))
	}
	if dpopNonce != "" {
		claims["nonce"] = dpopNonce
	}
	return k.sign("dpop+jwt", "jwk", k.Public(), claims)
}

// nonce returns 128 random bits in base64url, 22 characters.
func nonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return encode64(b[:])
}
