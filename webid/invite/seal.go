package invite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"kith/webid"
)

const (
	badProof   webid.Verdict = "bad proof"
	badBinding webid.Verdict = "bad binding"
)

const (
	maxBody = 64 << 10 // bytes of a sealed message
	sizeEnc = 65       // bytes of an encapsulated P-256 key (RFC 9180 §7.1)
)

// exporter is either end of an HPKE context.
type exporter interface {
	Export(context string, length int) ([]byte, error)
}

// confirmKey returns the key that seals the confirmation.
func confirmKey(e exporter) ([]byte, error) { return e.Export("kith confirm 1", 16) }

func sealTo(key webid.Key, id, plain []byte) (body, confirm []byte, err error) {
	point, err := key.ECDH()
	if err != nil {
		return nil, nil, err
	}
	pub, err := hpke.NewDHKEMPublicKey(point)
	if err != nil {
		return nil, nil, err
	}
	enc, sender, err := hpke.NewSender(pub, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith invite 1"))
	if err != nil {
		return nil, nil, err
	}
	sealed, err := sender.Seal(id, plain)
	if err != nil {
		return nil, nil, err
	}
	confirm, err = confirmKey(sender)
	return append(enc, sealed...), confirm, err
}

// openBy opens what sealTo sealed. The error is webid.Malformed.
func openBy(key webid.PrivateKey, id, body []byte) (plain, confirm []byte, err error) {
	if len(body) > maxBody || len(body) < sizeEnc {
		return nil, nil, webid.Malformed
	}
	scalar, err := key.ECDH()
	if err != nil {
		return nil, nil, err
	}
	private, err := hpke.NewDHKEMPrivateKey(scalar)
	if err != nil {
		return nil, nil, err
	}
	recipient, err := hpke.NewRecipient(body[:sizeEnc], private, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("kith invite 1"))
	if err != nil {
		return nil, nil, webid.Malformed
	}
	if plain, err = recipient.Open(id, body[sizeEnc:]); err != nil {
		return nil, nil, webid.Malformed
	}
	confirm, err = confirmKey(recipient)
	return plain, confirm, err
}

// gcm returns the AEAD of a confirmation. Its key exists for one message, so
// the nonce may be constant.
func gcm(key []byte) (aead cipher.AEAD, nonce []byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	aead, err = cipher.NewGCM(block)
	if err != nil {
		return nil, nil, err
	}
	return aead, make([]byte, aead.NonceSize()), nil
}

// proof shows that who wrote the device list has the invite's secret.
func proof(secret []byte, devices string) []byte {
	sum := sha256.Sum256([]byte(devices))
	return mac(secret, append([]byte("kith accept 1"), sum[:]...))
}

// binding shows, to the holder of the other half of key only, that who made
// the proof has k.
func binding(k webid.PrivateKey, key webid.Key, secret, proof []byte) ([]byte, error) {
	scalar, err := k.ECDH()
	if err != nil {
		return nil, err
	}
	point, err := key.ECDH()
	if err != nil {
		return nil, err
	}
	shared, err := scalar.ECDH(point)
	if err != nil {
		return nil, err
	}
	derived, err := hkdf.Key(sha256.New, shared, secret, "kith binding 1", 32)
	if err != nil {
		return nil, err
	}
	return mac(derived, proof), nil
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// decode reads the members of a JSON object into wanted, by exact name. All of
// them have to be there; others are ignored.
func decode(text []byte, wanted map[string]any) error {
	var members map[string]json.RawMessage
	if !utf8.Valid(text) || json.Unmarshal(text, &members) != nil {
		return webid.Malformed
	}
	for name, into := range wanted {
		raw := members[name]
		if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, into) != nil {
			return fmt.Errorf("member %q: %w", name, webid.Malformed)
		}
	}
	return nil
}
