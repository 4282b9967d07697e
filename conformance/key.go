package conformance

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Key is a P-256 key pair that signs.
type Key struct{ private *ecdsa.PrivateKey }

// newKey returns a new random key.
func newKey() (Key, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make key: %w", err)
	}
	return Key{k}, nil
}

const (
	alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" // base58btc
	didKey   = "did:key:z"
)

var (
	b64    = base64.RawURLEncoding
	b32    = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	prefix = []byte{0x80, 0x24} // multicodec p256-pub, 0x1200, as a varint
)

// point returns the public key as 0x04 ‖ X ‖ Y (SEC 1 §2.3.3).
func (k Key) point() []byte {
	b, err := k.private.PublicKey.Bytes()
	if err != nil {
		panic(err) // a generated key is a point of its curve
	}
	return b
}

// compressed returns a point of 65 bytes in 33.
func compressed(point []byte) []byte { return append([]byte{2 | point[64]&1}, point[1:33]...) }

// expanded undoes compressed, and checks that the point is one.
func expanded(b []byte) ([]byte, error) {
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), b)
	if x == nil {
		return nil, errors.New("not a compressed point of P-256")
	}
	point := make([]byte, 65)
	point[0] = 4
	x.FillBytes(point[1:33])
	y.FillBytes(point[33:])
	return point, nil
}

// DID returns the did:key of the public key: base58btc of the multicodec prefix and the compressed point.
func (k Key) DID() string {
	n := new(big.Int).SetBytes(append(bytes.Clone(prefix), compressed(k.point())...))
	var digits []byte
	for base, digit := big.NewInt(58), new(big.Int); n.Sign() > 0; {
		n.DivMod(n, base, digit)
		digits = append([]byte{alphabet[digit.Int64()]}, digits...)
	}
	return didKey + string(digits)
}

// publicOf returns the public key that a did:key names.
func publicOf(did string) (*ecdsa.PublicKey, error) {
	text, ok := strings.CutPrefix(did, didKey)
	n := new(big.Int)
	for _, c := range []byte(text) {
		digit := strings.IndexByte(alphabet, c)
		ok = ok && digit >= 0
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(digit)))
	}
	b, found := bytes.CutPrefix(n.Bytes(), prefix)
	if !ok || !found || len(b) != 33 {
		return nil, fmt.Errorf("read %q: not a did:key of P-256", did)
	}
	point, err := expanded(b)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", did, err)
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

// Label returns the permanent name of the person whose first person key this is (protocol §1.1).
func (k Key) Label() string {
	sum := sha256.Sum256(compressed(k.point()))
	return b32.EncodeToString(sum[:])
}

// jwk returns the public half of a point of 65 bytes (RFC 7518 §6.2.1).
func jwk(point []byte) map[string]string {
	return map[string]string{"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(point[1:33]), "y": b64.EncodeToString(point[33:])}
}

// fromJWK undoes jwk.
func fromJWK(j map[string]string) ([]byte, error) {
	x, errX := b64.DecodeString(j["x"])
	y, errY := b64.DecodeString(j["y"])
	if j["kty"] != "EC" || j["crv"] != "P-256" || errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, fmt.Errorf("read JWK: %q is no key of P-256", j)
	}
	point := append(append([]byte{4}, x...), y...)
	_, err := ecdh.P256().NewPublicKey(point)
	return point, err
}

// thumbprint returns the RFC 7638 thumbprint of a point of 65 bytes.
func thumbprint(point []byte) string {
	j := jwk(point)
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, j["x"], j["y"]))
	return b64.EncodeToString(sum[:])
}

// claims are the payload of a JWT.
type claims = jwt.MapClaims

// sign returns claims as a JWS, alg ES256, with header members besides alg.
func (k Key) sign(header map[string]any, c claims) (string, error) {
	return k.signAs(jwt.SigningMethodES256, k.private, header, c)
}

// signAs signs by any method, to try what must be refused too.
func (Key) signAs(method jwt.SigningMethod, key any, header map[string]any, c claims) (string, error) {
	t := jwt.NewWithClaims(method, c)
	for name, value := range header {
		t.Header[name] = value
	}
	text, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text, nil
}

// verify returns the claims of a JWS of type typ that was signed by the did:key in its kid.
func verify(text, typ string) (c claims, signer string, err error) {
	c = claims{}
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{"ES256"})).ParseWithClaims(text, c, func(t *jwt.Token) (any, error) {
		if t.Header["typ"] != typ {
			return nil, fmt.Errorf("it is of type %q, not %q", t.Header["typ"], typ)
		}
		signer, _ = t.Header["kid"].(string)
		return publicOf(signer)
	})
	if err != nil {
		return nil, "", fmt.Errorf("verify %s: %w", typ, err)
	}
	return c, signer, nil
}

// random returns n random bytes in base64url.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return b64.EncodeToString(b)
}
