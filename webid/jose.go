package webid

import (
	"crypto"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"
)

const (
	maxToken  = 16 << 10 // bytes of any JWT in a request
	maxSigned = 8 << 10  // bytes of one device list, or of a keys document
)

// compact is a JWS in compact serialization, taken apart and not yet verified.
type compact struct {
	header    *members
	payload   *members
	signed    string // the first two parts
	signature []byte // for ES256: r ‖ s
}

// parseCompact takes a JWS of at most size bytes apart. The error is Malformed
// unless it has exactly three canonical base64url parts, and header and payload
// are JSON objects; so encrypted and nested tokens are refused here.
func parseCompact(text string, size int) (compact, error) {
	c, err := splitCompact(text, size)
	if err == nil && len(c.signature) != 64 {
		err = Malformed
	}
	return c, err
}

// splitCompact is parseCompact for a signature of any size.
func splitCompact(text string, size int) (compact, error) {
	parts := strings.Split(text[:min(len(text), size+1)], ".")
	if len(text) > size || len(parts) != 3 {
		return compact{}, Malformed
	}
	var raw [3][]byte
	for i, p := range parts {
		b, ok := decode64(p)
		if !ok {
			return compact{}, Malformed
		}
		raw[i] = b
	}
	header, err := parseMembers(raw[0])
	if err != nil {
		return compact{}, err
	}
	payload, err := parseMembers(raw[1])
	return compact{header, payload, text[:len(parts[0])+1+len(parts[1])], raw[2]}, err
}

// expect asks that the header consists of alg ES256, the type typ, and the
// member key, and nothing else: no crit, b64, jku, x5c or other way to bring
// another key or another meaning (RFC 8725 §3).
func (c compact) expect(typ, key string) error {
	h := c.header
	if len(h.raw) != 3 || !h.has(key) || h.text("alg", 16) != "ES256" || h.text("typ", 32) != typ || h.err != nil {
		return wrongHeader
	}
	return nil
}

// signer returns the key that the header's kid names.
func (c compact) signer() (Key, error) {
	k, err := ParseKey(c.header.text("kid", 128))
	if err != nil {
		return Key{}, wrongHeader
	}
	return k, nil
}

// verify checks the signature, and nothing else. It takes the building block
// under jws.Verify, which would read the header again with another JSON reader:
// slower than the signature itself, and two readers may understand two things.
func (c compact) verify(k Key) error {
	pub, err := k.ecdsa()
	if err != nil {
		return badSignature
	}
	if err := jwsbb.VerifyECDSA(pub, []byte(c.signed), c.signature, crypto.SHA256); err != nil {
		return badSignature
	}
	return nil
}

// openSigned parses a JWS of type typ and verifies it by the did:key in its kid.
func openSigned(text, typ string, size int) (compact, Key, error) {
	c, err := parseCompact(text, size)
	if err != nil {
		return c, Key{}, err
	}
	if err := c.expect(typ, "kid"); err != nil {
		return c, Key{}, err
	}
	k, err := c.signer()
	if err != nil {
		return c, Key{}, err
	}
	return c, k, c.verify(k)
}

// sign returns claims as a JWS of type typ, alg ES256, whose key is told by the
// header member key: kid or jwk.
func (k PrivateKey) sign(typ, key string, value, claims any) (string, error) {
	if k.key == nil {
		return "", fmt.Errorf("sign: %w", errNoKey)
	}
	text, err := json.Marshal(map[string]any{"typ": typ, key: value})
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	header := jws.NewHeaders()
	if err := json.Unmarshal(text, header); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.ES256(), k.key, jws.WithProtectedHeaders(header)))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return string(signed), nil
}
