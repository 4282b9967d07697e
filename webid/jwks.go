package webid

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"slices"

	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"
)

const (
	maxKeys   = 64  // keys of one issuer
	maxKeyID  = 256 // bytes of a kid
	minRSA    = 2048
	maxRSA    = 4096
	maxPublic = 1 << 17 // of an RSA exponent; 65537 in practice
)

// algorithms are those that another issuer may sign with, and the key that each
// takes: a signature of one is never checked with the key of another, and none
// of them has a secret that a public key could be mistaken for. (RFC 8725 §3.1)
var algorithms = map[string]struct{ kty, crv string }{
	"ES256": {"EC", "P-256"},
	"ES384": {"EC", "P-384"},
	"EdDSA": {"OKP", "Ed25519"},
	"RS256": {"RSA", ""},
	"PS256": {"RSA", ""},
}

// publicKey is a key of another issuer, for signatures of one algorithm.
type publicKey struct {
	alg string
	key any
}

// verify checks the signature of c.
func (k publicKey) verify(c compact) error {
	if k.key == nil || jwsbb.Verify(k.key, k.alg, []byte(c.signed), c.signature) != nil {
		return badSignature
	}
	return nil
}

// findKey returns the key named kid, for signatures of alg, in a JWK set.
// The verdict is Malformed, unknown key when there is none, and also when
// several have that name: nothing then tells which is meant. (RFC 7517 §5)
func findKey(set []byte, kid, alg string) (publicKey, error) {
	m, err := parseMembers(set)
	if err != nil {
		return publicKey{}, err
	}
	var found publicKey
	for _, raw := range m.list("keys", maxKeys) {
		k, err := parseMembers(raw)
		if err != nil || k.optional("kid", maxKeyID) != kid || k.optional("kty", 8) != algorithms[alg].kty {
			continue
		}
		key, err := readPublic(k, alg)
		if err != nil {
			return publicKey{}, err
		}
		if found.key != nil {
			return publicKey{}, unknownKey
		}
		found = key
	}
	if m.err != nil {
		return publicKey{}, Malformed
	}
	if found.key == nil {
		return publicKey{}, unknownKey
	}
	return found, nil
}

// readPublic reads a JWK for signatures of alg. (RFC 7517 §4, RFC 7518 §6, RFC 8037)
func readPublic(m *members, alg string) (publicKey, error) {
	want, ok := algorithms[alg]
	if !ok || m.has(privateMembers...) || !forSignatures(m, alg) || m.text("kty", 8) != want.kty {
		return publicKey{}, wrongKey
	}
	if want.crv != "" && m.text("crv", 16) != want.crv {
		return publicKey{}, wrongKey
	}
	var key any
	switch alg {
	case "ES256":
		key = readPoint(m, elliptic.P256())
	case "ES384":
		key = readPoint(m, elliptic.P384())
	case "EdDSA":
		key = ed25519.PublicKey(m.bytes("x", 32, 32))
	default:
		key = readRSA(m)
	}
	if m.err != nil {
		return publicKey{}, wrongKey
	}
	return publicKey{alg, key}, nil
}

// forSignatures reports whether what a JWK says about its use lets it verify
// signatures of alg. (RFC 7517 §4.2, §4.3, §4.4)
func forSignatures(m *members, alg string) bool {
	var operations []string
	if m.has("key_ops") && (json.Unmarshal(m.raw["key_ops"], &operations) != nil || !slices.Contains(operations, "verify")) {
		return false
	}
	use, only := m.optional("use", 16), m.optional("alg", 16)
	return (use == "" || use == "sig") && (only == "" || only == alg)
}

func readPoint(m *members, curve elliptic.Curve) any {
	size := (curve.Params().BitSize + 7) / 8
	point := slices.Concat([]byte{4}, m.bytes("x", size, size), m.bytes("y", size, size))
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		m.fail()
	}
	return key
}

// readRSA reads a modulus that is long enough to be safe and short enough to be
// cheap, and a small exponent.
func readRSA(m *members) any {
	n, e := new(big.Int).SetBytes(m.bytes("n", minRSA/8, maxRSA/8+1)), m.bytes("e", 1, 4)
	exponent := new(big.Int).SetBytes(e).Int64()
	if n.BitLen() < minRSA || n.BitLen() > maxRSA || n.Bit(0) == 0 || exponent < 3 || exponent > maxPublic || exponent%2 == 0 {
		m.fail()
	}
	return &rsa.PublicKey{N: n, E: int(exponent)}
}
