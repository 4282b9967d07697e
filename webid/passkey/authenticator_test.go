package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

const (
	up = 1 << 0
	uv = 1 << 2
	be = 1 << 3
	bs = 1 << 4
	at = 1 << 6
	ed = 1 << 7
)

// authenticator makes and shows one passkey. What a test wants wrong it changes
// before; CBOR is written by another program than the one that is tested.
type authenticator struct {
	cose map[int]any
	sign func(message []byte) []byte

	id, handle []byte
	party      string
	flags      byte
	count      uint32
	client     map[string]any // members of the client data; nil leaves one out
	extensions []byte
	tail       []byte                // after the authenticator data
	attest     func(object) any      // the attestation object; nil: as it is
	answer     map[string]any        // members of the answer, over its own
	key        func(k []byte) []byte // the key as it is written; nil: in CBOR
	size       int                   // of the ID as it is announced; 0: as it is
	bom        bool                  // before the client data
}

type object struct {
	Fmt       string         `cbor:"fmt"`
	Statement map[string]any `cbor:"attStmt"`
	Data      []byte         `cbor:"authData"`
}

func encoded(v any) []byte {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	text, err := mode.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// newAuthenticator returns one with an ES256 key, which answers the example party.
func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return withECDSA(t, key, -7, 1, crypto.SHA256)
}

func blank() *authenticator {
	id := make([]byte, 20)
	rand.Read(id)
	return &authenticator{id: id, handle: []byte("handle"), party: example.ID, flags: up | uv, client: map[string]any{}, answer: map[string]any{}}
}

func withECDSA(t testing.TB, key *ecdsa.PrivateKey, alg, curve int, hash crypto.Hash) *authenticator {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	size := len(point) / 2
	a := blank()
	a.cose = map[int]any{1: 2, 3: alg, -1: curve, -2: point[1 : 1+size], -3: point[1+size:]}
	a.sign = func(message []byte) []byte { return signed(t, key, hash, message) }
	return a
}

// signed signs the hash of a message.
func signed(t testing.TB, key crypto.Signer, hash crypto.Hash, message []byte) []byte {
	t.Helper()
	if hash != 0 {
		h := hash.New()
		h.Write(message)
		message = h.Sum(nil)
	}
	signature, err := key.Sign(rand.Reader, message, hash)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func withEdDSA(t testing.TB) *authenticator {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := blank()
	a.cose = map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(public)}
	a.sign = func(message []byte) []byte { return signed(t, key, 0, message) }
	return a
}

func withRSA(t testing.TB, bits int) *authenticator {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	a := blank()
	a.cose = map[int]any{1: 3, 3: -257, -1: key.N.Bytes(), -2: []byte{1, 0, 1}}
	a.sign = func(message []byte) []byte { return signed(t, key, crypto.SHA256, message) }
	return a
}

// data is the authenticator data; made: with the credential.
func (a *authenticator) data(made bool) []byte {
	party := sha256.Sum256([]byte(a.party))
	flags := a.flags
	if made {
		flags ^= at
	}
	d := binary.BigEndian.AppendUint32(append(party[:], flags), a.count)
	if flags&at != 0 {
		size := len(a.id)
		if a.size != 0 {
			size = a.size
		}
		key := encoded(a.cose)
		if a.key != nil {
			key = a.key(key)
		}
		d = slices.Concat(d, make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(size)), a.id, key)
	}
	return slices.Concat(d, a.extensions, a.tail)
}

func (a *authenticator) clientData(kind string, challenge []byte) []byte {
	said := map[string]any{"type": kind, "challenge": b64(challenge), "origin": example.Origin, "crossOrigin": false}
	overlay(said, a.client)
	if a.bom {
		return append([]byte("\ufeff"), written(said)...)
	}
	return written(said)
}

func overlay(m, over map[string]any) {
	for name, v := range over {
		if m[name] = v; v == nil {
			delete(m, name)
		}
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// create does what navigator.credentials.create does.
func (a *authenticator) create(challenge []byte) []byte {
	var attested any = object{"none", map[string]any{}, a.data(true)}
	if a.attest != nil {
		attested = a.attest(attested.(object))
	}
	raw, ok := attested.([]byte)
	if !ok {
		raw = encoded(attested)
	}
	return a.credential(map[string]any{"clientDataJSON": b64(a.clientData("webauthn.create", challenge)), "attestationObject": b64(raw)})
}

// get does what navigator.credentials.get does.
func (a *authenticator) get(challenge []byte) []byte {
	data, client := a.data(false), a.clientData("webauthn.get", challenge)
	hash := sha256.Sum256(client)
	return a.credential(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data),
		"signature": b64(a.sign(slices.Concat(data, hash[:]))), "userHandle": b64(a.handle),
	})
}

func (a *authenticator) credential(response map[string]any) []byte {
	c := map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response}
	overlay(c, a.answer)
	return written(c)
}

func newChallenge() []byte {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	return challenge
}
